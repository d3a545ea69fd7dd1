# SPDX-License-Identifier: Apache-2.0
"""What a week of an agent's work leaves: 10,000 edits of 200 files in the journal, beside a journal of one edit, and compacted.

No hook reads the journal, so none may take longer for it; who asks reads the folded state, and no record twice.
"""

from __future__ import annotations

import random
import time
from itertools import count
from typing import TYPE_CHECKING

from byline.capture.clock import now_ns
from byline.capture.contents import Contents
from byline.capture.journal import append_edit
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import Edit
from byline.flow.compaction import HOUR, Limits, compact
from byline.flow.workshop import Identity
from byline.flow.workshop import Workshop as Clone
from byline.git.repository import open_repository
from figure import BYLINE, Figure, ratio, take_turns
from workshop import AGENT, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EDITS, FILES, LINES = 10_000, 200, 200
MEGABYTE = 1024 * 1024


def measure(place: Path) -> Iterator[Figure]:
    """Call the hook, and blame a file that has just changed, in two clones in turns."""
    (place / "few").mkdir()
    (place / "many").mkdir()
    few, many = Workshop.create(place / "few"), Workshop.create(place / "many")
    for shop in (few, many):
        for number in range(FILES):
            (shop.path / f"m{number:03}.py").write_text("".join(_lines(number)))
        shop.agent_writes("asked.py", "one = 1\n")
        shop.git("add", "--all")
        shop.commit()
        shop.attest()
    _work(many)
    before = _sizes(many)
    seldom, often = take_turns(_hook(few), _hook(many), rounds=25)
    yield ratio(f"hook: after {EDITS:,} edits (Write)", took=often, against="after one", base=seldom, budget=1.15)
    many.run(BYLINE, "status")
    seldom, often = take_turns(_blame(few), _blame(many))
    yield ratio(f"blame of a new text: after {EDITS:,} edits, folded", took=often, against="after one", base=seldom, budget=1.5)
    with open_repository(many.path) as repo:
        clone = Clone(
            repo=repo,
            place=repo.common_dir / "byline",
            inbox=place,
            identity=Identity(repository="byl:" + "0" * 32, line_key=b"k" * 32),
            now=time.time_ns,
            random=random.randbytes,
            version="bench",
        )
        compact(clone, at=time.time_ns() + 2 * HOUR, limits=Limits(max_journal=0))
    for name, old, new, budget in zip(("journal", "contents"), before, _sizes(many), (1.1 * MEGABYTE, 0.7 * before[1]), strict=True):
        yield Figure(
            name=f"{name}: {EDITS:,} edits, compacted",
            value=f"{new / MEGABYTE:.1f} MB = {new / old:.2f}x",
            baseline=f"as recorded {old / MEGABYTE:.1f} MB",
            budget=f"<= {budget / MEGABYTE:.1f} MB",
            holds=new <= budget,
        )


def _lines(number: int) -> list[str]:
    return [f"line_{number}_{each} = compute({each}, other={each * 7})\n" for each in range(LINES)]


def _work(shop: Workshop) -> None:
    """Record what an agent's session would, without its payloads."""
    dice = random.Random(7)
    place = shop.path / ".git/byline"
    contents = Contents(place)
    head = shop.git("rev-parse", "HEAD")
    texts = [_lines(number) for number in range(FILES)]
    blobs = [contents.put("".join(lines).encode()) for lines in texts]
    for edit in range(EDITS):
        file = dice.randrange(FILES)
        start = dice.randrange(len(texts[file]))
        texts[file][start : start + dice.randrange(3)] = [f"new_{edit}_{each} = {dice.random()}\n" for each in range(dice.randrange(3))]
        before, blobs[file] = blobs[file], contents.put("".join(texts[file]).encode())
        append_edit(
            place,
            Edit(
                worktree=str(shop.path / ".git"),
                path=b"m%03d.py" % file,
                before=before,
                after=blobs[file],
                by=Agent(name="claude-code", version="2.1", model="model-1"),
                evidence=Evidence.OBSERVED,
                channel=Channel.HOOK,
                session=f"session-{edit // 500}",
                call=f"toolu_{edit}",
                head=head,
                in_progress=(),
                time=now_ns(),
                seq=0,
                name=f"edit.{edit:06}",
            ),
        )
    for file, lines in enumerate(texts):
        (shop.path / f"m{file:03}.py").write_text("".join(lines))


def _hook(shop: Workshop) -> Callable[[], bytes]:
    answer: dict[str, object] = {
        "type": "update",
        "filePath": str(shop.path / "asked.py"),
        "content": "one = 1\n",
        "originalFile": "one = 1\n",
    }
    written: dict[str, object] = {"file_path": str(shop.path / "asked.py"), "content": "one = 1\n"}
    payload = shop.payload("PostToolUse", "Write", written, answer)
    command = shop.hook("PostToolUse", "Write")
    return lambda: shop.run("sh", "-c", command, given=payload, environ=AGENT)


def _blame(shop: Workshop) -> Callable[[], bytes]:
    numbers = count()

    def ask() -> bytes:
        (shop.path / "asked.py").write_text(f"one = 1\ntwo = {next(numbers)}\n")
        return shop.run(BYLINE, "blame", "asked.py")

    return ask


def _sizes(shop: Workshop) -> tuple[int, int]:
    place = shop.path / ".git/byline"
    return (place / "journal").stat().st_size, sum(each.stat().st_size for each in (place / "contents").rglob("*") if each.is_file())

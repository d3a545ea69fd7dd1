# SPDX-License-Identifier: Apache-2.0
"""What a change costs in a large repository, after a long history, and among much evidence, beside the same in a small one.

The repositories are made by `git fast-import`: `files` files in folders of 100, then `commits` commits that each change one of them;
`PROBE` is changed by ten of these, evenly spread, so that its own history is as long in each. Evidence beside it is signed, well formed
and about other commits. What is here before `byline init` is "before Byline".
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from byline.core.attribution import Agent, Channel, Evidence, owner_of
from byline.core.authorship import Authorship, Commit, Link, Recorder, format_authorship
from byline.core.bundle import join_receipt
from byline.core.claim import Claim, New, Op
from byline.core.diff import match_lines
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.sign.file import sign_payload
from byline.testing import fixed_signer
from figure import BYLINE, Figure, isolated, milliseconds, ratio, run, take_turns
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROBE = "folder0/file0.py"
UNHOOKED = ("-c", "core.hooksPath=/dev/null")  # no attester in the background: the one that is timed has all to do
AT_ONCE = 5_000
SMALL, FILES, BUNDLES = 100, 50_000, 100_000
LINES = 5_000


def grow(place: Path, *, files: int = SMALL, commits: int = 0, bundles: int = 0) -> Workshop:
    """Make a repository with `files` files from before Byline, `commits` attested commits and `bundles` statements of other clones."""
    place.mkdir()
    shop = Workshop(path=place / "repository", environ=isolated(place / "home"))
    run(["git", "init", "--quiet", str(shop.path)], cwd=place, environ=shop.environ)
    _import(shop, _base(files))
    shop.git("reset", "--quiet", "--hard")
    shop.run(BYLINE, "init", "--policy", "solo", "--yes")
    shop.git("add", "--all")
    shop.git(*UNHOOKED, "commit", "--quiet", "--message", "set up")
    attest(shop)
    if commits:
        _import(shop, _history(commits, files))
        shop.git("reset", "--quiet", "--hard")
        attest(shop)
    _add_evidence(shop, bundles)
    shop.run(BYLINE, "blame", "HEAD", PROBE)
    return shop


def change(shop: Workshop, number: int) -> None:
    """Commit a change of one line."""
    (shop.path / PROBE).write_text(f"changed = {number}\n")
    shop.git(*UNHOOKED, "commit", "--quiet", "--all", "--message", "a change")


def attest(shop: Workshop) -> None:
    """Attest what is pending."""
    shop.run(BYLINE, "attest", "--wait")


def measure(place: Path) -> Iterator[Figure]:
    """Take the budgets."""
    small, large, full = grow(place / "small"), grow(place / "files", files=FILES), grow(place / "bundles", bundles=BUNDLES)
    base, wide, laden = _attested(small, large, full)
    yield ratio(f"attest a commit, {FILES:,} files", took=wide, against=f"{SMALL} files", base=base, budget=1.3)
    yield ratio(f"attest a commit, {BUNDLES:,} bundles", took=laden, against="none", base=base, budget=1.3)
    for words in (("blame", "HEAD", PROBE), ("show", "HEAD"), ("verify", "HEAD"), ("gate", "--base", "HEAD~1")):
        base, laden = take_turns(*(partial(shop.run, BYLINE, *words) for shop in (small, full)), rounds=7)
        yield ratio(f"{words[0]}, {BUNDLES:,} bundles", took=laden, against="none", base=base, budget=1.3)
    yield _diff()


def _attested(*shops: Workshop) -> tuple[float, ...]:
    """Take the seconds of `attest` in each of `shops`, with one new commit."""
    numbers = count()

    def ready() -> None:
        number = next(numbers)
        for shop in shops:
            change(shop, number)

    return take_turns(*(partial(attest, shop) for shop in shops), rounds=9, ready=ready)


def _diff() -> Figure:
    old = [b"value_%d = compute(%d)" % (number, number) for number in range(LINES)]
    new = [line if number % 50 else b"changed_%d" % number for number, line in enumerate(old)]
    (took,) = take_turns(partial(match_lines, old, new), rounds=15)
    return Figure(
        name=f"line diff, two versions of {LINES:,} lines", value=milliseconds(took), baseline="-", budget="<= 5 ms", holds=took <= 0.005
    )


def _import(shop: Workshop, stream: Iterator[str]) -> None:
    given = shop.path.parent / "stream"
    with given.open("w") as file:
        file.writelines(stream)
    shop.run("git", "fast-import", "--quiet", "--force", given=given)
    given.unlink()


def _base(files: int) -> Iterator[str]:
    yield _head("before", 0)
    for number in range(files):
        yield _file(number, f"value_{number} = compute({number})\n" * 5)


def _history(commits: int, files: int) -> Iterator[str]:
    for number in range(commits):
        is_probe = number % max(1, commits // 10) == 0
        yield _head("change", number + 1) + ("from refs/heads/main^0\n" if number == 0 else "")
        yield _file(0 if is_probe else 1 + number % (files - 1), f"changed_{number} = 1\n" * 5)


def _head(message: str, number: int) -> str:
    when = 1_700_000_000 + number
    return f"commit refs/heads/main\ncommitter Bench <bench@example.invalid> {when} +0000\ndata {len(message)}\n{message}\n"


def _file(number: int, text: str) -> str:
    return f"M 100644 inline folder{number // 100}/file{number}.py\ndata {len(text)}\n{text}\n"


def _add_evidence(shop: Workshop, bundles: int) -> None:
    repository = tomllib.loads((shop.path / ".byline/trust.toml").read_text())["repository"]
    signer = fixed_signer()
    with open_repository(shop.path) as repo:
        for start in range(0, bundles, AT_ONCE):
            payloads = (_payload(repository, number) for number in range(start, min(bundles, start + AT_ONCE)))
            EvidenceRef(repo).add(join_receipt(sign_payload(payload, signer), signer.public, None) for payload in payloads)


def _payload(repository: str, number: int) -> bytes:
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    author = owner_of(Agent(name="agent", version="1", model="example/model-1"), evidence=Evidence.OBSERVED, channel=Channel.HOOK)
    new = New(owner=author, hashes=bytes.fromhex(digest))
    path = b"other/file%d.py" % (number % 5_000)
    claim = Claim(path=path, op=Op.ADD, mode="100644", sha256=digest, blob=digest[:40], hand=author, segments=(new,))
    return format_authorship(
        Authorship(
            repository=repository,
            salt=bytes(16),
            change=digest,
            commit=Commit(id=digest[:40], tree=digest[:40], parents=()),
            recorder=Recorder(name="byline", version="0", channel="hook"),
            chain=Link(id="c-bench", seq=number + 1, prev=digest if number else None),
            claims=(claim,),
        )
    )

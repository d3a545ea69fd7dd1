# SPDX-License-Identifier: Apache-2.0
"""`byline log` and `byline stats` over 1,000 commits, warm and cold, beside `git log --numstat` of the same commits."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from figure import BYLINE, ratio, take_turns
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from figure import Figure

COMMITS, FILES, LINES, EDITS = 1_000, 40, 200, 10


def _history(shop: Workshop) -> None:
    """Let the agent and a person take turns at files of a middling size."""
    dice = random.Random(7)
    texts = [[f"value_{file}_{number} = compute({number})\n" for number in range(LINES)] for file in range(FILES)]
    for commit in range(COMMITS):
        file = dice.randrange(FILES)
        for edit in range(EDITS):
            place = dice.randrange(len(texts[file]))
            texts[file][place : place + dice.randrange(3)] = [f"changed_{commit}_{edit} = {dice.random()}\n"]
        if commit % 2:
            shop.agent_writes(f"file{file:02}.py", "".join(texts[file]))
        else:
            (shop.path / f"file{file:02}.py").write_text("".join(texts[file]))
        shop.git("add", "--all")
        shop.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", "a change")
        if commit % 50 == 49:
            shop.attest()


def measure(place: Path) -> Iterator[Figure]:
    """Ask both, in turns, and drop Byline's cache before each cold answer."""
    shop = Workshop.create(place)
    _history(shop)

    def cold() -> None:
        for cache in (shop.path / ".git/byline").glob("cache.db*"):
            cache.unlink()
        shop.run(BYLINE, "log")

    git, log, stats, chilled = take_turns(
        lambda: shop.run("git", "log", "--numstat"),
        lambda: shop.run(BYLINE, "log"),
        lambda: shop.run(BYLINE, "stats"),
        cold,
        rounds=5,
    )
    size = f"git log --numstat, {COMMITS:,} commits"
    yield ratio("byline log, warm", took=log, against=size, base=git, budget=8)
    yield ratio("byline stats, warm", took=stats, against=size, base=git, budget=8)
    yield ratio("byline log, cold", took=chilled, against=size, base=git, budget=16)

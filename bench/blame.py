# SPDX-License-Identifier: Apache-2.0
"""`byline blame` of 10,000 lines with 100 commits, warm (of a commit, of the work tree) and cold, beside `git blame` of the same file."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from figure import BYLINE, ratio, take_turns
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from figure import Figure

LINES, COMMITS, EDITS = 10_000, 100, 20


def _history(shop: Workshop) -> None:
    """Let the agent and a person take turns at changing a long file."""
    dice = random.Random(7)
    lines = [f"value_{number} = compute({number})\n" for number in range(LINES)]
    shop.agent_writes("long.py", "".join(lines))
    shop.git("add", "--all")
    shop.commit()
    for commit in range(COMMITS - 1):
        for edit in range(EDITS):
            place = dice.randrange(len(lines))
            lines[place : place + dice.randrange(3)] = [f"changed_{commit}_{edit} = {dice.random()}\n"]
        if commit % 2:
            shop.agent_writes("long.py", "".join(lines))
        else:
            (shop.path / "long.py").write_text("".join(lines))
        shop.commit()
    shop.attest()


def measure(place: Path) -> Iterator[Figure]:
    """Ask both, in turns, and drop Byline's cache before each cold answer."""
    shop = Workshop.create(place)
    _history(shop)
    caches = shop.path / ".git/byline"

    def cold() -> None:
        for cache in caches.glob("cache.db*"):
            cache.unlink()
        shop.run(BYLINE, "blame", "HEAD", "long.py")

    git, warm, on_disk = take_turns(
        lambda: shop.run("git", "blame", "HEAD", "--", "long.py"),
        lambda: shop.run(BYLINE, "blame", "HEAD", "long.py"),
        lambda: shop.run(BYLINE, "blame", "long.py"),
        rounds=9,
    )
    again, chilled = take_turns(lambda: shop.run("git", "blame", "HEAD", "--", "long.py"), cold, rounds=5)
    size = f"git blame, {LINES:,} lines, {COMMITS} commits"
    yield ratio("byline blame, warm", took=warm, against=size, base=git, budget=0.6)
    yield ratio("byline blame of the work tree, warm", took=on_disk, against=size, base=git, budget=0.6)
    yield ratio("byline blame, cold", took=chilled, against=size, base=again, budget=1.2)

# SPDX-License-Identifier: Apache-2.0
"""What the SDK costs an agent: a file that is written through a session, beside one that is replaced and nobody is told."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

import byline
from figure import ratio, run, take_turns
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from figure import Figure

LINES = "".join(f"line {number} = compute({number}, other={number * 7})\n" for number in range(500))
BATCH = 20  # writes that are timed at once


def measure(place: Path) -> Iterator[Figure]:
    """Write the same file again and again, through a session and bare, in turns; then watch it, and all of the work tree."""
    shop = Workshop.create(place)
    for name in ("mine.py", "bare.py"):
        (shop.path / name).write_text(LINES)
    shop.git("add", "--all")
    shop.commit()
    session = byline.session(agent="bench", model="example/model-1", root=shop.path)
    versions = count()

    def text() -> str:
        return LINES + f"version = {next(versions)}\n"

    def bare() -> None:
        for _ in range(BATCH):
            replace("bare.py")

    def replace(name: str) -> None:
        temporary = shop.path / ".bare.new"
        temporary.write_bytes(text().encode())
        temporary.replace(shop.path / name)

    def recorded() -> None:
        for _ in range(BATCH):
            session.write("mine.py", text())

    def watched() -> None:
        for _ in range(BATCH):
            with session.watch(paths=["mine.py"]):
                replace("mine.py")

    def scanned() -> None:
        with session.watch():
            pass

    plain, written, seen = take_turns(bare, recorded, watched)
    against = f"{BATCH} files replaced, {len(LINES) // 1000} kB"
    yield ratio(f"session: {BATCH} writes", took=written, against=against, base=plain, budget=6)
    yield ratio(f"session: {BATCH} watches of one named file", took=seen, against=against, base=plain, budget=6)
    status, whole = take_turns(lambda: run(["git", "status", "--porcelain"], cwd=shop.path, environ=dict(os.environ)), scanned)
    yield ratio("session: a watch of the whole work tree", took=whole, against="git status", base=status, budget=10)

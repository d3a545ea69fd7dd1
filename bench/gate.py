# SPDX-License-Identifier: Apache-2.0
"""`byline gate` over 1,000 commits with 10,000 added lines, first and again, beside what git alone takes to read the same range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figure import BYLINE, Figure, milliseconds, take_turns
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMITS, LINES, FILES = 1_000, 10, 100
SECONDS = 1.0
GIT = """\
git diff-tree -r --raw "$0" HEAD >/dev/null
git rev-list "$0..HEAD" | git diff-tree -r --raw --stdin >/dev/null
git rev-list --objects "$0..HEAD" | cut -d ' ' -f 1 | git cat-file --batch --buffer >/dev/null
"""


def _history(shop: Workshop) -> str:
    """Let the agent write a branch, file by file, line by line; return where it began."""
    start = shop.git("rev-parse", "HEAD")
    texts = [""] * FILES
    for commit in range(COMMITS):
        name = f"module{commit % FILES}.py"
        texts[commit % FILES] += "".join(f"value_{commit}_{line} = compute({commit * LINES + line})\n" for line in range(LINES))
        shop.agent_writes(name, texts[commit % FILES])
        shop.git("add", name)
        shop.commit()
    shop.attest()
    return start


def measure(place: Path) -> Iterator[Figure]:
    """Ask for a verdict that is allow only if every claim on the way was found and proven; in turns with git."""
    shop = Workshop.create(place, policy="team")
    start = _history(shop)
    caches = shop.path / ".git/byline"

    def cold() -> None:
        for cache in caches.glob("cache.db*"):
            cache.unlink()
        shop.run(BYLINE, "gate", "--base", start)

    git, warm, chilled = take_turns(
        lambda: shop.run("sh", "-c", GIT, start),
        lambda: shop.run(BYLINE, "gate", "--base", start),
        cold,
        rounds=5,
    )
    for name, took in (("again", warm), ("with no cache", chilled)):
        yield Figure(
            name=f"byline gate, {COMMITS:,} commits, {name}",
            value=f"{milliseconds(took)}, {milliseconds(took - git)} more",
            baseline=f"git, the same range, {milliseconds(git)}",
            budget=f"<= {SECONDS:g} s more",
            holds=took - git <= SECONDS,
        )

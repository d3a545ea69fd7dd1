# SPDX-License-Identifier: Apache-2.0
"""Draw docs/growth.svg: what one change costs over the number of files, and over the number of commits before it (`make growth`).

Every point is the median of a few runs of the whole process; memory is the largest resident set of the process itself. Both axes
are logarithmic, so that a cost that grows with the repository would climb as steeply as the dashed line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from html import escape
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from figure import BYLINE, take_turns
from growth import PROBE, attest, change, grow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

FILES = (100, 1_000, 10_000, 100_000)
COMMITS = (100, 1_000, 10_000)
ROUNDS = 7
INK = {"git blame": "#8b949e", "byline blame": "#d2a8ff", "attest a commit": "#3fb950", "memory of attest": "#79c0ff"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 380, 260, 70, 50, 110
LOW, HIGH = 1.0, 10_000.0  # milliseconds, and MB

Points = dict[str, list[tuple[int, float]]]


def measure(shop: Workshop) -> dict[str, float]:
    """Return the milliseconds of each act, and the MB of attesting, in `shop`."""
    numbers = iter(range(1_000))
    acts = (
        partial(shop.run, "git", "blame", "HEAD", "--", PROBE),
        partial(shop.run, BYLINE, "blame", "HEAD", PROBE),
        partial(attest, shop),
    )
    times = take_turns(*acts, rounds=ROUNDS, ready=lambda: change(shop, next(numbers)))
    sizes = []
    for _ in range(3):
        change(shop, next(numbers))
        sizes.append(_megabytes(shop))
    return dict(zip(INK, (*(each * 1000 for each in times), median(sizes)), strict=True))


def _megabytes(shop: Workshop) -> float:
    process = subprocess.Popen([BYLINE, "attest", "--wait"], cwd=shop.path, env=shop.environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1024


def _points(what: str, sizes: tuple[int, ...]) -> Points:
    found: Points = {name: [] for name in INK}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="byline-bench-") as folder:
            shop = grow(Path(folder) / "grown", files=size) if what == "files" else grow(Path(folder) / "grown", commits=size)
            for name, value in measure(shop).items():
                found[name].append((size, value))
            print(f"{size:>7,} {what}", {name: round(points[-1][1], 1) for name, points in found.items()}, file=sys.stderr)
    return found


def _chart(left: int, title: str, points: Points) -> Iterator[str]:
    from math import log10

    sizes = [size for size, _ in points["git blame"]]

    def x(size: float) -> float:
        return left + (log10(size) - log10(sizes[0])) / (log10(sizes[-1]) - log10(sizes[0])) * WIDTH

    def y(value: float) -> float:
        return TOP + HEIGHT - (log10(value) - log10(LOW)) / (log10(HIGH) - log10(LOW)) * HEIGHT

    yield f'<text x="{left}" y="{TOP - 20}" fill="#c9d1d9">{escape(title)}</text>'
    for power in range(5):
        row = y(10**power)
        yield f'<line x1="{left}" y1="{row:.0f}" x2="{left + WIDTH}" y2="{row:.0f}" stroke="#30363d"/>'
        yield f'<text x="{left - 8}" y="{row + 4:.0f}" fill="#8b949e" text-anchor="end">{10**power:,}</text>'
    for size in sizes:
        yield f'<text x="{x(size):.0f}" y="{TOP + HEIGHT + 20}" fill="#8b949e" text-anchor="middle">{size:,}</text>'
    steep = f"{x(sizes[0]):.0f},{y(LOW):.0f} {x(sizes[-1]):.0f},{y(LOW * sizes[-1] / sizes[0]):.0f}"
    yield f'<polyline points="{steep}" fill="none" stroke="#6e7681" stroke-dasharray="4 4"/>'
    for name, line in points.items():
        places = " ".join(f"{x(size):.0f},{y(value):.0f}" for size, value in line)
        yield f'<polyline points="{places}" fill="none" stroke="{INK[name]}" stroke-width="2"/>'


def draw(files: Points, commits: Points) -> str:
    """Draw both charts on a dark ground."""
    width, height = LEFT + 2 * WIDTH + GAP + 30, TOP + HEIGHT + 80
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        "<title>What one change costs in repositories of different sizes</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="12">',
        *_chart(LEFT, "over files in the repository (ms, MB)", files),
        *_chart(LEFT + WIDTH + GAP, "over commits before it (ms, MB)", commits),
    ]
    for number, (name, ink) in enumerate({**INK, "in proportion": "#6e7681"}.items()):
        out.append(f'<text x="{LEFT + number * 160}" y="{height - 18}" fill="{ink}">{escape(name)}</text>')
    return "\n".join([*out, "</g>", "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(draw(_points("files", FILES), _points("commits", COMMITS)))

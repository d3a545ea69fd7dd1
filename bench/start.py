# SPDX-License-Identifier: Apache-2.0
"""What it costs to start: `import byline` beyond a bare interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figure import PYTHON, Figure, milliseconds, run, take_turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def measure(place: Path) -> Iterator[Figure]:
    """Compare an interpreter that imports byline with one that does not."""
    bare, loaded = take_turns(
        lambda: run([PYTHON, "-I", "-c", "pass"], cwd=place),
        lambda: run([PYTHON, "-I", "-c", "import byline"], cwd=place),
        rounds=31,
    )
    yield Figure(
        name="import byline, beyond a bare interpreter",
        value=f"{milliseconds(loaded - bare)} = {(loaded - bare) / bare:.2f}x",
        baseline=f"python -I -c pass {milliseconds(bare)}",
        budget="<= 0.5x",
        holds=loaded - bare <= 0.5 * bare,
    )

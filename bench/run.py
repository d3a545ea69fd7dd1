# SPDX-License-Identifier: Apache-2.0
"""Measure Byline against its budgets and print one table: `make bench`, or `bench/run.py hook blame` for some of it.

Every bench is a module of this folder with `measure(place: Path) -> Iterable[Figure]`; it works in the empty folder `place` and leaves
nothing outside it. A figure over its budget is marked and named at the end, with exit status 1.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from figure import Figure

BENCHES = (
    "start",
    "hook",
    "session",
    "journal",
    "commit",
    "blame",
    "history",
    "growth",
    "gate",
    "verify",
    "ledger",
    "scale",
    "lsp_keystroke",
)
WIDTHS = (46, 22, 34, 14)


def _row(*cells: str) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=False)).rstrip()


def _measure(names: Iterable[str]) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"bench: {name} ...", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="byline-bench-") as place:
            for figure in importlib.import_module(name).measure(Path(place)):
                print(_row(figure.name, figure.value, figure.baseline, figure.budget) + ("" if figure.holds else "  OVER"), flush=True)
                figures.append(figure)
    return figures


def main() -> int:
    """Run the benches that the command line names, or all."""
    parser = argparse.ArgumentParser(description="Ratios to baselines of the same run, each beside its budget.")
    parser.add_argument("bench", nargs="*", choices=[[], *BENCHES], default=[], help="which to run (default: all)")
    names = parser.parse_args().bench or BENCHES
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    print(_row("what", "took", "baseline", "budget"))
    over = [figure.name for figure in _measure(names) if not figure.holds]
    if over:
        print("over budget: " + "; ".join(over))
    return 1 if over else 0


if __name__ == "__main__":
    raise SystemExit(main())

# SPDX-License-Identifier: Apache-2.0
"""A figure: what something costs, beside a baseline that was taken in the same run on the same machine.

Absolute times tell about the machine; ratios to something that everybody knows (a bare Python start, `git blame`, one signature check)
tell about the program. Subject and baseline take turns, so that what else the machine does hits both; the figure is the ratio of medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PYTHON = sys.executable
BARE_PYTHON = (PYTHON, "-I", "-S", "-c", "pass")
BYLINE = str(Path(PYTHON).with_name("byline"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: `name` costs `value` where `baseline` costs what it costs, and may cost `budget`.

    `value`, `baseline` and `budget` are texts with units; `holds` says whether the budget was kept.
    """

    name: str
    value: str
    baseline: str
    budget: str
    holds: bool


def milliseconds(seconds: float) -> str:
    """Show a time in a unit that suits it."""
    return f"{seconds * 1000:.1f} ms" if seconds < 10 else f"{seconds:.1f} s"


def ratio(name: str, *, took: float, against: str, base: float, budget: float) -> Figure:
    """Make the figure of something that may take `budget` times the time `base` of `against`."""
    factor = took / base
    return Figure(
        name=name,
        value=f"{milliseconds(took)} = {factor:.2f}x",
        baseline=f"{against} {milliseconds(base)}",
        budget=f"<= {budget:g}x",
        holds=factor <= budget,
    )


def timed(act: Callable[[], object]) -> float:
    """Take the wall-clock seconds of one call."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def take_turns(*acts: Callable[[], object], rounds: int = 15, ready: Callable[[], object] = lambda: None) -> tuple[float, ...]:
    """Take the median seconds of each act; they run in turns, `ready` before each round, after one round that does not count."""
    times = []
    for _ in range(rounds + 1):
        ready()
        times.append([timed(act) for act in acts])
    return tuple(statistics.median(column) for column in zip(*times[1:], strict=True))


def run(command: Sequence[str], *, cwd: Path, given: Path | None = None, environ: dict[str, str] | None = None) -> bytes:
    """Run a command that reads the file `given`; return what it printed. A failure ends the bench with the command's own words."""
    with (given or Path(os.devnull)).open("rb") as stdin:
        done = subprocess.run(command, cwd=cwd, stdin=stdin, env=environ, capture_output=True, check=False, timeout=1200)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def isolated(home: Path) -> dict[str, str]:
    """Make an environment with an empty home, in which nothing of the user's is read or written."""
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitconfig").write_text("[user]\n\tname = Bench\n\temail = bench@example.invalid\n[init]\n\tdefaultBranch = main\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "XDG_", "BYLINE_", "CLAUDE"))}
    path = os.pathsep.join((str(Path(PYTHON).parent), os.environ["PATH"]))
    return {**kept, "HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"), "GIT_CONFIG_NOSYSTEM": "1", "PATH": path}

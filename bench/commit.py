# SPDX-License-Identifier: Apache-2.0
"""What Byline costs at `git commit`, how soon the evidence is there, and that a burst of commits loses nothing."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from figure import BARE_PYTHON, BYLINE, Figure, isolated, milliseconds, ratio, run, timed
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BURST = 300
ROUNDS = 15


def _plain(place: Path) -> Workshop:
    """Make a repository whose post-commit hook does nothing."""
    path = place / "plain"
    environ = isolated(place / "home-plain")
    run(["git", "init", "--quiet", str(path)], cwd=place, environ=environ)
    hook = path / ".git/hooks/post-commit"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    shop = Workshop(path=path, environ=environ)
    shop.git("commit", "--quiet", "--allow-empty", "--message", "set up")
    return shop


def _await(shop: Workshop, count: int) -> float:
    """Take the seconds until the evidence holds `count` statements; looking costs a file read each time."""
    ref = shop.path / ".git/refs/byline/evidence"
    start, seen = time.perf_counter(), b""
    while time.perf_counter() - start < 60:
        now = ref.read_bytes()
        if now != seen and shop.statements() >= count:
            return time.perf_counter() - start
        seen = now
        time.sleep(0.002)
    raise SystemExit(f"no evidence within a minute: {shop.statements()} statements of {count}")


def _change(shop: Workshop, name: str) -> None:
    (shop.path / name).write_text(f"{time.perf_counter_ns()}\n")
    shop.git("add", "--all")


def measure(place: Path) -> Iterator[Figure]:
    """Commit in turns with and without Byline, then 300 times without a pause."""
    plain, shop = _plain(place), Workshop.create(place)
    costs: dict[str, list[float]] = {"plain": [], "byline": [], "bare": [], "evidence": []}
    for _ in range(ROUNDS):
        _change(plain, "file.txt")
        _change(shop, "file.txt")
        count = shop.statements()
        costs["bare"].append(timed(lambda: run(BARE_PYTHON, cwd=place)))
        costs["plain"].append(timed(plain.commit))
        costs["byline"].append(timed(shop.commit))
        costs["evidence"].append(_await(shop, count + 1))
    base, took, bare = median(costs["plain"]), median(costs["byline"]), median(costs["bare"])
    yield Figure(
        name="git commit",
        value=f"{milliseconds(took)} = + {milliseconds(took - base)}",
        baseline=f"with an empty post-commit hook {milliseconds(base)}",
        budget="<= + 3 ms",
        holds=took - base <= 0.003,
    )
    yield ratio(
        "evidence signed and stored after a commit", took=median(costs["evidence"]), against="python -I -S -c pass", base=bare, budget=10
    )
    yield _burst(shop)


def _burst(shop: Workshop) -> Figure:
    start = time.perf_counter()
    for number in range(BURST):
        _change(shop, f"burst-{number}.txt")
        shop.commit()
    committed = time.perf_counter() - start
    shop.run(BYLINE, "attest", "--wait")
    made = set(shop.git("rev-list", f"--max-count={BURST}", "HEAD").split())
    kept = len(made & shop.attested())
    return Figure(
        name=f"{BURST} commits in a row",
        value=f"{kept} attested",
        baseline=f"{BURST} commits in {milliseconds(committed)}",
        budget="lose nothing",
        holds=kept == BURST,
    )

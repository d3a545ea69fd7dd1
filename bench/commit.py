# SPDX-License-Identifier: Apache-2.0
"""What Byline costs at `git commit` and `git rebase`, how soon the evidence is there, and that a burst of commits loses nothing.

Evidence is timed with no attester at work, so that its start counts.
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from figure import BARE_PYTHON, BYLINE, Figure, isolated, milliseconds, ratio, run, timed
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BURST = 300
ROUNDS = 15
REBASES, PICKS = 5, 20
LARGE = [f"value_{number} = compute({number})\n" for number in range(10_000)]


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


def _rest(shop: Workshop) -> None:
    """Wait until no attester is at work."""
    while (shop.path / ".git/byline/attester.pid").exists():
        time.sleep(0.01)
    time.sleep(0.1)  # it looks once more before it ends


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
        _rest(shop)
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
    yield _large(shop, bare)
    yield _rebase(plain, shop)
    yield _burst(shop)


def _large(shop: Workshop, bare: float) -> Figure:
    took = []
    for number in range(5):
        (shop.path / "large.txt").write_text("".join([*LARGE[: number * 1000], f"changed {number}\n", *LARGE[number * 1000 :]]))
        shop.git("add", "--all")
        _rest(shop)
        count = shop.statements()
        shop.commit()
        took.append(_await(shop, count + 1))
    return ratio("the same, of a file of 10,000 lines", took=median(took[1:]), against="python -I -S -c pass", base=bare, budget=10)


def _rebase(plain: Workshop, shop: Workshop) -> Figure:
    for each in (plain, shop):
        each.git("checkout", "-q", "-b", "topic")
        for number in range(PICKS):
            _change(each, f"topic-{number}.txt")
            each.commit()
        each.git("tag", "tip")
        each.git("checkout", "-q", "-")
        _change(each, "base.txt")
        each.commit()
        each.git("tag", "base")
    _rest(shop)
    costs: dict[str, list[float]] = {"plain": [], "byline": []}
    for _ in range(REBASES):
        for name, each in (("plain", plain), ("byline", shop)):
            each.git("checkout", "-q", "-B", "topic", "tip")
            costs[name].append(timed(partial(each.git, "rebase", "-q", "base")))
        _rest(shop)
    name, base = f"rebase of {PICKS} commits", median(costs["plain"])
    return ratio(name, took=median(costs["byline"]), against="with an empty post-commit hook", base=base, budget=1.1)


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

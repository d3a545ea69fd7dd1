# SPDX-License-Identifier: Apache-2.0
"""What Byline costs at `git commit` and `git rebase`, how soon the evidence is there, and that a burst of commits loses nothing.

Evidence is timed from the end of `git commit` until the statement is signed and in the outbox, durable, and on until it is in
the evidence of the clone. No attester is at work when the commit is made, so that its start counts.
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from figure import BARE_PYTHON, BYLINE, Figure, isolated, milliseconds, ratio, run, timed
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COMMIT_HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit")
BURST = 300
ROUNDS = 15
REBASES, PICKS = 5, 20
LARGE = [f"value_{number} = compute({number})\n" for number in range(10_000)]


def _plain(place: Path, *hooks: str) -> Workshop:
    """Make a repository whose hooks do nothing."""
    path = place / "-".join(("plain", *hooks))
    environ = isolated(place / "home-plain")
    run(["git", "init", "--quiet", str(path)], cwd=place, environ=environ)
    for name in hooks:
        hook = path / ".git/hooks" / name
        hook.write_text("#!/bin/sh\nexit 0\n")
        hook.chmod(0o755)
    shop = Workshop(path=path, environ=environ)
    shop.git("commit", "--quiet", "--allow-empty", "--message", "set up")
    return shop


def _everywhere(place: Path) -> Workshop:
    """Make a repository of a user who set up all repositories, in which an agent has worked."""
    made = Workshop.create(place, agent=False)
    made.run(BYLINE, "init", "--undo")
    made.run(BYLINE, "init", "--user", "--yes")
    return made


def _await(shop: Workshop, count: int) -> tuple[float, float]:
    """Take the seconds until the statement that makes `count` is in the outbox, and until it is in the evidence. Looking costs little."""
    outbox, ref = shop.path / ".git/byline/outbox", shop.path / ".git/refs/byline/evidence"
    start, seen, signed = time.perf_counter(), ref.read_bytes(), 0.0
    while (now := time.perf_counter() - start) < 60:
        if not signed and any(each.name[0] != "." for each in outbox.iterdir()):
            signed = now
        if ref.read_bytes() != seen:
            seen = ref.read_bytes()
            if shop.statements() >= count:
                return signed or now, now
        time.sleep(0.001)
    raise SystemExit(f"no evidence within a minute: {shop.statements()} statements of {count}")


def _rest(shop: Workshop) -> None:
    """Wait until no attester is at work."""
    while (shop.path / ".git/byline/attester.pid").exists():
        time.sleep(0.01)
    time.sleep(0.1)  # it looks once more before it ends


def _change(shop: Workshop, name: str) -> None:
    _write(shop, name, f"{time.perf_counter_ns()}\n")


def _write(shop: Workshop, name: str, text: str) -> None:
    (shop.path / name).write_text(text)
    shop.git("add", "--all")


def measure(place: Path) -> Iterator[Figure]:
    """Commit in turns with and without Byline, then 300 times without a pause."""
    plain, shop = _plain(place, "post-commit"), Workshop.create(place)
    yield _commit("git commit", "an empty post-commit hook", plain, shop)
    yield _commit("git commit, all repositories set up", "as many empty hooks", _plain(place, *COMMIT_HOOKS), _everywhere(place / "user"))
    yield from _evidence(shop, "evidence after a commit", lambda number: _write(shop, "file.txt", f"{number}\n"))
    yield from _evidence(shop, "the same, of a file of 10,000 lines", lambda number: _write(shop, "large.txt", _large(number)))
    yield _rebase(plain, shop)
    yield _burst(shop)


def _commit(name: str, against: str, plain: Workshop, shop: Workshop) -> Figure:
    costs: dict[Workshop, list[float]] = {plain: [], shop: []}
    for _ in range(ROUNDS):
        for each, taken in costs.items():
            _change(each, "file.txt")
            _rest(each)
            taken.append(timed(each.commit))
    base, took = (median(each) for each in costs.values())
    return Figure(
        name=name,
        value=f"{milliseconds(took)} = + {milliseconds(took - base)}",
        baseline=f"with {against} {milliseconds(base)}",
        budget="<= + 3 ms",
        holds=took - base <= 0.003,
    )


def _evidence(shop: Workshop, name: str, change: Callable[[int], None]) -> Iterator[Figure]:
    costs: dict[str, list[float]] = {"bare": [], "signed": [], "stored": []}
    for number in range(ROUNDS):
        change(number)
        _rest(shop)
        count = shop.statements()
        costs["bare"].append(timed(lambda: run(BARE_PYTHON, cwd=shop.path)))
        shop.commit()
        for what, took in zip(("signed", "stored"), _await(shop, count + 1), strict=True):
            costs[what].append(took)
    base = median(costs["bare"])
    yield ratio(f"{name}: in the outbox", took=median(costs["signed"][1:]), against="python -I -S -c pass", base=base, budget=10)
    stored = median(costs["stored"][1:])
    yield Figure(
        name=f"{name}: in the evidence",
        value=f"{milliseconds(stored)} = {stored / base:.2f}x",
        baseline=f"python -I -S -c pass {milliseconds(base)}",
        budget="none",
        holds=True,
    )


def _large(number: int) -> str:
    return "".join([*LARGE[: number * 500], f"changed {number}\n", *LARGE[number * 500 :]])


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

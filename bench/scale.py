# SPDX-License-Identifier: Apache-2.0
"""What a ledger costs as it grows: appends, proofs, finds, fsck, start and disk, from ten thousand entries to ENTRIES.

A log of each size is filled past the door (`bulk`); `ENTRIES=10000000` takes an hour and 22 GB, `LEDGER=folder` measures one that was
filled before, and adds a few entries to it. Everything is asked at random places, so that nothing is warm but what every question
needs. Rates are the engine's, without a wire; durable appends are by full batches, as a busy server makes them. The second number of
each is what a processor of its own would do: the rate by the processor time that it took, whatever else the machine does, and without
waiting for disks.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bulk import fill, subject_of, submissions
from byline.core.facets import Query
from byline_ledger.engine.files import DATABASE, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.fsck_entries import CHUNK, Chunk, examine_chunk
from byline_ledger.engine.sequencer import MAX_BATCH
from figure import PYTHON, Figure, milliseconds, run, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from byline_ledger.engine.fsck import FsckReport
    from byline_ledger.engine.log import Log

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
ASKED = 3000
BATCHES = 20
DISK = "leaf and payload; the sealed index takes some 56 bytes more for each of its rows"
START = """
import pathlib, sys
from byline_ledger.engine.files import load_log
log = load_log(pathlib.Path(sys.argv[1])).log
log.inclusion(log.size // 2, log.size)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many a second, by the clock and by the processor time of this process."""

    clock: float
    core: float

    def __str__(self) -> str:
        return f"{self.clock:,.0f}/s ({self.core:,.0f} a core)"


def _rate(count: int, act: Callable[[], object]) -> Rate:
    began, cpu = time.perf_counter(), time.process_time()
    act()
    return Rate(clock=count / (time.perf_counter() - began), core=count / (time.process_time() - cpu))


def _repeated(count: int, act: Callable[[int], object]) -> Rate:
    return _rate(count, lambda: [act(number) for number in range(count)])


def _at_least(name: str, rate: Rate, budget: float, baseline: object) -> Figure:
    return Figure(name=name, value=str(rate), baseline=str(baseline), budget=f">= {budget:,.0f}/s", holds=rate.core >= budget)


def _content(entries: int) -> float:
    """Return what the entries hold themselves, leaf and payload, in bytes; all are as long as the first ones."""
    some = list(submissions(0, 1000))
    return sum(len(each.leaf) + len(each.payload or b"") for each in some) / len(some) * entries


def _asked(log: Log) -> Iterator[Figure]:
    """Ask for proofs and bundles at random places."""
    size, chance = log.size, random.Random(1)
    hashes = _repeated(100_000, lambda number: hashlib.sha256(b"\1" + bytes(60) + number.to_bytes(4, "big")).digest())
    inclusion = _repeated(ASKED, lambda _: log.inclusion(chance.randrange(size), size))
    yield _at_least(f"scale: proofs, {size:,} entries", inclusion, 5000, f"SHA-256 {hashes.core:,.0f} a core")
    found = _repeated(ASKED, lambda _: log.find(Query(subject=subject_of(chance.randrange(size)))).entries[0])
    yield _at_least(f"scale: finds, {size:,} entries", found, 5000, f"SHA-256 {hashes.core:,.0f} a core")


def _appended(log: Log) -> Iterator[Figure]:
    """Append as one writer does, with a commit for each batch."""
    size = log.size
    made = list(submissions(size, size + BATCHES * MAX_BATCH))
    batches = [made[start : start + MAX_BATCH] for start in range(0, len(made), MAX_BATCH)]
    rate = _rate(len(made), lambda: [log.append(batch) for batch in batches])
    yield _at_least(f"scale: appends by {MAX_BATCH}, {size:,} entries", rate, 10_000, "durable, in the tree, with receipts")


def _checked(place: Path) -> Iterator[Figure]:
    """Check the tree, and what some entries hold."""
    reports: list[FsckReport] = []
    began = sum(os.times()[:4])
    clock = timed(lambda: reports.append(check_ledger(place, tree_only=True)))
    entries, cpu, cores = reports[0].entries, sum(os.times()[:4]) - began, os.cpu_count() or 1
    if reports[0].findings:
        raise SystemExit(f"scale: {reports[0].findings[0]}")
    some = list(submissions(0, CHUNK))
    leaf = some[0].leaf
    alone = _repeated(50_000, lambda _: hashlib.sha256(b"\0" + leaf).digest())
    tree = Rate(clock=entries / clock, core=entries / cpu)
    yield Figure(
        name=f"scale: fsck --tree, {entries:,} entries",
        value=str(tree),
        baseline=f"{cores} cores; hashing leaves {alone.core:,.0f} each",
        budget=">= 200,000/s",
        holds=tree.core * cores >= 200_000,
    )
    chunk = Chunk(
        start=0,
        leaves=tuple(each.leaf for each in some),
        payloads={number: each.payload or b"" for number, each in enumerate(some)},
        facets={number: each.facets for number, each in enumerate(some)},
    )
    whole = _rate(CHUNK, lambda: examine_chunk(chunk))
    yield _at_least("scale: fsck of what entries hold", whole, 3000, f"signatures too; {cores} processes share it")


def _started(place: Path, smallest: Path) -> Figure:
    """Start a process that opens the log and proves an entry, beside one whose log is small."""
    # By turns, so that what else the machine does hits both.
    places = (place, smallest)
    times = [[timed(partial(run, [PYTHON, "-c", START, str(each)], cwd=place)) for each in places] for _ in range(5)]
    took, base = (min(column) for column in zip(*times, strict=True))
    return Figure(
        name="scale: start and first proof",
        value=milliseconds(took),
        baseline=f"with {SIZES[0]:,} entries {milliseconds(base)}",
        budget="<= 1 s more",
        holds=took - base <= 1,
    )


def measure(place: Path) -> Iterator[Figure]:
    """Fill logs of growing size and measure each."""
    smallest = place / str(SIZES[0])
    most, given = int(os.environ.get("ENTRIES", "100000")), os.environ.get("LEDGER")
    for size in (each for each in SIZES if each <= most or each == SIZES[0]):
        fill(place / str(size), size)
        yield from _measured(place / str(size), smallest)
    if given:
        yield from _measured(Path(given), smallest)


def _measured(folder: Path, smallest: Path) -> Iterator[Figure]:
    """Measure the log in `folder`."""
    opened = load_log(folder)
    with closing(opened.store):
        size = opened.log.size
        ratio = (folder / DATABASE).stat().st_size / _content(size)
        name = f"scale: disk, {size:,} entries"
        yield Figure(
            name=name,
            value=f"{ratio:.2f}x",
            baseline=DISK,
            budget="<= 1.35x",
            holds=ratio <= 1.35,
        )
        yield _started(folder, smallest)
        yield from _asked(opened.log)
        yield from _appended(opened.log)
    yield from _checked(folder)

# SPDX-License-Identifier: Apache-2.0
"""Which lines of a new version are lines of an old one: the line diff `byline-lines/1`.

A *matching* says for each new line which old line it is, or `ABSENT`; the old lines that it names rise. It is made twice: with
lines as they are, then, inside each changed place, with all white space removed. Each time, for a place:

1. trim the common start, then the common end (so a copy inserted after its original is the new one);
2. split at the lines that are unique on both sides, on the longest chain of them that rises on both;
3. where no line is unique on both sides, split at the longest common block, the first in the old version, then in the new.

Step 3 counts its steps and stops after `MAX_STEPS` of them: what it has not matched by then stays unmatched. No clock and no
setting has a part in it, so the same two versions always give the same matching.

>>> match_lines([b"a", b"b", b"c"], [b"a", b"new", b"  c"])
(0, -1, 2)
>>> gaps((0, -1, 2), 3)
(Gap(old=LineRange(start=1, end=2), new=LineRange(start=1, end=2)),)
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from operator import lt
from typing import TYPE_CHECKING, Final

from byline.core.lines import LineRange, squeeze
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ABSENT: Final = -1
MAX_STEPS = 3_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """A changed place: `old` lines went away and `new` ones stand there; one of them may be empty."""

    old: LineRange
    new: LineRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`count` matched lines, contiguous in both versions."""

    old: int
    new: int
    count: int


def match_lines(old: Sequence[bytes], new: Sequence[bytes]) -> tuple[int, ...]:
    """Return for each line of `new` the index of the line of `old` that it is, or `ABSENT`."""
    matching = list(match_items(old, new))
    for gap in gaps(matching, len(old)):
        if gap.old and gap.new:
            before = [squeeze(line) for line in old[gap.old.start : gap.old.end]]
            after = [squeeze(line) for line in new[gap.new.start : gap.new.end]]
            if set(before).isdisjoint(after):
                continue
            for j, i in enumerate(match_items(before, after)):
                if i != ABSENT:
                    matching[gap.new.start + j] = gap.old.start + i
    return tuple(matching)


def match_items(old: Sequence[bytes], new: Sequence[bytes]) -> tuple[int, ...]:
    """Return the matching of `old` and `new` under equality alone (line hashes have no white space left to remove)."""
    return tuple(_Matcher(old, new).solve())


def gaps(matching: Sequence[int], old_count: int) -> tuple[Gap, ...]:
    """Return the changed places of `matching` in order; `old_count` is the number of old lines."""
    out: list[Gap] = []
    i = j = 0
    for run in (*runs(matching), Run(old=old_count, new=len(matching), count=0)):
        if i < run.old or j < run.new:
            out.append(Gap(LineRange(i, run.old), LineRange(j, run.new)))
        i, j = run.old + run.count, run.new + run.count
    return tuple(out)


def runs(matching: Sequence[int]) -> Iterator[Run]:
    """Yield the maximal runs of matched lines that are contiguous in both versions."""
    start, count = 0, len(matching)
    while start < count:
        first = matching[start]
        if first == ABSENT:
            start += 1
            continue
        end, offset = start + 1, first - start
        while end < count and matching[end] - end == offset:
            end += 1
        yield Run(old=first, new=start, count=end - start)
        start = end


class _Matcher:
    """The state of one matching: the places that are still open, as (old start, old end, new start, new end)."""

    def __init__(self, old: Sequence[bytes], new: Sequence[bytes]) -> None:
        self._old = old
        self._new = new
        self._matching = [ABSENT] * len(new)
        self._steps = MAX_STEPS

    def solve(self) -> list[int]:
        places = [(0, len(self._old), 0, len(self._new))]
        while places:
            a0, a1, b0, b1 = place = self._trim(*places.pop())
            if not set(self._old[a0:a1]).isdisjoint(self._new[b0:b1]):
                places += self._split_at_anchors(*place) or self._split_at_block(*place)
        return self._matching

    def _trim(self, a0: int, a1: int, b0: int, b1: int) -> tuple[int, int, int, int]:
        old, new, matching = self._old, self._new, self._matching
        while a0 < a1 and b0 < b1 and old[a0] == new[b0]:
            matching[b0] = a0
            a0, b0 = a0 + 1, b0 + 1
        while a0 < a1 and b0 < b1 and old[a1 - 1] == new[b1 - 1]:
            a1, b1 = a1 - 1, b1 - 1
            matching[b1] = a1
        return a0, a1, b0, b1

    def _split_at_anchors(self, a0: int, a1: int, b0: int, b1: int) -> list[tuple[int, int, int, int]]:
        old, new = self._old[a0:a1], self._new[b0:b1]
        before, after = Counter(old), Counter(new)
        where = dict(zip(old, range(a0, a1), strict=True))
        # Sorted by their places in the new version, for `_rising`.
        pairs = [(where[line], j) for j, line in enumerate(new, b0) if after[line] == 1 and before.get(line) == 1]
        places = []
        for i, j in _rising(pairs):
            self._matching[j] = i
            if a0 < i and b0 < j:
                places.append((a0, i, b0, j))
            a0, b0 = i + 1, j + 1
        if pairs:
            places.append((a0, a1, b0, b1))
        return places

    def _split_at_block(self, a0: int, a1: int, b0: int, b1: int) -> list[tuple[int, int, int, int]]:
        i, j, count = self._longest_block(a0, a1, b0, b1)
        if not count:
            return []
        self._matching[j : j + count] = range(i, i + count)
        return [(a0, i, b0, j), (i + count, a1, j + count, b1)]

    def _longest_block(self, a0: int, a1: int, b0: int, b1: int) -> tuple[int, int, int]:
        where: dict[bytes, list[int]] = {}
        for j in range(b0, b1):
            where.setdefault(self._new[j], []).append(j)
        best = (a0, b0, 0)
        ending: dict[int, int] = {}  # new line -> length of the common block that ends there and at the old line before
        for i in range(a0, a1):
            places = where.get(self._old[i], ())
            self._steps -= len(places)
            if self._steps < 0:
                break
            here = {j: ending.get(j - 1, 0) + 1 for j in places}
            for j, count in here.items():
                if count > best[2]:
                    best = (i - count + 1, j - count + 1, count)
            ending = here
        return best


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest chain of `pairs` (sorted by the second) in which the first rises too."""
    places = [i for i, _ in pairs]
    if all(map(lt, places, places[1:])):  # as it mostly is: nothing was moved
        return pairs
    tails: list[int] = []
    ends: list[int] = []
    before = [ABSENT] * len(pairs)
    for n, (i, _) in enumerate(pairs):
        at = bisect_left(tails, i)
        tails[at : at + 1] = [i]
        ends[at : at + 1] = [n]
        before[n] = ends[at - 1] if at else ABSENT
    chain = []
    n = ends[-1] if ends else ABSENT
    while n != ABSENT:
        chain.append(pairs[n])
        n = before[n]
    return chain[::-1]

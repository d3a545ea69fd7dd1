# SPDX-License-Identifier: Apache-2.0
"""A new version while its lines look for their owners: the rules that find text again.

A `Draft` starts with no line explained. Each `take_` method offers it one source; a line keeps the first owner that it gets.
Lines that a base of the commit explains remember their place in it (a recipe copies them); all others remember how they were
found. The numbers are those of the rules in docs/attribution.md:

6   `take_base`     lines matched to a base keep its bylines as they are
7a  `take_whole`    the very bytes: every line, at full strength
7a  `take_latest`   the newest version of this file, by line diff: pending lines, at full strength
7a  `take_aligned`  another version of the same file, by line diff: `inferred`
8   `take_hashed`   a version that only claims know, by line hashes: `inferred`
8   `take_copied`   a piece of a version that stands here once more: an agent's lines are still the agent's, `inferred`
7e  `take_rewrapped` the same characters, wrapped differently: each line takes the owner of the line where its first stood
7e  `take_reworded` the same words, with other quotes and brackets: an agent's lines are still the agent's
7f  `take_blocks`   a block of lines that went away elsewhere

Rule M guards 7a (aligned) and 8: text alone may find `ai` and `mixed` anywhere, everything else only where the surroundings
agree, and it proves nothing (`inferred`).
"""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING

from byline.attribute.words import around, nearest, reworded, rewrapped
from byline.core.attribution import UNATTRIBUTED, Byline, Evidence, Origin, inferred
from byline.core.claim import Carry
from byline.core.diff import ABSENT, Gap, Run, gaps, match_items, match_lines, runs
from byline.core.lines import has_word, squeeze, weigh
from byline.core.value import replace
from byline.core.version import split_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from byline.core.version import Block, Claimed, Version

TIGHTENING = (Origin.AI, Origin.MIXED)
LONG = 40  # bytes without white space that make one block of text speak for itself
BLOCK_BYTES = 16  # as many, where the text went away from the same file in the same change
MAX_PLACES = 64  # places of one line among blocks that are looked at


class Draft:
    """The new version: `lines`, and for each a byline, a place in a base, and how it was found, as far as known yet."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines
        self.bylines: list[Byline | None] = [None] * len(lines)
        self.places: list[tuple[int, int] | None] = [None] * len(lines)
        self.found: list[Carry | None] = [None] * len(lines)
        self._replaced: list[tuple[Gap, Sequence[bytes], Callable[[], Sequence[Byline]]]] = []

    @property
    def is_open(self) -> bool:
        """Whether a line has no owner yet."""
        return None in self.bylines

    @property
    def is_settled(self) -> bool:
        """Whether no source could say more: every line has an owner, and none was found by its text alone."""
        told = zip(self.bylines, self.found, strict=True)
        return all(byline and (how in (None, Carry.EXACT) or byline.owner.evidence is not Evidence.INFERRED) for byline, how in told)

    def open_lines(self) -> list[int]:
        """Return the lines that have no owner yet."""
        return [j for j, byline in enumerate(self.bylines) if byline is None]

    def close(self) -> tuple[Byline, ...]:
        """Return one byline for each line: what nothing explains is unknown (rule 7g)."""
        return tuple(byline or UNATTRIBUTED for byline in self.bylines)

    def take_base(self, number: int | None, bylines: Sequence[Byline], matching: Sequence[int]) -> None:
        """Give lines that `matching` finds in a base its bylines; `number` is the base's, None if no recipe will name it."""
        for j, i in enumerate(matching):
            if i != ABSENT and self.bylines[j] is None:
                self.bylines[j] = bylines[i]
                if number is not None:
                    self.places[j] = (number, i)

    def take_whole(self, bylines: Sequence[Byline], *, origins: Collection[Origin] = tuple(Origin), weakened: bool = False) -> None:
        """Take a version of the very same bytes, where its origin is one of `origins`; `weakened` if it stood elsewhere.

        What was inferred of the same owner before is proven by it. What nobody claims and nobody knows there explains nothing here.
        """
        for j, byline in enumerate(bylines):
            if self.bylines[j] is None and byline.owner.origin in origins and byline != UNATTRIBUTED:
                self._give(j, inferred(byline) if weakened else byline, Carry.EXACT)
            elif not weakened and self._is_inferred(j, byline):
                self._give(j, byline, Carry.EXACT)

    def _is_inferred(self, j: int, byline: Byline) -> bool:
        """Whether line `j` was found and no more; what is not signed yet names no person to answer for it."""
        found = self.bylines[j]
        if found is None or self.found[j] is None:
            return False
        person = found.owner.principal or byline.owner.principal
        return replace(found.owner, principal=person) == inferred(byline).owner

    def take_latest(self, version: Version) -> None:
        """Take what is pending in the newest version that was seen of this file: a line that stands there still has not changed since."""
        for j, i in enumerate(match_lines(version.lines, self.lines)):
            byline = version.bylines[i] if i != ABSENT and self.bylines[j] is None else UNATTRIBUTED
            if byline.owner.is_known and byline.statement is None:
                self._give(j, byline, Carry.ALIGNED)

    def take_aligned(self, version: Version) -> None:
        """Take from another version of this file the runs that hold a line unique in it."""
        count = Counter(squeeze(line) for line in version.lines)
        matching = match_lines(version.lines, self.lines)
        for run in runs(matching):
            new = [j for j in range(run.new, run.new + run.count) if self.bylines[j] is None]
            if any(has_word(self.lines[j]) and count[squeeze(self.lines[j])] == 1 for j in new):
                self._take_run(run, new, version.bylines, Carry.ALIGNED, is_alike=True)
        changed = gaps(matching, len(version.lines))
        self.take_rewrapped(version.lines, lambda: version.bylines, changed, weakened=True)
        self.take_reworded(version.lines, lambda: version.bylines, changed)

    def take_hashed(self, version: Claimed, hashes: Sequence[bytes], *, is_same_path: bool) -> None:
        """Take from a version that claims know by its hashes what runs through both; `hashes` are those of this version's lines."""
        known = split_hashes(version.hashes)
        matching = match_items(known, hashes)
        matched = len(matching) - matching.count(ABSENT)
        is_alike = is_same_path and 2 * matched >= min(len(known), len(hashes))
        count = Counter(known)
        for run in runs(matching):
            span = range(run.new, run.new + run.count)
            new = [j for j in span if self.bylines[j] is None]
            telling = [j for j in new if count[hashes[j]] == 1 and has_word(self.lines[j])]
            if not telling:
                continue
            if is_alike or len(telling) >= 3 or weigh(self.lines[run.new : span.stop]) >= LONG:
                self._take_run(run, new, version.bylines, Carry.HASH, is_alike=is_alike)

    def take_copied(self, keys: Sequence[bytes], known: Sequence[bytes], bylines: Sequence[Byline], how: Carry) -> None:
        """Take what an agent wrote and stands here once more; `keys` tell which lines here are lines of the version, `known` are its own.

        A piece speaks for itself as in rule 8: three lines that are unique in the version, or one and 40 bytes.
        """
        count = Counter(known)
        where = {key: i for i, key in enumerate(known) if count[key] == 1}
        for j in self.open_lines():
            i = where.get(keys[j])
            if i is None or self.bylines[j] or bylines[i].owner.origin not in TIGHTENING or not has_word(self.lines[j]):
                continue
            run = _run_around(keys, j, known, i)
            here = range(run.new, run.new + run.count)
            if sum(keys[k] in where and has_word(self.lines[k]) for k in here) >= 3 or weigh(self.lines[k] for k in here) >= LONG:
                self._take_run(run, [k for k in here if self.bylines[k] is None], bylines, how, is_alike=False)

    def take_rewrapped(
        self, old: Sequence[bytes], bylines: Callable[[], Sequence[Byline]], changed: Iterable[Gap], *, weakened: bool = False
    ) -> None:
        """Where a `changed` place has the same characters on both sides, take the owners of the old lines; only then are they asked for.

        `weakened` if `old` is no base: then what is unknown there explains nothing.
        """
        for gap in self._open_gaps(changed):
            found = rewrapped(old[gap.old.start : gap.old.end], self.lines[gap.new.start : gap.new.end])
            for j, i in enumerate(found, gap.new.start):
                byline = bylines()[gap.old.start + i]
                if self.bylines[j] is None and (byline.owner.is_known or not weakened):
                    self._give(j, inferred(byline) if weakened else byline, Carry.ALIGNED)

    def take_reworded(self, old: Sequence[bytes], bylines: Callable[[], Sequence[Byline]], changed: Iterable[Gap]) -> None:
        """Where a `changed` place has the same words on both sides, what was an agent's still is; else remember what stood there."""
        for gap in self._open_gaps(changed):
            found = reworded(old[gap.old.start : gap.old.end], self.lines[gap.new.start : gap.new.end])
            for j, i in enumerate(found, gap.new.start):
                byline = bylines()[gap.old.start + i]
                if self.bylines[j] is None and byline.owner.origin in TIGHTENING:
                    self._give(j, inferred(byline), Carry.ALIGNED)
            self._replaced.append((gap, old, bylines))

    def made_of(self, j: int) -> Byline | None:
        """Return whose line the open line `j` took the place of, if most of its words stood there and an agent had a part in them."""
        for gap, old, bylines in self._replaced:
            best = nearest(old, around(gap, j), self.lines[j]) if gap.new.start <= j < gap.new.end else None
            if best is not None and bylines()[best].owner.origin in TIGHTENING:
                return bylines()[best]
        return None

    def _open_gaps(self, changed: Iterable[Gap]) -> Iterator[Gap]:
        for gap in changed:
            if gap.old and gap.new and None in self.bylines[gap.new.start : gap.new.end]:
                yield gap

    def take_blocks(self, blocks: Iterable[Block], is_enough: Callable[[int, int], bool], *, weakened: bool) -> None:
        """Take the longest piece of one of `blocks` that stands around each open line; `is_enough` judges its lines and bytes."""
        places: dict[bytes, list[tuple[list[bytes], Block, int]]] = {}
        for block in blocks:
            known = [squeeze(line) for line in block.lines]
            for i, key in enumerate(known):
                found = places.setdefault(key, [])
                if len(found) < MAX_PLACES:
                    found.append((known, block, i))
        keys = [squeeze(line) for line in self.lines] if places else []
        for j in self.open_lines() if places else ():
            pieces = [(_run_around(keys, j, known, i), block) for known, block, i in places.get(keys[j], ()) if self.bylines[j] is None]
            if not pieces:
                continue
            run, block = max(pieces, key=lambda piece: piece[0].count)
            if is_enough(run.count, weigh(self.lines[run.new : run.new + run.count])):
                for at, byline in enumerate(block.bylines[run.old : run.old + run.count], run.new):
                    if self.bylines[at] is None:
                        self._give(at, inferred(byline) if weakened else byline, Carry.ALIGNED)

    def _take_run(self, run: Run, new: list[int], bylines: Sequence[Byline], how: Carry, *, is_alike: bool) -> None:
        """Rule M: what is not the stricter answer needs a neighbour, or the edge of both versions, to be believed."""
        is_edge = run.old == run.new == 0 or (run.old + run.count == len(bylines) and run.new + run.count == len(self.lines))
        is_firm = is_alike and (run.count >= 2 or is_edge)
        for j in new:
            byline = bylines[run.old + j - run.new]
            if byline.owner.origin in TIGHTENING or (byline.owner.is_known and is_firm):
                self._give(j, inferred(byline), how)

    def _give(self, j: int, byline: Byline, how: Carry) -> None:
        self.bylines[j] = byline
        self.found[j] = how


def _run_around(new: Sequence[bytes], j: int, old: Sequence[bytes], i: int) -> Run:
    """Return the longest run of lines equal in both that holds line `j` of `new` and line `i` of `old`."""
    before = takewhile(lambda k: new[j - k] == old[i - k], range(1, min(i, j) + 1))
    after = takewhile(lambda k: new[j + k] == old[i + k], range(1, min(len(old) - i, len(new) - j)))
    back = sum(1 for _ in before)
    return Run(old=i - back, new=j - back, count=back + 1 + sum(1 for _ in after))

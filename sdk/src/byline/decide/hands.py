# SPDX-License-Identifier: Apache-2.0
"""Who made each line of a change: claims composed between the two versions of one path.

`Hands` follows the edges of a `ClaimGraph`. *Backward*, from the new version to the old, a line that was added ends at the segment
that brought it. *Forward*, from the old version to the new, a line that was removed ends at the claim that took it away. Every claim
that makes or takes the line counts, so that one more claim can only add hands.

A claim that copies text says only that the text stands elsewhere too. Whoever brought it from another path is a hand of it. So is
whoever dropped somebody's lines between two versions that a gate never shows, or may have moved or re-indented some: where it is
not known that what was copied is the same, byte for byte and in order (`verbatim`), all that was copied is theirs as well.

What was imported adds an agent's hand to the lines that it gives to one, in nobody's name: whoever imported it had no part in them.

What relaxes is composed as well: the marks of a line (`decide.traces`) are lost where one who may have changed it cannot relax.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from byline.core.claim import Copied, New
from byline.core.value import replace
from byline.decide.graph import Version
from byline.decide.traces import NOTHING, PLACED, UNTRACED, Hand, Lines, Mark, Part, Trace, close_lines, hold_lines, join_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from byline.core.attribution import Owner
    from byline.core.claim import Claim
    from byline.decide.graph import ClaimGraph, State, Step

MAX_LINES = 2_000_000  # more than any file that is judged by lines has
MAX_WORK = 40_000_000  # lines of all claims about one file together: what is beyond is not followed
MAX_ROUNDS = 8


class Rules(NamedTuple):
    """What a reader tells `Hands` about facts: which hands are creditable, and what git holds.

    `held` are the versions that the base of the change holds; `doubted` the paths of the change that are nobody's own.
    """

    is_creditable: Callable[[Hand], bool]
    held: frozenset[tuple[bytes, State]]
    doubted: frozenset[bytes]


class Hands:
    """What the claims of `graph` say about versions."""

    def __init__(self, graph: ClaimGraph, rules: Rules) -> None:
        self._graph = graph
        self._rules = rules

    def added(self, path: bytes, old: State, new: State) -> Lines:
        """Return who brought each line of `new`, seen from `old`."""
        goal, stop = Version(path, new), Version(path, old)
        order, has_cycle = self._graph.ancestry(goal, stop)
        steps = [step for version in order for step in self._graph.makers(version)]
        claims = [*(step.claim for step in steps), *(claim for version in order for claim in self._graph.told(version))]
        done: dict[Version, Lines] = {stop: Lines([], PLACED)}
        for _ in range(_rounds(claims)):
            before = dict(done)
            for version in order:
                lines = join_lines([self._compose(step, done, stop) for step in self._graph.makers(version)])
                lines = reduce(_tighten, self._graph.told(version), lines)
                done[version] = hold_lines(lines) if version in self._rules.held else lines
            if not has_cycle or before == done:
                return close_lines(done.get(goal, Lines([], UNTRACED)))
        return Lines([], UNTRACED.union(*(step.everyone() for step in steps)))

    def removed(self, path: bytes, old: State, new: State) -> Lines:
        """Return who took away each line of `old` that `new` does not hold."""
        route = self._graph.route(path, old, new)
        if not route:
            return Lines([], UNTRACED)
        done: dict[State, Lines] = {new: Lines([], PLACED)}
        order = self._graph.sinks_first(path, route, new)
        takers = {state: [each for each in self._graph.takers(Version(path, state)) if _lands(each[0], path) in route] for state in order}
        for _ in range(_rounds(step.claim for several in takers.values() for step, _ in several)):
            before = dict(done)
            for state in order:
                done[state] = join_lines([self._fates(step, number, path, done) for step, number in takers[state]])
            if before == done:
                return close_lines(done.get(old, Lines([], UNTRACED)))
        return Lines([], UNTRACED | self._graph.around(path, old, new))

    def _compose(self, step: Step, done: dict[Version, Lines], stop: Version) -> Lines:
        claim, known = step.claim, list[Trace]()
        sources = [done.get(each, Lines([], NOTHING)) for each in step.bases]
        is_touched = [each != stop and _is_touched(step, n, sources[n]) for n, each in enumerate(step.bases)]
        for each in claim.segments:
            if len(known) + each.count > MAX_LINES:
                return Lines([], UNTRACED | step.everyone())
            if isinstance(each, New):
                known += [self._written(step, each.owner, is_carried=each.carried is not None)] * each.count
                continue
            lines = sources[each.base].cut(each.start, each.count)
            known += self._touched(step, each.base, lines) if is_touched[each.base] else lines
        return Lines(known, UNTRACED if claim.segments else self._written(step, claim.hand))

    def _fates(self, step: Step, number: int, path: bytes, done: dict[State, Lines]) -> Lines:
        claim = step.claim
        gone = self._written(step, claim.hand)
        ends = [each.start + each.count for each in claim.segments if isinstance(each, Copied) and each.base == number]
        ends += [each.lines.end for each in claim.removed if each.base == number]
        if max(ends, default=0) > MAX_LINES:
            return Lines([], UNTRACED | step.everyone())
        known = [gone] * max(ends, default=0)
        for each in claim.removed:
            if each.base == number:
                known[each.lines.start : each.lines.end] = [self._written(step, each.hand)] * len(each.lines)
        at = 0
        for segment in claim.segments:
            if isinstance(segment, Copied) and segment.base == number and claim.path == path:
                after = done.get(step.new.state, Lines([], NOTHING)).cut(at, segment.count)
                fate = after if number in step.verbatim else self._touched(step, number, after)
                known[segment.start : segment.start + segment.count] = fate
            at += segment.count
        return Lines(known, gone)

    def _written(self, step: Step, owner: Owner, *, is_carried: bool = False) -> Trace:
        """Return the trace of text of `owner`: its writer's word relaxes, if it may."""
        writer = step.hand(owner, is_carried=is_carried)
        marks = {Mark.COVERED: writer.is_full, Mark.CREDITED: self._rules.is_creditable(writer)}
        return step.writers(owner, is_carried=is_carried) | {mark for mark, holds in marks.items() if holds}

    def _touched(self, step: Step, number: int, lines: Iterable[Trace]) -> list[Trace]:
        """Return `lines`, copied from base `number`, with those who may have changed them: all of them must be able to relax."""
        hands, base = step.changers(number), step.claim.bases[number].path
        lost = set() if all(hand.is_full for hand in hands) else {Mark.COVERED}
        if not all(map(self._rules.is_creditable, hands)) or (base != step.claim.path and base in self._rules.doubted):
            lost.add(Mark.CREDITED)
        known: dict[Trace, Trace] = {}
        for line in (lines := list(lines)):
            known.setdefault(line, (line | hands) - lost)
        return [known[line] for line in lines]


def _tighten(lines: Lines, claim: Claim) -> Lines:
    """Return `lines` with the agents' hands that the imported `claim` names."""
    at = 0
    for each in claim.segments:
        start, at = at, min(at + each.count, MAX_LINES)
        if isinstance(each, New) and each.owner.is_ai and start < at:
            hand = Hand(owner=replace(each.owner, principal=None), signer=None, is_full=False, part=Part.WROTE)
            known = lines.cut(0, max(at, len(lines.known)))
            known[start:at] = [trace | {hand} for trace in known[start:at]]
            lines = Lines(known, lines.rest)
    return lines


def _rounds(claims: Iterable[Claim]) -> int:
    """Return how often to go over `claims`: not at all where they are too much, whoever signed so many."""
    lines = sum(min(_reach(claim), MAX_LINES) for claim in claims)
    return MAX_ROUNDS if lines <= MAX_WORK else 0


def _reach(claim: Claim) -> int:
    removed = max((each.lines.end for each in claim.removed), default=0)
    copied = max((each.start + each.count for each in claim.segments if isinstance(each, Copied)), default=0)
    return max(sum(each.count for each in claim.segments), removed, copied)


def _is_touched(step: Step, number: int, source: Lines) -> bool:
    """Whether what `step` copies from its base `number` may be changed: brought, not the same, or without somebody's lines."""
    claim, at = step.claim, 0
    if claim.bases[number].path != claim.path or number not in step.verbatim:
        return True
    left = {source.rest}
    for each in claim.segments:
        if isinstance(each, Copied) and each.base == number:
            left.update(source.known[at : each.start])
            at = each.start + each.count
    left.update(source.known[at:])
    return any(isinstance(each, Hand) for trace in left for each in trace)


def _lands(step: Step, path: bytes) -> State:
    return step.new.state if step.new.path == path else None

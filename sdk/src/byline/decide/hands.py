# SPDX-License-Identifier: Apache-2.0
"""Who made each line of a change: claims composed between the two versions of one path.

A claim is an edge: it takes one version of a path to another, exactly. `Hands` follows the edges. *Backward*, from the new
version to the old, a line that was added ends at the segment that brought it. *Forward*, from the old version to the new, a line
that was removed ends at the claim that took it away. Every claim that makes or takes the line counts, so that one more claim can
only add hands.

A line for which claims lead nowhere is `UNTRACED`: nobody known made it. A line that the claims call old although the diff calls
it new (it moved, or was re-indented) is `PLACED` nowhere: everyone who touched the file on the way is its hand.

A claim that copies text says only that the text stands elsewhere too. Whoever brought it from another path is a hand of it. So is
whoever dropped somebody's lines between two versions that a gate never shows, or may have moved or re-indented some: where it is
not known that what was copied is the same, byte for byte and in order (`verbatim`), all that was copied is theirs as well.

What relaxes is composed as well. A line is `COVERED` if on some way each of its hands is a full fact, `CREDITED` if each is
creditable; what the base of the change holds already is both, wherever it is copied to.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from byline.core.claim import Copied, New, Op
from byline.core.effect import FileState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from byline.core.attribution import Owner
    from byline.core.claim import Claim
    from byline.core.verified import VerifiedAuthorship

MAX_LINES = 2_000_000  # more than any file that is judged by lines has
MAX_WORK = 40_000_000  # lines of all claims about one file together: what is beyond is not followed
MAX_ROUNDS = 8


class Mark(StrEnum):
    """What stands where a hand should."""

    UNTRACED = "untraced"
    PLACED = "placed"
    COVERED = "covered"
    CREDITED = "credited"


class Part(StrEnum):
    """What somebody did to a line."""

    WROTE = "wrote"
    EARLIER = "earlier"
    BROUGHT = "brought"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Somebody's part in a line: what a claim says of its `owner`, and who signed the claim.

    `is_full`: the fact may relax. Its statement passed every check, and it names its own signer and nobody else. `part` tells
    the writer from who wrote the line before them, and from who only put it there.
    """

    owner: Owner
    signer: str
    is_full: bool
    part: Part


Trace: TypeAlias = "frozenset[Hand | Mark]"
State: TypeAlias = "FileState | None"

UNTRACED: Final[Trace] = frozenset({Mark.UNTRACED})
PLACED: Final[Trace] = frozenset({Mark.PLACED})
HELD: Final[Trace] = frozenset({Mark.COVERED, Mark.CREDITED})
NOTHING: Final[Trace] = frozenset()


class Lines(NamedTuple):
    """A trace for each line; `rest` for the lines beyond those that claims speak of."""

    known: list[Trace]
    rest: Trace

    def cut(self, start: int, count: int) -> list[Trace]:
        """Return the traces of `count` lines from `start` on."""
        found = self.known[start : start + count]
        return found if len(found) == count else found + [self.rest] * (count - len(found))


class Step(NamedTuple):
    """One claim and who signed it; `is_full` as the statement is, under the policy's strength; `verbatim` its bases so copied."""

    claim: Claim
    signer: str
    is_full: bool
    parents: int
    verbatim: frozenset[int]

    def hand(self, owner: Owner, *, part: Part = Part.WROTE, is_carried: bool = False) -> Hand:
        """Return the part of `owner` in this claim. Who wrote a line before can be in the way and never helps."""
        is_full = self.is_full and owner.principal == self.signer and not is_carried and part is not Part.EARLIER
        return Hand(owner=owner, signer=self.signer, is_full=is_full, part=part)

    def writers(self, owner: Owner, *, is_carried: bool = False) -> frozenset[Hand]:
        """Return the hands of text that `owner` wrote: the earlier writer of mixed text is one too."""
        hands = [self.hand(owner, is_carried=is_carried)]
        return frozenset(hands if owner.earlier is None else [*hands, self.hand(owner.earlier, part=Part.EARLIER)])

    def changers(self, number: int) -> frozenset[Hand]:
        """Return who may have changed what is copied from base `number`: whoever took lines from it, or made the whole version."""
        if self.claim.bases[number].path != self.claim.path:
            return frozenset({self.hand(self.claim.hand, part=Part.BROUGHT)})
        owners = [each.hand for each in self.claim.removed if each.base == number] or [self.claim.hand]
        return frozenset(self.hand(owner, part=Part.BROUGHT) for owner in owners)

    def everyone(self) -> frozenset[Hand]:
        """Return every hand that the claim names."""
        owners = [self.claim.hand, *(each.hand for each in self.claim.removed)]
        named = [self.writers(owner) for owner in owners]
        named += [self.writers(each.owner, is_carried=each.carried is not None) for each in self.claim.segments if isinstance(each, New)]
        return frozenset[Hand]().union(*named)


class Version(NamedTuple):
    """One content of one path."""

    path: bytes
    state: State


class Rules(NamedTuple):
    """What a reader tells `Hands` about facts: which statements may relax, which hands are creditable, and what git holds.

    `verbatim` is that of the change; `held` are the versions that the base of the change holds; `named` the paths that a commit's
    author or trailers give to an agent.
    """

    is_strong: Callable[[VerifiedAuthorship], bool]
    is_creditable: Callable[[Hand], bool]
    verbatim: frozenset[tuple[str, bytes, int]]
    held: frozenset[tuple[bytes, State]]
    named: frozenset[bytes]


class Hands:
    """What the claims among `authorships` say about versions."""

    def __init__(self, authorships: Iterable[VerifiedAuthorship], rules: Rules) -> None:
        self._rules = rules
        self._makers: dict[Version, list[Step]] = defaultdict(list)
        self._takers: dict[Version, list[tuple[Step, int]]] = defaultdict(list)
        self._edges: dict[bytes, dict[State, list[tuple[State, Step]]]] = defaultdict(lambda: defaultdict(list))
        for each in authorships:
            full, parents = rules.is_strong(each), len(each.authorship.commit.parents)
            for claim in each.authorship.claims:
                same = frozenset(number for number in range(len(claim.bases)) if (each.digest, claim.path, number) in rules.verbatim)
                self._enter(Step(claim, each.principal, full, parents, same))

    def _enter(self, step: Step) -> None:
        claim = step.claim
        self._makers[Version(claim.path, claim.new)].append(step)
        for number, base in enumerate(claim.bases):
            if base.path == claim.path or claim.op is Op.RENAME:
                self._takers[Version(base.path, _side(claim, number))].append((step, number))
        for parent in range(max(1, step.parents)):
            for move in claim.transitions(parent):
                self._edges[move.path][move.old].append((move.new, step))

    def reaches(self, path: bytes, old: State, new: State, accept: Callable[[Step], bool]) -> bool:
        """Whether claims that `accept` takes lead from `old` to `new`."""
        return new in self._onward(path, old, accept)

    def _onward(self, path: bytes, old: State, accept: Callable[[Step], bool]) -> set[State]:
        seen, todo = {old}, [old]
        while todo:
            for state, step in self._edges[path].get(todo.pop(), ()):
                if state not in seen and accept(step):
                    seen.add(state)
                    todo.append(state)
        return seen

    def around(self, path: bytes, old: State, new: State) -> Trace:
        """Return everyone named by the claims that make `new`, or lie on a way from `old` to it."""
        route = self._route(path, old, new)
        steps = [step for a, moves in self._edges[path].items() if a in route for b, step in moves if b in route]
        steps += [step for moves in self._edges[path].values() for b, step in moves if b == new]
        return NOTHING.union(*(step.everyone() for step in steps))

    def _route(self, path: bytes, old: State, new: State) -> set[State]:
        """Return the versions on some way from `old` to `new`, both included; empty if there is no way."""
        ahead = self._onward(path, old, lambda _: True)
        if new not in ahead:
            return set()
        behind: dict[State, set[State]] = defaultdict(set)
        for a, moves in self._edges[path].items():
            for b, _ in moves:
                behind[b].add(a)
        seen, todo = {new}, [new]
        while todo:
            fresh = (behind[todo.pop()] & ahead) - seen
            seen |= fresh
            todo += fresh
        return seen

    def added(self, path: bytes, old: State, new: State) -> Lines:
        """Return who brought each line of `new`, seen from `old`."""
        goal, stop = Version(path, new), Version(path, old)
        order, has_cycle = self._ancestry(goal, stop)
        steps = [step for version in order for step in self._makers.get(version, ())]
        done: dict[Version, Lines] = {stop: Lines([], PLACED)}
        for _ in range(_rounds(steps)):
            before = dict(done)
            for version in order:
                lines = _join([self._compose(step, done, stop) for step in self._makers.get(version, ())])
                done[version] = _hold(lines) if version in self._rules.held else lines
            if not has_cycle or before == done:
                return _closed(done.get(goal, Lines([], UNTRACED)))
        return Lines([], UNTRACED.union(*(step.everyone() for step in steps)))

    def _ancestry(self, goal: Version, stop: Version) -> tuple[list[Version], bool]:
        """Return the versions that `goal` is made from, the oldest first, and whether they go in a circle."""
        order: list[Version] = []
        state: dict[Version, bool] = {stop: True}
        todo = [(goal, False)]
        has_cycle = False
        while todo:
            version, is_finished = todo.pop()
            if is_finished:
                state[version] = True
                order.append(version)
            elif version not in state:
                state[version] = False
                todo.append((version, True))
                todo += [(each, False) for step in self._makers.get(version, ()) for each in _sources(step.claim)]
            else:
                has_cycle = has_cycle or not state[version]
        return order, has_cycle

    def _compose(self, step: Step, done: dict[Version, Lines], stop: Version) -> Lines:
        claim, known = step.claim, list[Trace]()
        sources = [done.get(each, Lines([], NOTHING)) for each in _bases(claim)]
        is_touched = [each != stop and _is_touched(step, n, sources[n]) for n, each in enumerate(_bases(claim))]
        for each in claim.segments:
            if len(known) + each.count > MAX_LINES:
                return Lines([], UNTRACED | step.everyone())
            if isinstance(each, New):
                known += [self._written(step, each.owner, is_carried=each.carried is not None)] * each.count
                continue
            lines = sources[each.base].cut(each.start, each.count)
            known += self._touched(step, each.base, lines) if is_touched[each.base] else lines
        return Lines(known, UNTRACED if claim.segments else self._written(step, claim.hand))

    def _written(self, step: Step, owner: Owner, *, is_carried: bool = False) -> Trace:
        """Return the trace of text of `owner`: its writer's word relaxes, if it may."""
        writer = step.hand(owner, is_carried=is_carried)
        marks = {Mark.COVERED: writer.is_full, Mark.CREDITED: self._rules.is_creditable(writer)}
        return step.writers(owner, is_carried=is_carried) | {mark for mark, holds in marks.items() if holds}

    def _touched(self, step: Step, number: int, lines: Iterable[Trace]) -> list[Trace]:
        """Return `lines`, copied from base `number`, with those who may have changed them: all of them must be able to relax."""
        hands, base = step.changers(number), step.claim.bases[number].path
        lost = set() if all(hand.is_full for hand in hands) else {Mark.COVERED}
        if not all(map(self._rules.is_creditable, hands)) or (base != step.claim.path and base in self._rules.named):
            lost.add(Mark.CREDITED)
        known: dict[Trace, Trace] = {}
        for line in (lines := list(lines)):
            known.setdefault(line, (line | hands) - lost)
        return [known[line] for line in lines]

    def removed(self, path: bytes, old: State, new: State) -> Lines:
        """Return who took away each line of `old` that `new` does not hold."""
        route = self._route(path, old, new)
        if not route:
            return Lines([], UNTRACED)
        done: dict[State, Lines] = {new: Lines([], PLACED)}
        order = self._sinks_first(path, route, new)
        takers = {
            state: [each for each in self._takers.get(Version(path, state), ()) if _lands(each[0].claim, path) in route] for state in order
        }
        for _ in range(_rounds(step for several in takers.values() for step, _ in several)):
            before = dict(done)
            for state in order:
                done[state] = _join([self._fates(step, number, path, done) for step, number in takers[state]])
            if before == done:
                return _closed(done.get(old, Lines([], UNTRACED)))
        return Lines([], UNTRACED | self.around(path, old, new))

    def _sinks_first(self, path: bytes, route: set[State], new: State) -> list[State]:
        """Return `route` without `new`, each version after those that it leads to where there is no circle."""
        order: list[State] = []
        seen = {new}
        for start in sorted(route, key=repr):
            todo = [(start, False)]
            while todo:
                state, is_finished = todo.pop()
                if is_finished:
                    order.append(state)
                elif state not in seen:
                    seen.add(state)
                    todo.append((state, True))
                    todo += [(after, False) for after, _ in self._edges[path].get(state, ()) if after in route]
        return order

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
                after = done.get(claim.new, Lines([], NOTHING)).cut(at, segment.count)
                fate = after if number in step.verbatim else self._touched(step, number, after)
                known[segment.start : segment.start + segment.count] = fate
            at += segment.count
        return Lines(known, gone)


def _side(claim: Claim, number: int) -> FileState:
    base = claim.bases[number]
    return FileState(mode=base.mode, sha256=base.sha256)


def _bases(claim: Claim) -> list[Version]:
    return [Version(base.path, _side(claim, number)) for number, base in enumerate(claim.bases)]


def _sources(claim: Claim) -> Iterable[Version]:
    bases = _bases(claim)
    return [bases[each] for each in sorted({each.base for each in claim.segments if isinstance(each, Copied)})]


def _rounds(steps: Iterable[Step]) -> int:
    """Return how often to go over `steps`: not at all where they are too much, whoever signed so many."""
    lines = sum(min(_reach(step.claim), MAX_LINES) for step in steps)
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


def _lands(claim: Claim, path: bytes) -> State:
    return claim.new if claim.path == path else None


def _join(several: list[Lines]) -> Lines:
    if not several:
        return Lines([], UNTRACED)
    if len(several) == 1:
        return several[0]
    length = max(len(each.known) for each in several)
    rows = [each.cut(0, length) for each in several]
    known = [NOTHING.union(*traces) if any(trace is not traces[0] for trace in traces) else traces[0] for traces in zip(*rows, strict=True)]
    return Lines(known, NOTHING.union(*(each.rest for each in several)))


def _hold(lines: Lines) -> Lines:
    """Return `lines` as text that the base of the change holds: its writers are named, and it needs none to be held."""
    return Lines([(trace - UNTRACED) | HELD for trace in lines.known], (lines.rest - UNTRACED) | HELD)


def _closed(lines: Lines) -> Lines:
    """Return `lines` with every line that only a circle of claims explains as untraced."""
    return Lines([trace or UNTRACED for trace in lines.known], lines.rest or UNTRACED)

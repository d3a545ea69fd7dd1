# SPDX-License-Identifier: Apache-2.0
"""Claims as a graph: each is an edge that takes one version of a path to another, exactly.

A `Step` is a claim and who signed it. `ClaimGraph` answers where steps lead: whether they reach a version from another, who stands on
the way between two, from which versions one is made and what became of it. Claims are anybody's word, so they may go in a circle;
every walk here ends all the same. What was imported is no step: it leads nowhere, and only says of lines of a version that an agent
wrote them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from byline.core.claim import New, Op
from byline.decide.traces import NOTHING, Hand, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from byline.core.attribution import Owner
    from byline.core.claim import Claim
    from byline.core.effect import FileState
    from byline.core.verified import VerifiedAuthorship
    from byline.decide.traces import Trace

State: TypeAlias = "tuple[str, str] | None"  # mode and SHA-256; None is no file. Ways are walked by looking these up.


def state_of(state: FileState | None) -> State:
    """Return `state` as the graph has it."""
    return (state.mode, state.sha256) if state else None


class Version(NamedTuple):
    """One content of one path."""

    path: bytes
    state: State


class Step(NamedTuple):
    """One claim and who signed it; `is_full` as the statement is, under the policy's strength; `verbatim` its bases so copied.

    `bases` are the versions that the claim names as its bases, by number; `new` is the one that it leads to.
    """

    claim: Claim
    signer: str
    is_full: bool
    verbatim: frozenset[int]
    bases: tuple[Version, ...]
    new: Version

    @property
    def sources(self) -> list[Version]:
        """The bases from which the claim copies lines."""
        return [self.bases[each] for each in sorted(self.claim.copied_bases)]

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


class ClaimGraph:
    """The claims of `authorships`; `is_strong` tells which statements may relax, `verbatim` is that of the change."""

    def __init__(
        self,
        authorships: Iterable[VerifiedAuthorship],
        *,
        is_strong: Callable[[VerifiedAuthorship], bool],
        verbatim: frozenset[tuple[str, bytes, int]],
    ) -> None:
        self._makers: dict[Version, list[Step]] = defaultdict(list)
        self._takers: dict[Version, list[tuple[Step, int]]] = defaultdict(list)
        self._edges: dict[bytes, dict[State, list[tuple[State, Step]]]] = defaultdict(lambda: defaultdict(list))
        self._told: dict[Version, list[Claim]] = defaultdict(list)
        for each in authorships:
            if each.authorship.is_imported:
                for claim in each.authorship.claims:
                    self._told[Version(claim.path, state_of(claim.new))].append(claim)
                continue
            is_full, parents = is_strong(each), len(each.authorship.commit.parents)
            for claim in each.authorship.claims:
                same = frozenset(number for number in range(len(claim.bases)) if (each.digest, claim.path, number) in verbatim)
                bases = tuple(Version(base.path, (base.mode, base.sha256)) for base in claim.bases)
                new = Version(claim.path, state_of(claim.new))
                self._enter(Step(claim, each.principal, is_full, same, bases, new), parents)

    def _enter(self, step: Step, parents: int) -> None:
        claim = step.claim
        self._makers[step.new].append(step)
        for number, base in enumerate(step.bases):
            if base.path == claim.path or claim.op is Op.RENAME:
                self._takers[base].append((step, number))
        for parent in range(max(1, parents)):
            for move in claim.transitions(parent):
                self._edges[move.path][state_of(move.old)].append((state_of(move.new), step))

    def told(self, version: Version) -> Sequence[Claim]:
        """Return what was imported about `version`."""
        return self._told.get(version, ())

    def makers(self, version: Version) -> Sequence[Step]:
        """Return the steps that lead to `version`."""
        return self._makers.get(version, ())

    def takers(self, version: Version) -> Sequence[tuple[Step, int]]:
        """Return the steps that start from `version`, each with the number that it has among their bases."""
        return self._takers.get(version, ())

    def reaches(self, path: bytes, old: State, new: State, accept: Callable[[Step], bool]) -> bool:
        """Whether claims that `accept` takes lead from `old` to `new`."""
        return new in self._onward(path, old, accept)

    def around(self, path: bytes, old: State, new: State) -> Trace:
        """Return everyone named by the claims that make `new`, or lie on a way from `old` to it."""
        route = self.route(path, old, new)
        steps = [step for a, moves in self._edges[path].items() if a in route for b, step in moves if b in route]
        steps += [step for moves in self._edges[path].values() for b, step in moves if b == new]
        return NOTHING.union(*(step.everyone() for step in steps))

    def route(self, path: bytes, old: State, new: State) -> set[State]:
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

    def ancestry(self, goal: Version, stop: Version) -> tuple[list[Version], bool]:
        """Return the versions that `goal` is made from as far as `stop`, the oldest first, and whether they go in a circle."""
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
                todo += [(each, False) for step in self.makers(version) for each in step.sources]
            else:
                has_cycle = has_cycle or not state[version]
        return order, has_cycle

    def sinks_first(self, path: bytes, route: set[State], new: State) -> list[State]:
        """Return `route` without `new`, each version after those that it leads to where there is no circle."""
        order: list[State] = []
        seen = {new}
        for start in sorted(route, key=lambda state: state or ()):
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

    def _onward(self, path: bytes, old: State, accept: Callable[[Step], bool]) -> set[State]:
        seen, todo = {old}, [old]
        while todo:
            for state, step in self._edges[path].get(todo.pop(), ()):
                if state not in seen and accept(step):
                    seen.add(state)
                    todo.append(state)
        return seen

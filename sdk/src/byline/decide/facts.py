# SPDX-License-Identifier: Apache-2.0
"""What a rule may ask about a change unit: is it a person's own, and whose hands made it.

For each unit (reference: the gate, lines 17 to 23):

1. *credited*: full claims lead from the old version to the new, every line of the unit has a human claim that the policy credits,
   and no claim, trailer or finding says anything else about it;
2. *hands*: every person whom a claim on the unit names, and who signed it. Unless the unit is credited, an unknown hand stands
   beside them, below every level. With `credit_hands`, full claims that cover the unit exactly take it away, but where a statement
   was erased;
3. the *bar*: nobody who had a hand in the file between the two versions, or in any unit of it, may approve it.

Claims that relax need `is_full`; claims that tighten need nothing. So taking fullness from a claim never helps, nor does adding
one that is not full.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from byline.core.attribution import Channel, Evidence, Origin, stricter
from byline.core.change import Side
from byline.core.trust import Kind, is_below
from byline.decide.graph import ClaimGraph, state_of
from byline.decide.hands import Hands, Rules
from byline.decide.traces import Hand, Mark, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from byline.core.attribution import Agent
    from byline.core.change import Change, ChangedFile, Unit
    from byline.core.policy import Policy
    from byline.core.trust import Trust
    from byline.core.verified import VerifiedAuthorship
    from byline.decide.graph import State, Step
    from byline.decide.traces import Lines, Trace

CREDITED_CHANNELS = frozenset({Channel.EDITOR, Channel.DECLARATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """`people` are principals' ids; `has_unknown_hand` says that somebody nobody names may have made the unit as well.

    `agents` are those that some claim names, None for one without a name; `has_unknown_agent` says that one that no claim names may
    have had a part in it.
    """

    unit: Unit
    is_credited: bool
    people: frozenset[str]
    has_unknown_hand: bool
    agents: frozenset[Agent | None] = frozenset()
    has_unknown_agent: bool = True

    def is_hand_below(self, level: str, trust: Trust) -> bool:
        """Whether some hand is below `level`, or not known."""
        return self.has_unknown_hand or any(is_below(_level(name, trust), level, trust.levels) for name in self.people)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """The units of one file, who may not approve it (`bar`), and how many of its added lines have which origin."""

    file: ChangedFile
    units: tuple[UnitFacts, ...]
    bar: frozenset[str]
    origins: tuple[tuple[Origin, int], ...]


def state_facts(policy: Policy, change: Change, trust: Trust) -> tuple[FileFacts, ...]:
    """Return the facts about every file of `change`, in its order."""

    def is_strong(fact: VerifiedAuthorship) -> bool:
        who = trust.principal(fact.principal)
        return fact.is_full and fact.strength.rank >= policy.strength.rank and who is not None and who.kind is Kind.HUMAN

    def is_creditable(hand: Hand) -> bool:
        return _is_creditable(hand, policy, trust)

    held = frozenset((each.path, state_of(each.old)) for each in change.transitions if each.old)
    graph = ClaimGraph(change.authorships, is_strong=is_strong, verbatim=change.verbatim)
    hands = Hands(graph, Rules(is_creditable=is_creditable, held=held, doubted=change.doubted))
    reader = _Reader(policy, change, graph, hands, is_creditable)
    return tuple(reader.file(each) for each in change.files)


class _Reader:
    def __init__(self, policy: Policy, change: Change, graph: ClaimGraph, hands: Hands, is_creditable: Callable[[Hand], bool]) -> None:
        self._policy = policy
        self._doubted = change.doubted
        self._erased = change.erased
        self._graph = graph
        self._hands = hands
        self._is_creditable = is_creditable

    def file(self, file: ChangedFile) -> FileFacts:
        way = _way(file)
        sides = {each.side for each in file.units}
        around = self._graph.around(*way)
        lines: dict[Side, Lines] = {}
        if Side.ADDED in sides:
            lines[Side.ADDED] = self._hands.added(*way)
        if Side.REMOVED in sides:
            lines[Side.REMOVED] = self._hands.removed(*way)
        chain = _Chain(
            exact=self._chain(file, lambda step: step.is_full),
            named=self._chain(
                file, lambda step: step.is_full and all(hand.is_full or hand.part is Part.EARLIER for hand in step.everyone())
            ),
            human=self._chain(file, lambda step: step.is_full and all(map(self._is_creditable, step.everyone()))),
        )
        units = tuple(self._unit(each, _rows(each, lines, around), chain) for each in file.units)
        people = frozenset(name for each in units for name in each.people) | _people(around)
        return FileFacts(file=file, units=units, bar=people, origins=_origins(file.units, lines.get(Side.ADDED)))

    def _chain(self, file: ChangedFile, accept: Callable[[Step], bool]) -> bool:
        return self._graph.reaches(*_way(file), accept)

    def _unit(self, unit: Unit, rows: Sequence[Trace], chain: _Chain) -> UnitFacts:
        kinds = set(rows)
        named = frozenset(hand for trace in kinds for hand in trace if isinstance(hand, Hand))
        is_human = unit.path not in self._doubted and all(hand.owner.origin is Origin.HUMAN for hand in named)
        credited = is_human and all(_holds(trace, Mark.CREDITED, chain.exact, chain.human) for trace in kinds)
        # Whom an erased statement named nobody knows any more.
        named_all = self._policy.credit_hands and unit.path not in self._erased
        covered = named_all and all(_holds(trace, Mark.COVERED, chain.exact, chain.named) for trace in kinds)
        authors = frozenset(owner for hand in named for owner in (hand.owner, hand.owner.earlier) if owner is not None)
        return UnitFacts(
            unit=unit,
            is_credited=credited,
            people=_people(named),
            has_unknown_hand=not (credited or covered),
            agents=frozenset(each.agent for each in authors if each.is_ai or each.agent is not None),
            has_unknown_agent=not (credited or covered) or any(each.origin is not Origin.HUMAN and each.agent is None for each in authors),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """Whether full claims lead from the old version to the new: at all, naming only their signers, being creditable throughout."""

    exact: bool
    named: bool
    human: bool


def _way(file: ChangedFile) -> tuple[bytes, State, State]:
    move = file.transition
    return move.path, state_of(move.old), state_of(move.new)


def _rows(unit: Unit, lines: dict[Side, Lines], around: Trace) -> Sequence[Trace]:
    if unit.lines is None:
        return [around | {Mark.PLACED}]
    found = lines[unit.side].cut(unit.lines.start, len(unit.lines))
    return [trace | around if Mark.PLACED in trace else trace for trace in found]


def _holds(trace: Trace, mark: Mark, exact: bool, whole: bool) -> bool:  # noqa: FBT001 - two facts
    """Whether the line may relax: some claims say so together, or, for a line that stands nowhere, every claim on the way does."""
    return whole if Mark.PLACED in trace else exact and mark in trace


def _is_creditable(hand: Hand, policy: Policy, trust: Trust) -> bool:
    owner = hand.owner
    if not hand.is_full or owner.origin is not Origin.HUMAN or owner.earlier is not None:
        return False
    if owner.channel not in CREDITED_CHANNELS or owner.evidence.rank <= Evidence.INFERRED.rank:
        return False
    level = _level(hand.signer, trust)
    return any(
        (credit.evidence is None or owner.evidence.rank >= credit.evidence.rank) and (credit.levels is None or level in credit.levels)
        for credit in policy.credit_human
    )


def _people(trace: Iterable[Hand | Mark]) -> frozenset[str]:
    names = ((hand.signer, hand.owner.principal) for hand in trace if isinstance(hand, Hand))
    return frozenset(name for pair in names for name in pair if name is not None)


def _level(name: str | None, trust: Trust) -> str | None:
    who = trust.principal(name) if name else None
    return who.level if who else None


def _origins(units: Iterable[Unit], lines: Lines | None) -> tuple[tuple[Origin, int], ...]:
    counts = dict.fromkeys(Origin, 0)
    for unit in units:
        if unit.side is Side.ADDED and unit.lines and lines:
            for trace, count in Counter(lines.cut(unit.lines.start, len(unit.lines))).items():
                counts[_origin(trace)] += count
    return tuple(counts.items())


def _origin(trace: Trace) -> Origin:
    owners = sorted((hand.owner for hand in trace if isinstance(hand, Hand) and hand.part is Part.WROTE), key=repr)
    if not owners or Mark.UNTRACED in trace:
        return Origin.UNKNOWN
    worst = reduce(stricter, owners)
    return Origin.MIXED if worst.earlier else worst.origin

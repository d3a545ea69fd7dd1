# SPDX-License-Identifier: Apache-2.0
"""Which approvals count, and whether they lead a file from the base to the candidate.

An approval counts (reference: the gate, lines 24 and 33) if

1. its approver is a person and signed it;
2. it is for this repository, this target, this environment or all, and this policy's bytes;
3. it was given, by its own word, not after now and not longer than `max_age` ago, and has not expired;
4. its statement is as strong as the policy asks;
5. its signature shows what the policy asks of the person's presence;
6. its binding is what the policy asks: a `tree` approval holds for the very tree that it names and always suffices;
7. the target has not taken the step before: what was approved, landed and was reverted is approved anew.

A file is approved by a *chain*: approved transitions of its path, end to end, each by enough different people. A preview has no
target and takes an approval for any.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from byline.core.approval import ANY_ENVIRONMENT
from byline.core.moment import SKEW
from byline.core.policy import Binding
from byline.core.trust import Kind, Use, is_below

if TYPE_CHECKING:
    from datetime import datetime

    from byline.core.change import Change
    from byline.core.effect import FileState, Transition
    from byline.core.policy import Policy
    from byline.core.trust import Trust
    from byline.core.verified import VerifiedApproval


class Approvals:
    """The approvals of `change` that count `at`, by path and transition."""

    def __init__(self, policy: Policy, change: Change, trust: Trust, at: datetime) -> None:
        self._trust = trust
        self._edges: dict[bytes, dict[FileState | None, dict[FileState | None, list[VerifiedApproval]]]]
        self._edges = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        for each in change.approvals:
            if _counts(each, policy, change, at) and _is_person(each, trust):
                for move in (move for move in each.approval.transitions if (each.digest, move.path) not in change.spent):
                    self._edges[move.path][move.old][move.new].append(each)

    def is_approved(self, move: Transition, *, count: int, level: str | None, bar: frozenset[str], by_root: bool = False) -> bool:
        """Whether approvals lead `move.path` from one side to the other, each step by `count` people of at least `level`.

        Nobody in `bar` counts; keys need the use approval, with `by_root` the use root.
        """
        use = Use.ROOT if by_root else Use.APPROVAL
        seen, todo = {move.old}, [move.old]
        while todo and move.new not in seen:
            for state, given in self._edges[move.path][todo.pop()].items():
                able = {each.principal for each in given if use in each.uses and each.principal not in bar}
                able = {name for name in able if level is None or not is_below(self._level(name), level, self._trust.levels)}
                if len(able) >= count and state not in seen:
                    seen.add(state)
                    todo.append(state)
        return move.new in seen

    def _level(self, name: str) -> str | None:
        who = self._trust.principal(name)
        return who.level if who else None


def _is_person(fact: VerifiedApproval, trust: Trust) -> bool:
    who = trust.principal(fact.principal)
    return who is not None and who.kind is Kind.HUMAN and fact.approval.approver == fact.principal


def _counts(fact: VerifiedApproval, policy: Policy, change: Change, at: datetime) -> bool:
    given = fact.approval
    bound = given.digest == change.manifest if given.binding is Binding.TREE else policy.binding is Binding.EFFECT
    age = at - given.approved_at
    return (
        bound
        and given.repository == change.repository
        and change.target in (None, given.target)
        and given.environment in (ANY_ENVIRONMENT, change.environment)
        and (given.policy_version, given.policy_sha256) == (policy.version, policy.sha256)
        and age >= -SKEW
        and (policy.max_age is None or age <= policy.max_age)
        and at < given.expires_at
        and fact.strength.rank >= policy.strength.rank
        and fact.presence.rank >= policy.presence.rank
    )

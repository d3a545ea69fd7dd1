# SPDX-License-Identifier: Apache-2.0
"""For which files a gate will not count somebody's approval, and why: asked before they sign.

An approval of a file is of use if some rule that asks for approvals of it counts it: the built-in protection those of keys with the use
root, a rule of the policy those of keys with the use approval, by people of the level that it names. Nobody's counts where they had a
hand. Where no rule asks, nothing is in the way of a yes that is not needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.policy import PROTECTED
from byline.core.publickey import Presence
from byline.core.spellings import is_alike
from byline.core.trust import Use, is_below
from byline.core.value import dataclass
from byline.decide.facts import state_facts
from byline.decide.rules import applies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.change import Change
    from byline.core.policy import Policy, Rule
    from byline.core.trust import Trust
    from byline.decide.facts import FileFacts

NO_APPROVALS = "your key does not have the use approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """A file, and `why` the approver's yes to it would not count, told to them."""

    path: bytes
    why: str


def list_uncounted(
    policy: Policy, change: Change, trust: Trust, *, approver: str, uses: Iterable[Use], is_token: bool = False
) -> tuple[Uncounted, ...]:
    """Return the files of `change` for which an approval by `approver`, with a key of these `uses`, would not count.

    `is_token`: the key lives on a token, and so can show that somebody was there.
    """
    given = frozenset(uses)
    is_absent = policy.presence is not Presence.NONE and not is_token
    lacking = "the policy asks for approvals by a token that somebody touches, and your key is a file" if is_absent else None
    found = []
    for facts in state_facts(policy, change, trust):
        rules = [rule for rule in policy.rules if any(applies(rule.when, unit, change, trust) for unit in facts.units)]
        answers = [*_answers(facts, rules, trust, approver, given)]
        move = facts.file.transition
        if any(is_alike(move.path, glob, is_link=move.is_link) for rule in policy.agents for glob in rule.paths):
            answers.append(None if Use.APPROVAL in given else NO_APPROVALS)
        why = "you had a hand in it" if approver in facts.bar else _why([each or lacking for each in answers])
        if why is not None:
            found.append(Uncounted(path=facts.file.transition.path, why=why))
    return tuple(found)


def _why(answers: Sequence[str | None]) -> str | None:
    """Return why no rule would count it; None if one would, or none asks."""
    return None if None in answers else next(iter(answers), None)


def _answers(facts: FileFacts, rules: Iterable[Rule], trust: Trust, approver: str, uses: frozenset[Use]) -> Iterator[str | None]:
    """Yield for each rule that asks for an approval why it would not count, None where it would."""
    if any(is_alike(facts.file.transition.path, glob) for glob in PROTECTED):
        yield None if Use.ROOT in uses else "it decides whom Byline trusts, and your key does not have the use root"
    who = trust.principal(approver)
    level = who.level if who else None
    for rule in rules:
        if rule.require is None or rule.require.approvals == 0:
            continue
        wanted = rule.require.level_at_least
        if Use.APPROVAL not in uses:
            yield NO_APPROVALS
        elif wanted is not None and is_below(level, wanted, trust.levels):
            yield f"{rule.id} asks for {wanted} or above, and you are {level or 'of no level'}"
        else:
            yield None

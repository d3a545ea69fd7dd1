# SPDX-License-Identifier: Apache-2.0
"""The verdict: every rule asked about every change unit (reference: the gate, lines 26 to 37).

1. State that is not current or does not fit together denies: expired trust, a policy that trust cannot answer.
2. A change of nothing is denied: nothing was judged.
3. The built-in protection asks for an approval by a key with the use root.
4. Each rule whose condition is not known to be false applies. A rule denies, or its approvals must be there, else pending.
5. A rule for agents with `paths` denies what an agent that it is about had a part in; where the rule says "ask", or where it is not
   known that no such agent did, one person who is no hand has to approve. Nothing but a person's credited line is known to be nobody
   else's.
6. A unit to which no rule applies is denied.
7. Where the policy asks for completeness, a file of which the log has statements that were not shown is denied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.access import Effect
from byline.core.attribution import Origin
from byline.core.change import Side
from byline.core.globs import is_match
from byline.core.policy import PROTECTED
from byline.core.spellings import is_alike
from byline.core.verdict import Needs, Outcome, Reason, Summary, Verdict
from byline.decide.approvals import Approvals
from byline.decide.facts import state_facts
from byline.decide.lint import lint_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from byline.core.change import Change, ChangedFile, Unit
    from byline.core.effect import Transition
    from byline.core.policy import Policy, Rule, When
    from byline.core.trust import Trust
    from byline.decide.facts import FileFacts, UnitFacts

STATE, EMPTY, PROTECT, UNMATCHED = "built-in:state", "built-in:empty", "built-in:protected", "built-in:no-rule"
WITHHELD = "built-in:withheld"
_SHOWN = 5


def decide_change(policy: Policy, change: Change, *, trust: Trust, at: datetime) -> Verdict:
    """Return what `policy` says about `change` at the moment `at`. "No" is a value: this never raises to refuse."""
    reasons = [*_state(policy, change, trust, at)]
    facts: Sequence[FileFacts] = ()
    if not reasons:
        facts = state_facts(policy, change, trust)
        approvals = Approvals(policy, change, trust, at)
        reasons = [reason for each in facts for reason in _file(each, policy, change, trust, approvals)]
    outcome = min((reason.outcome for reason in reasons), key=lambda each: each.rank, default=Outcome.ALLOW)
    return Verdict(outcome=outcome, reasons=tuple(reasons), summary=_summary(change.files, facts))


def deny_change(message: str) -> Verdict:
    """Return the verdict where state that a gate needs is missing or malformed (T0): no change was looked at."""
    return Verdict(outcome=Outcome.DENY, reasons=(_whole(STATE, message),), summary=_summary((), ()))


def _state(policy: Policy, change: Change, trust: Trust, at: datetime) -> Iterator[Reason]:
    if at >= trust.expires:
        yield _whole(STATE, f"trust version {trust.version} has expired")
    if change.repository != trust.repository:
        yield _whole(STATE, "the change is of another repository than trust")
    for remark in lint_policy(policy, trust):
        if remark.is_error:
            yield _whole(STATE, f"the policy does not fit trust: {remark.message}")
    if policy.needs_index and change.completeness is None:
        what = "the policy asks for completeness, and no log was asked for a proof of it: a gate asks the `ledger` of its gate.toml"
        yield _whole(STATE, what)
    if not change.files:
        yield _whole(EMPTY, "nothing was judged: base and candidate hold the same files")


def _whole(rule: str, message: str) -> Reason:
    return Reason(rule=rule, outcome=Outcome.DENY, message=message, path=None, side=Side.FILE, lines=None, needs=None)


def _file(facts: FileFacts, policy: Policy, change: Change, trust: Trust, approvals: Approvals) -> Iterator[Reason]:
    move = facts.file.transition
    withheld = change.completeness.withheld.get(move.path, ()) if change.completeness else ()
    if withheld:
        entries = ", ".join(map(str, withheld[:_SHOWN])) + (", ..." if len(withheld) > _SHOWN else "")
        message = f"the log has statements about this change that were not shown: entry {entries}"
        yield Reason(rule=WITHHELD, outcome=Outcome.DENY, message=message, path=move.path, side=Side.FILE, lines=None, needs=None)
    if any(is_alike(move.path, glob) for glob in PROTECTED) and not approvals.is_approved(
        move, count=1, level=None, bar=facts.bar, by_root=True
    ):
        needs = Needs(approvals=1, level_at_least=None)
        message = "this file decides whom Byline trusts; it needs an approval by a key with the use root"
        yield _reason(PROTECT, Outcome.PENDING, message, facts.file.units[0], needs)
    met = {rule.id: _is_met(rule, facts, approvals) for rule in policy.rules}
    for each in facts.units:
        applying = [rule for rule in policy.rules if applies(rule.when, each, change, trust)]
        for rule in applying:
            if rule.require is None:
                yield _reason(rule.id, Outcome.DENY, rule.why, each.unit, None)
            elif not met[rule.id]:
                needs = Needs(approvals=rule.require.approvals, level_at_least=rule.require.level_at_least)
                yield _reason(rule.id, Outcome.PENDING, rule.why, each.unit, needs)
        yield from _agents(each, move, policy, lambda: approvals.is_approved(move, count=1, level=None, bar=facts.bar))
        if not applying:
            yield _reason(UNMATCHED, Outcome.DENY, "no rule matches this change", each.unit, None)


def _agents(facts: UnitFacts, move: Transition, policy: Policy, is_approved: Callable[[], bool]) -> Iterator[Reason]:
    for rule in policy.agents:
        if not any(is_alike(move.path, glob, is_link=move.is_link) for glob in rule.paths):
            continue
        why = f": {rule.why}" if rule.why else ""
        names = [(each.name, each.model) if each else (None, None) for each in facts.agents]
        named = sorted({name or "an agent without a name" for name, model in names if rule.is_about(name, model)})
        if named and rule.effect is Effect.DENY:
            yield _reason(rule.id, Outcome.DENY, f"agents may not change this file, and {', '.join(named)} did{why}", facts.unit, None)
        elif (named or facts.has_unknown_agent) and not is_approved():
            who = f"{', '.join(named)} changed this file" if named else "an agent may have changed this file, and none may"
            message = f"{who}; a person who did not has to approve{why}"
            yield _reason(rule.id, Outcome.PENDING, message, facts.unit, Needs(approvals=1, level_at_least=None))


def _is_met(rule: Rule, facts: FileFacts, approvals: Approvals) -> bool:
    need = rule.require
    if need is None or need.approvals == 0:
        return need is not None
    return approvals.is_approved(facts.file.transition, count=need.approvals, level=need.level_at_least, bar=facts.bar)


def applies(when: When, facts: UnitFacts, change: Change, trust: Trust) -> bool:
    """Whether `when` is not known to be false for the unit."""
    unit = facts.unit
    return (
        (not when.paths or any(is_match(unit.path, glob) for glob in when.paths))
        and (not when.ops or unit.kind in when.ops)
        and not (when.human_is_uncredited and facts.is_credited)
        and (when.hand_below is None or facts.is_hand_below(when.hand_below, trust))
        and (when.environment is None or change.environment in (None, when.environment))
    )


def _reason(rule: str, outcome: Outcome, message: str, unit: Unit, needs: Needs | None) -> Reason:
    return Reason(rule=rule, outcome=outcome, message=message, path=unit.path, side=unit.side, lines=unit.lines, needs=needs)


def _summary(files: Iterable[ChangedFile], facts: Iterable[FileFacts]) -> Summary:
    units = [unit for file in files for unit in file.units]
    counts = dict.fromkeys(Origin, 0)
    for each in facts:
        for origin, count in each.origins:
            counts[origin] += count
    added, removed = (sum(len(each.lines) for each in units if each.side is side and each.lines) for side in (Side.ADDED, Side.REMOVED))
    counts[Origin.UNKNOWN] += added - sum(counts.values())
    return Summary(units=len(units), added=added, removed=removed, origins=tuple(counts.items()))

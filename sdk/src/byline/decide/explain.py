# SPDX-License-Identifier: Apache-2.0
"""A policy in plain words, one paragraph a rule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from byline.core.access import EVERY, Effect
from byline.core.policy import Binding
from byline.core.publickey import Presence

if TYPE_CHECKING:
    from byline.core.access import AgentRule
    from byline.core.policy import Credit, Policy, Rule, When

_HOUR = timedelta(hours=1)


def explain_policy(policy: Policy) -> tuple[str, ...]:
    """Return what `policy` says, in sentences."""
    lines = [f"Policy version {policy.version} of {policy.repository}, for trust version {policy.requires_trust} or later."]
    if policy.credit_human:
        lines.append(f"A person's own lines are credited where a claim is {' or '.join(map(_credit, policy.credit_human))}.")
    else:
        lines.append("No claim makes a line count as a person's own.")
    if policy.credit_hands:
        lines.append("A signed claim that covers a change exactly names its hands; without one a hand is unknown, below every level.")
    else:
        lines.append("Whatever is not credited has an unknown hand, below every level.")
    if policy.needs_index:
        minutes = policy.max_checkpoint_age // timedelta(minutes=1)
        lines.append(
            "Promised: nothing that is deleted or hidden helps (T4): the log proves that no logged statement about the change was withheld,"
            f" by a proof that is at most {minutes} minutes old."
        )
    if policy.relaxes:
        lines.append(
            "Promised: taking away an approval, or what a claim relaxes, never helps (T1); adding a fact that tightens never helps (T2)."
        )
    else:
        lines.append("Promised: no set of claims makes the gate more permissive than the same change without any claim (T3).")
    lines.append(_approvals(policy))
    lines += [f"{rule.id}: {_rule(rule)} ({rule.why})" for rule in policy.rules]
    lines += [f"{rule.id}: {_agent_rule(rule)}{f' ({rule.why})' if rule.why else ''}" for rule in policy.agents]
    lines.append(
        "built-in:agents: no agent writes .byline/, git's hooks and configuration, or the settings of agents: their hooks deny it."
    )
    lines.append(
        "built-in: a change to .byline/, .gitattributes or .gitmodules needs 1 approval by a key with the use root, not by a hand."
    )
    lines.append("What no rule matches is denied; so is a change of nothing.")
    return tuple(lines)


def _credit(credit: Credit) -> str:
    evidence = f"{credit.evidence} or stronger" if credit.evidence else "of any evidence"
    return f"{evidence}, by {' or '.join(credit.levels)}" if credit.levels else evidence


def _approvals(policy: Policy) -> str:
    bound = "the exact bytes of the files" if policy.binding is Binding.EFFECT else "the exact bytes of the whole tree"
    hours = f", for {policy.max_age // _HOUR} hours" if policy.max_age and policy.max_age % _HOUR == timedelta(0) else ""
    return f"An approval is bound to {bound}{hours}; facts must be at least {policy.strength}{_shown(policy)}."


def _shown(policy: Policy) -> str:
    shown = {Presence.PRESENT: "a touch of a token", Presence.VERIFIED: "a token that knows who touched it, by PIN or finger"}
    return f", and approvals signed with {shown[policy.presence]}" if policy.presence in shown else ""


def _rule(rule: Rule) -> str:
    if rule.require is None:
        return f"{_when(rule.when)} is denied"
    if rule.require.approvals == 0:
        return f"{_when(rule.when)} needs no approval"
    who = f" by people of level {rule.require.level_at_least} or above" if rule.require.level_at_least else " by people"
    plural = "s" if rule.require.approvals > 1 else ""
    return f"{_when(rule.when)} needs {rule.require.approvals} approval{plural}{who} who are no hand of it"


def _agent_rule(rule: AgentRule) -> str:
    who = "every agent" if rule.agents == EVERY else " or ".join(rule.agents)
    model = "" if rule.models == EVERY else f" with a model like {' or '.join(rule.models)}"
    kinds = "any command that destroys" if "*" in rule.commands else f"commands of the kind {' or '.join(rule.commands)}"
    acts = [*([f"write {' or '.join(rule.paths)}"] if rule.paths else []), *([f"run {kinds}"] if rule.commands else [])]
    held = "may not" if rule.effect is Effect.DENY else "has to ask a person before it may"
    gate = "; a gate wants a person's approval there where an agent's part is not ruled out" if rule.paths else ""
    hooks = "; its hook sees to that" if rule.commands else ""
    return f"{who}{model} {held} {' or '.join(acts)}{hooks}{gate}"


def _when(when: When) -> str:
    parts = []
    if when.ops:
        parts.append(f"whose file sees {' or '.join(when.ops)}")
    if when.paths:
        parts.append(f"under {' or '.join(when.paths)}")
    if when.human_is_uncredited:
        parts.append("that is not credited to a person")
    if when.hand_below:
        parts.append(f"with a hand below {when.hand_below} or unknown")
    if when.environment:
        parts.append(f"on its way to {when.environment}")
    return f"every change {' and '.join(parts)}" if parts else "every change"

# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a policy before it judges anything.

An *error* makes a gate deny: the policy does not go with the trust file. A *note* is what a person should know: a rule that
asks for nothing, a rule that nobody can satisfy, changes that no rule matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from byline.core.access import Effect
from byline.core.policy import ACKNOWLEDGED, Require
from byline.core.trust import Kind, Use, is_below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.access import AgentRule
    from byline.core.policy import Policy, Rule
    from byline.core.trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One finding; `rule` is None where it is about the whole policy."""

    code: str
    is_error: bool
    rule: str | None
    message: str


def lint_policy(policy: Policy, trust: Trust) -> tuple[Remark, ...]:
    """Return what is wrong with `policy` under `trust`, errors first."""
    remarks = [*_whole(policy, trust), *(remark for rule in policy.rules for remark in _rule(rule, trust))]
    return tuple(sorted(remarks, key=lambda each: not each.is_error))


def _whole(policy: Policy, trust: Trust) -> Iterator[Remark]:
    if policy.repository != trust.repository:
        yield Remark(code="repository-differs", is_error=True, rule=None, message="policy and trust name different repositories")
    if policy.requires_trust > trust.version:
        message = f"the policy requires trust version {policy.requires_trust}, trust is version {trust.version}"
        yield Remark(code="trust-too-old", is_error=True, rule=None, message=message)
    for credit in policy.credit_human:
        for level in sorted(set(credit.levels or ()) - set(trust.levels)):
            message = f"credit_human names the level {level!r}, which trust does not have"
            yield Remark(code="unknown-level", is_error=True, rule=None, message=message)
    if policy.needs_index and len(trust.indexed_logs) != 1:
        message = f"completeness needs one independent log with index = true, and trust has {len(trust.indexed_logs)}"
        yield Remark(code="no-index", is_error=True, rule=None, message=message)
    if policy.relaxes and not policy.needs_index:
        message = f"claims are credited ({ACKNOWLEDGED}): a hidden claim that would have tightened is missed"
        yield Remark(code="credits-claims", is_error=False, rule=None, message=message)
    for agent_rule in policy.agents:
        yield from _agent_rule(agent_rule, policy, trust)
    named = {kind for each in policy.agents for kind in each.commands}
    for kind in sorted({each.kind for each in policy.commands} - named) if "*" not in named else ():
        message = f"no rule for agents names the kind of commands {kind!r}"
        yield Remark(code="unused-kind", is_error=False, rule=None, message=message)
    if not any(rule.when.is_always for rule in policy.rules):
        message = "no rule has when = {}: a change unit that no rule matches is denied"
        yield Remark(code="not-exhaustive", is_error=True, rule=None, message=message)


def _rule(rule: Rule, trust: Trust) -> Iterator[Remark]:
    levels = {rule.when.hand_below, rule.require.level_at_least if rule.require else None} - {None}
    for level in sorted(str(each) for each in levels if each not in trust.levels):
        message = f"it names the level {level!r}, which trust does not have"
        yield Remark(code="unknown-level", is_error=True, rule=rule.id, message=message)
    if rule.require is None:
        return
    need = rule.require
    if need.approvals == 0 and need.level_at_least:
        yield Remark(code="no-approvals", is_error=False, rule=rule.id, message="it names a level and asks for no approval")
    able = _able(need, trust)
    if able < need.approvals:
        message = f"it asks for {need.approvals} approvals, and {able} people of trust could give one"
        yield Remark(code="unsatisfiable", is_error=False, rule=rule.id, message=message)


def _agent_rule(rule: AgentRule, policy: Policy, trust: Trust) -> Iterator[Remark]:
    for glob in rule.paths:
        if glob.startswith("/") or glob.endswith("/") or {".", "..", ""} & set(glob.split("/")):
            message = f"no path fits {glob!r}: paths are from the top of the work tree, and all below a folder is folder/**"
            yield Remark(code="never-matches", is_error=False, rule=rule.id, message=message)
    stricter = next((each for each in policy.agents if each != rule and _covers(each, rule)), None)
    if stricter is not None:
        message = f"{stricter.id} says as much or more about all that it is about"
        yield Remark(code="covered", is_error=False, rule=rule.id, message=message)
    if rule.paths and not _able(Require(approvals=1), trust):
        message = "a gate asks a person about these paths where no agent is known, and nobody of trust could approve"
        yield Remark(code="unsatisfiable", is_error=False, rule=rule.id, message=message)


def _covers(wide: AgentRule, rule: AgentRule) -> bool:
    """Whether `wide` denies, or asks about, whatever `rule` does; of two that are alike the first covers the other."""
    if wide.effect is not rule.effect and wide.effect is not Effect.DENY:
        return False
    has_all = all(
        "*" in ours or set(theirs) <= set(ours)
        for ours, theirs in ((wide.agents, rule.agents), (wide.models, rule.models), (wide.commands, rule.commands))
    )
    has_paths = set(rule.paths) <= set(wide.paths) or "**" in wide.paths
    is_alike = (wide.agents, wide.models, wide.paths, wide.commands, wide.effect) == (
        rule.agents, rule.models, rule.paths, rule.commands, rule.effect,
    )  # fmt: skip
    return has_all and has_paths and (wide.number < rule.number or not is_alike)


def _able(need: Require, trust: Trust) -> int:
    """Count the people who hold a key with the use approval and have the level."""
    people = {each.id: each for each in trust.principals if each.kind is Kind.HUMAN}
    holders = {key.principal for key in trust.keys if Use.APPROVAL in key.uses} & set(people)
    level = need.level_at_least
    return sum(1 for name in holders if level is None or not is_below(people[name].level, level, trust.levels))

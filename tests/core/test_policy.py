# SPDX-License-Identifier: Apache-2.0
"""`.byline/policy.toml`: what is read, what is refused, the presets, lint and plain words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from byline.core.attribution import Evidence
from byline.core.globs import is_match
from byline.core.policy import Binding, ChangeKind, Policy, Require, When, parse_policy
from byline.core.presets import NEEDS_LOG, PRESETS, format_preset
from byline.core.trust import LogClass
from byline.core.verified import Strength
from byline.decide import explain_policy, lint_policy
from byline.errors import PolicyError
from byline.testing import MemoryLedger
from casework import REPOSITORY, SOLO, independent, make_trust

TEAM = format_preset("team", repository=REPOSITORY)


def _parse(text: str) -> Policy:
    return parse_policy(text.encode())


def test_the_team_preset_says_what_it_should() -> None:
    policy = _parse(TEAM)
    assert (policy.strength, policy.credit_hands, policy.max_age, policy.binding) == (
        Strength.SIGNED,
        True,
        timedelta(hours=72),
        Binding.EFFECT,
    )
    assert [(each.evidence, each.levels) for each in policy.credit_human] == [
        (Evidence.OBSERVED, None),
        (Evidence.DECLARED, ("mid", "senior")),
    ]
    first, second = policy.rules
    assert first.when == When(human_is_uncredited=True, hand_below="senior")
    assert first.require == Require(approvals=1, level_at_least="senior")
    assert (second.when.is_always, second.require) == (True, Require(approvals=0))


def test_the_solo_preset_is_one_rule_that_asks_for_nothing() -> None:
    policy = _parse(SOLO)
    assert [(rule.when.is_always, rule.require) for rule in policy.rules] == [(True, Require(approvals=0))]
    assert not policy.relaxes


def test_there_is_no_other_preset() -> None:
    with pytest.raises(PolicyError):
        format_preset("lax", repository=REPOSITORY)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_without_errors(name: str) -> None:
    trust = make_trust(logs=(replace(independent(MemoryLedger()), is_indexed=name in NEEDS_LOG),))
    remarks = lint_policy(_parse(format_preset(name, repository=REPOSITORY)), trust)
    assert [each for each in remarks if each.is_error] == []


def test_the_regulated_preset_takes_nobodys_word() -> None:
    policy = _parse(format_preset("regulated", repository=REPOSITORY))
    assert (policy.relaxes, policy.needs_index, policy.strength) == (False, True, Strength.LOGGED)
    production, everything = policy.rules
    assert production.require == Require(approvals=2, level_at_least="senior")
    assert (everything.when.is_always, everything.require) == (True, Require(approvals=1, level_at_least="senior"))
    paths, commands = policy.agents
    assert (paths.paths, commands.commands) == (production.when.paths, ("*",))
    for path in (b"infra/db.tf", b"app/migrations/001.sql", b".github/workflows/ci.yml", b"svc/Dockerfile"):
        assert any(is_match(path, each) for each in paths.paths), path
    assert "T4" in "\n".join(explain_policy(policy))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema = 1", "schema = 2"),
        ('acknowledge = "T1,T2 only"\n', ""),
        ('acknowledge = "T1,T2 only"\n', 'acknowledge = "yes"\n'),
        ('strength = "signed"', 'strength = "sealed"'),
        ('strength = "signed"', 'completeness = "all"'),
        ('strength = "signed"', "completeness = true"),
        ('strength = "signed"', 'max_checkpoint_age = "5"'),
        ("credited_human = false", "credited_human = true"),
        ("credited_human = false", 'origin = "ai"'),
        ('evidence = "observed"', 'evidence = "inferred"'),
        ('max_age = "72h"', 'max_age = "72"'),
        ('max_age = "72h"', "max_age = 72"),
        ('binding = "effect"', 'binding = "plan"'),
        ("approvals = 1", "approvals = -1"),
        ("approvals = 1", "approvals = true"),
        ("require = { approvals = 0 }", "deny = false"),
        ("require = { approvals = 0 }", "require = { approvals = 0 }\ndeny = true"),
        ("require = { approvals = 0 }", 'require = { approvals = 0, kind = "agent" }'),
        ("require = { approvals = 0 }", 'require = { approvals = 0, distinct_from = ["pusher"] }'),
        ("require = { approvals = 0 }", 'require = { approvals = 0, distinct_from = ["hands", "pusher"] }'),
        ('id = "everything-else"', 'id = "ai-senior-signoff"'),
        ('id = "everything-else"', 'id = "built-in:protected"'),
        ("when = {}", 'when = { op = ["rename"] }'),
        ("when = {}", "when = true"),
    ],
)
def test_what_is_unknown_or_would_loosen_is_refused(old: str, new: str) -> None:
    assert old in TEAM
    with pytest.raises(PolicyError):
        _parse(TEAM.replace(old, new, 1))


def test_completeness_needs_a_log_with_an_index_and_no_acknowledgement() -> None:
    text = TEAM.replace('acknowledge = "T1,T2 only"', 'completeness = "required"\nmax_checkpoint_age = "5m"')
    policy = _parse(text)
    assert (policy.needs_index, policy.max_checkpoint_age) == (True, timedelta(minutes=5))
    log = independent(MemoryLedger())
    for logs, codes in (
        ((), ["no-index"]),
        ((log,), ["no-index"]),
        ((replace(log, is_indexed=True),), []),
        ((replace(log, is_indexed=True, kind=LogClass.EMBEDDED, operator=None),), ["no-index"]),
    ):
        assert [each.code for each in lint_policy(policy, make_trust(logs=logs)) if each.is_error] == codes
    assert "credits-claims" not in {each.code for each in lint_policy(policy, make_trust())}
    assert any("(T4)" in line and "5 minutes" in line for line in explain_policy(policy))


def test_every_condition_is_read() -> None:
    when = '{ paths = ["infra/**"], op = ["delete", "mode"], credited_human = false, hand_below = "mid", environment = "prod" }'
    rule = _parse(TEAM.replace("when = {}", f"when = {when}")).rules[1]
    assert rule.when == When(
        paths=("infra/**",),
        ops=(ChangeKind.DELETE, ChangeKind.MODE),
        human_is_uncredited=True,
        hand_below="mid",
        environment="prod",
    )


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        (b"infra/prod/a.tf", "infra/**", True),
        (b"infra", "infra/**", False),
        (b"INFRA/a", "infra/*", True),
        (b"infra/a/b", "infra/*", False),
        (b"a/b/.gitattributes", "**/.gitattributes", True),
        (b".GitAttributes", "**/.gitattributes", True),
        (b"a.gitattributes", "**/.gitattributes", False),
        (b"x/y.py", "**", True),
        (b"a\xff\nb", "a?\nb", True),
        (b"a[1].py", "a[1].py", True),
        ("caf\u00e9/x".encode(), "cafe\u0301/**", True),
    ],
)
def test_globs(path: bytes, glob: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_match(path, glob) is expected


def test_lint_finds_what_trust_cannot_answer() -> None:
    text = TEAM.replace('hand_below = "senior"', 'hand_below = "chief"').replace("requires_trust = 1", "requires_trust = 9")
    text = text.replace('levels = ["mid", "senior"]', 'levels = ["boss"]').replace("when = {}", 'when = { paths = ["a"] }')
    codes = [(each.code, each.is_error) for each in lint_policy(_parse(text), make_trust())]
    assert codes == [
        ("trust-too-old", True),
        ("unknown-level", True),
        ("not-exhaustive", True),
        ("unknown-level", True),
        ("credits-claims", False),
    ]


def test_lint_counts_who_could_approve() -> None:
    remarks = lint_policy(_parse(TEAM.replace("approvals = 1", "approvals = 3")), make_trust())
    assert [(each.code, each.rule) for each in remarks] == [("credits-claims", None), ("unsatisfiable", "ai-senior-signoff")]


def test_plain_words_name_every_rule_and_the_promise() -> None:
    text = "\n".join(explain_policy(_parse(TEAM)))
    assert "every change that is not credited to a person and with a hand below senior or unknown needs 1 approval" in text
    assert "T1" in text
    assert "T3" in "\n".join(explain_policy(_parse(SOLO)))

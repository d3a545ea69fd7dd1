# SPDX-License-Identifier: Apache-2.0
"""decide_change on whole changes: whose lines pass, whose wait, and who may let them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from byline.core.access import AgentRule, Effect
from byline.core.attribution import UNKNOWN, Channel, Evidence, Origin, Owner
from byline.core.change import Side
from byline.core.claim import Op
from byline.core.lines import LineRange
from byline.core.policy import Binding, Require, Rule, When
from byline.core.verdict import Needs, Outcome
from byline.decide.rules import PROTECT, STATE
from casework import (
    NOW,
    ai,
    approval,
    authorship,
    changed,
    claim,
    human,
    judge,
    move,
    outcome,
    signed,
    strict,
    team,
)

PATH = b"src/app.py"
OLD, MIDDLE, NEW = b"a\nb\nc\n", b"a\nb\nb2\nc\n", b"a\nb2\nc\nd\n"
FILES = [changed(PATH, OLD, NEW)]


def test_a_seniors_agent_edits_pass_without_anybody_else() -> None:
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-ana")]) is Outcome.ALLOW


def test_a_juniors_agent_edits_wait_for_a_senior() -> None:
    verdict = judge(FILES, [signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")])
    assert verdict.outcome is Outcome.PENDING
    assert {reason.rule for reason in verdict.reasons} == {"ai-senior-signoff"}
    assert [(reason.side, reason.lines) for reason in verdict.reasons] == [
        (Side.REMOVED, LineRange(1, 2)),
        (Side.ADDED, LineRange(1, 2)),
        (Side.ADDED, LineRange(3, 4)),
    ]
    assert {reason.needs for reason in verdict.reasons} == {Needs(approvals=1, level_at_least="senior")}


def test_what_nobody_claimed_waits_even_for_a_senior() -> None:
    assert outcome(FILES, []) is Outcome.PENDING


def test_a_declaration_is_credited_at_the_levels_that_policy_names() -> None:
    for person, expected in (("p-rob", Outcome.PENDING), ("p-mia", Outcome.ALLOW), ("p-ana", Outcome.ALLOW)):
        assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, human(person))), person)]) is expected


def test_what_an_editor_saw_is_credited_at_every_level() -> None:
    typed = human("p-rob", evidence=Evidence.OBSERVED, channel=Channel.EDITOR)
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, typed)), "p-rob")]) is Outcome.ALLOW


@pytest.mark.parametrize("channel", [Channel.SDK, Channel.HOOK, Channel.RECORD, Channel.GENERIC, Channel.PROXY, Channel.IMPORT])
def test_no_other_channel_can_say_human(channel: Channel) -> None:
    """I4: a mid's own lines would pass; through these doors they are not credited, and a mid is below senior."""
    said = human("p-mia", evidence=Evidence.ATTESTED, channel=channel)
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, said)), "p-mia")]) is Outcome.PENDING


def test_what_is_inferred_is_never_credited() -> None:
    said = human("p-mia", evidence=Evidence.INFERRED, channel=Channel.EDITOR)
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, said)), "p-mia")]) is Outcome.PENDING


def test_a_claim_of_unknown_text_names_no_hand() -> None:
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, UNKNOWN)), "p-ana")]) is Outcome.PENDING


def test_mixed_text_is_not_a_persons_own() -> None:
    said = replace(human("p-mia"), earlier=ai("p-mia"))
    verdict = judge(FILES, [signed(authorship(claim(PATH, OLD, NEW, said)), "p-mia")])
    assert verdict.outcome is Outcome.PENDING
    assert dict(verdict.summary.origins)[Origin.MIXED] == 2


def test_a_chain_of_commits_is_followed() -> None:
    first = signed(authorship(claim(PATH, OLD, MIDDLE, ai("p-ana"))), "p-ana")
    second = signed(authorship(claim(PATH, MIDDLE, NEW, human("p-mia")), seq=2), "p-mia")
    verdict = judge(FILES, [first, second])
    assert dict(verdict.summary.origins) == {**dict.fromkeys(Origin, 0), Origin.AI: 1, Origin.HUMAN: 1}
    assert verdict.outcome is Outcome.ALLOW
    junior = signed(authorship(claim(PATH, MIDDLE, NEW, ai("p-rob")), seq=2), "p-rob")
    # The junior's hand removed b and added d; b2 is the senior's agent's.
    assert {(reason.side, reason.lines) for reason in judge(FILES, [first, junior]).reasons} == {
        (Side.REMOVED, LineRange(1, 2)),
        (Side.ADDED, LineRange(3, 4)),
    }


def test_a_broken_chain_has_an_unknown_hand() -> None:
    assert outcome(FILES, [signed(authorship(claim(PATH, MIDDLE, NEW, ai("p-ana"))), "p-ana")]) is Outcome.PENDING
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, MIDDLE, ai("p-ana"))), "p-ana")]) is Outcome.PENDING


def test_a_merge_is_traced_through_both_parents() -> None:
    """Base is one parent, the candidate the merge: the other side's lines are found by that side's claims."""
    root, ours, theirs, merged = b"1\n2\n3\n", b"0\n1\n2\n3\n", b"1\n2\n3\n4\n", b"0\n1\n2\n3\n4\n"
    mine = claim(PATH, root, theirs, ai("p-ana"))
    one = claim(PATH, ours, merged, UNKNOWN)
    two = claim(PATH, theirs, merged, UNKNOWN)
    both = replace(
        one,
        bases=(one.bases[0], replace(two.bases[0], parent=1)),
        segments=(replace(one.segments[0], count=4), replace(two.segments[-1], base=1, start=3, count=1)),
        removed=(),
        hand=ai("p-ana"),
    )
    joined = authorship(both, seq=2)
    joined = replace(joined, commit=replace(joined.commit, parents=("3" * 40, "4" * 40)))
    files = [changed(PATH, ours, merged)]
    bundles = [signed(authorship(mine), "p-ana"), signed(joined, "p-ana")]
    assert outcome(files, bundles) is Outcome.ALLOW
    assert outcome(files, bundles[1:]) is Outcome.PENDING


def test_a_revert_goes_in_a_circle_and_is_still_traced() -> None:
    there, back = authorship(claim(PATH, OLD, MIDDLE, ai("p-ana"))), authorship(claim(PATH, MIDDLE, OLD, ai("p-ana")), seq=2)
    last = authorship(claim(PATH, MIDDLE, NEW, ai("p-ana")), seq=3)
    assert outcome(FILES, [signed(each, "p-ana") for each in (there, back, last)]) is Outcome.ALLOW


def test_a_renamed_file_is_the_hand_of_whoever_renamed_it() -> None:
    files = [changed(b"old.py", OLD, None), changed(b"new.py", None, OLD)]
    moved = claim(b"new.py", OLD, OLD, ai("p-ana"), base_path=b"old.py", op=Op.RENAME)
    assert outcome(files, [signed(authorship(moved), "p-ana")]) is Outcome.ALLOW
    assert outcome(files, [signed(authorship(replace(moved, hand=ai("p-rob"))), "p-rob")]) is Outcome.PENDING


def test_whose_text_was_moved_does_not_say_who_moved_it() -> None:
    """A senior's text in a new place is the change of whoever put it there, and of nobody known if no claim says who."""
    there = b"new.py"
    files = [changed(b"old.py", OLD, None), changed(there, None, OLD)]
    written = signed(authorship(claim(b"old.py", None, OLD, ai("p-ana"))), "p-ana")
    for hand, signer, expected in (
        (ai("p-ana"), "p-ana", Outcome.ALLOW),
        (UNKNOWN, "p-ana", Outcome.PENDING),
        (ai("p-rob"), "p-rob", Outcome.PENDING),
    ):
        moved = replace(claim(there, OLD, OLD, hand, base_path=b"old.py", op=Op.RENAME))
        verdict = judge([files[1]], [written, signed(authorship(moved, seq=2), signer)])
        assert verdict.outcome is expected
        assert dict(verdict.summary.origins)[Origin.AI] == 3


def test_a_deletion_is_judged_and_needs_no_lines() -> None:
    files = [changed(PATH, OLD, None)]
    assert outcome(files, [signed(authorship(claim(PATH, OLD, None, ai("p-ana"))), "p-ana")]) is Outcome.ALLOW
    assert outcome(files, []) is Outcome.PENDING


def test_a_seniors_approval_lets_a_juniors_change_pass() -> None:
    work = signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")
    yes = signed(approval("p-ana", move(PATH, OLD, NEW), policy=team()), "p-ana")
    assert outcome(FILES, [work, yes]) is Outcome.ALLOW


def test_approvals_of_each_step_cover_the_whole() -> None:
    """U3."""
    steps = [signed(approval("p-ana", move(PATH, *pair), policy=team()), "p-ana") for pair in ((OLD, MIDDLE), (MIDDLE, NEW))]
    assert outcome(FILES, steps) is Outcome.ALLOW
    assert outcome(FILES, steps[:1]) is Outcome.PENDING


def test_two_approvals_are_two_people() -> None:
    two = team(rules=(Rule(id="two", why="two", when=When(), require=Require(approvals=2, level_at_least="senior")),))
    ana, again, ben = (
        signed(approval(who, move(PATH, OLD, NEW), policy=two, nonce=bytes([number]) * 16), who)
        for number, who in enumerate(["p-ana", "p-ana", "p-ben"])
    )
    assert outcome(FILES, [ana, again], policy=two) is Outcome.PENDING
    assert outcome(FILES, [ana, ben], policy=two) is Outcome.ALLOW


@pytest.mark.parametrize(
    "change",
    [
        {"repository": "byl:" + "0" * 32},
        {"target": "refs/heads/other"},
        {"environment": "prod"},
        {"policy_version": 2},
        {"policy_sha256": "0" * 64},
        {"approved_at": NOW - timedelta(hours=73)},
        {"approved_at": NOW + timedelta(hours=1)},
        {"expires_at": NOW},
    ],
    ids=str,
)
def test_an_approval_for_something_else_does_not_count(change: dict[str, object]) -> None:
    yes = signed(approval("p-ana", move(PATH, OLD, NEW), policy=team(), **change), "p-ana")
    assert outcome(FILES, [yes]) is Outcome.PENDING


def test_an_approval_for_an_environment_counts_there_only() -> None:
    yes = signed(approval("p-ana", move(PATH, OLD, NEW), policy=team(), environment="prod"), "p-ana")
    assert outcome(FILES, [yes], environment="prod") is Outcome.ALLOW
    assert outcome(FILES, [yes], environment="test") is Outcome.PENDING


def test_a_tree_approval_holds_for_that_tree_only() -> None:
    """AP3: nor does it cover anything that was not among what was shown."""
    tree = team(binding=Binding.TREE)
    yes = signed(approval("p-ana", move(PATH, OLD, NEW), policy=tree, binding=Binding.TREE, digest="a" * 64), "p-ana")
    assert outcome(FILES, [yes], policy=tree, manifest="a" * 64) is Outcome.ALLOW
    assert outcome(FILES, [yes], policy=tree, manifest="b" * 64) is Outcome.PENDING
    direct = [*FILES, changed(b"direct.py", None, NEW)]
    assert outcome(direct, [yes], policy=tree, manifest="a" * 64) is Outcome.PENDING
    effect = signed(approval("p-ana", move(PATH, OLD, NEW), policy=tree), "p-ana")
    assert outcome(FILES, [effect], policy=tree, manifest="a" * 64) is Outcome.PENDING


def test_a_rule_can_deny_whatever_is_approved() -> None:
    deny = team(rules=(Rule(id="no", why="never", when=When(paths=("src/**",)), require=None), *team().rules))
    yes = signed(approval("p-ana", move(PATH, OLD, NEW), policy=deny), "p-ana")
    verdict = judge(FILES, [yes], policy=deny)
    assert (verdict.outcome, {reason.rule for reason in verdict.reasons}) == (Outcome.DENY, {"no"})


def test_what_no_rule_matches_is_denied() -> None:
    verdict = judge(FILES, [], policy=team(rules=()))
    assert {(reason.rule, reason.outcome) for reason in verdict.reasons} == {(STATE, Outcome.DENY)}


def test_an_unknown_environment_holds() -> None:
    """A condition whose fact is unknown applies."""
    rule = Rule(id="prod", why="no", when=When(environment="prod"), require=None)
    policy = team(rules=(rule, *team().rules))
    work = [signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-ana")]
    assert outcome(FILES, work, policy=policy) is Outcome.DENY
    assert outcome(FILES, work, policy=policy, environment="test") is Outcome.ALLOW


def test_a_change_of_nothing_is_denied() -> None:
    assert outcome([], []) is Outcome.DENY


def test_state_that_is_missing_or_stale_denies() -> None:
    """T0."""
    work = [signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-ana")]
    assert outcome(FILES, work) is Outcome.ALLOW
    late = NOW + timedelta(days=101)
    for verdict in (
        judge(FILES, work, at=late),
        judge(FILES, work, policy=team(requires_trust=2)),
        judge(FILES, work, policy=team(repository="byl:" + "0" * 32)),
        judge(FILES, work, policy=team(rules=(Rule(id="x", why="x", when=When(hand_below="boss"), require=None),))),
        judge(FILES, work, repository="byl:" + "0" * 32),
    ):
        assert verdict.outcome is Outcome.DENY
        assert {reason.rule for reason in verdict.reasons} == {STATE}


@pytest.mark.parametrize("path", [b".byline/policy.toml", b".BYLINE/x", b".gitattributes", b"a/b/.gitattributes", b".gitmodules"])
def test_what_decides_whom_to_trust_needs_root(path: bytes) -> None:
    files = [changed(path, OLD, NEW)]
    work = signed(authorship(claim(path, OLD, NEW, ai("p-ben"))), "p-ben")
    verdict = judge(files, [work])
    assert [(reason.rule, reason.outcome) for reason in verdict.reasons] == [(PROTECT, Outcome.PENDING)]
    ana = signed(approval("p-ana", move(path, OLD, NEW), policy=team()), "p-ana")
    mia = signed(approval("p-mia", move(path, OLD, NEW), policy=team()), "p-mia")
    assert outcome(files, [work, mia]) is Outcome.PENDING
    assert outcome(files, [work, ana]) is Outcome.ALLOW


def test_the_summary_counts_lines_by_owner() -> None:
    verdict = judge([*FILES, changed(b"x.bin", None, b"\0")], [signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")])
    summary = verdict.summary
    assert (summary.units, summary.added, summary.removed) == (4, 2, 1)
    assert sum(count for _, count in summary.origins) == summary.added
    assert dict(summary.origins)[Origin.AI] == 2


def test_policy_without_credit_asks_a_senior_for_everything() -> None:
    for who in ("p-ana", "p-rob"):
        work = signed(authorship(claim(PATH, OLD, NEW, human(who))), who)
        assert outcome(FILES, [work], policy=strict()) is Outcome.PENDING


INFRA = AgentRule(number=1, agents=("claude-*",), paths=("infra/**",), effect=Effect.DENY)


@pytest.mark.parametrize(
    ("path", "owner", "rule", "expected"),
    [
        (b"infra/a.py", ai("p-ana"), INFRA, Outcome.DENY),
        (b"INFRA/a.py", ai("p-ana"), INFRA, Outcome.DENY),
        (b"infra/a.py", replace(ai("p-ana"), agent=None), INFRA, Outcome.DENY),
        (b"infra/a.py", replace(human("p-ana"), earlier=ai("p-ana")), INFRA, Outcome.DENY),
        (b"infra/a.py", ai("p-ana"), replace(INFRA, effect=Effect.ASK), Outcome.PENDING),
        (b"infra/a.py", ai("p-ana"), replace(INFRA, agents=("codex",)), Outcome.ALLOW),
        (b"infra/a.py", ai("p-ana"), replace(INFRA, models=("other",)), Outcome.ALLOW),
        (b"infra/a.py", UNKNOWN, replace(INFRA, agents=("codex",)), Outcome.PENDING),
        (b"infra/a.py", human("p-ana"), INFRA, Outcome.ALLOW),
        (b"a.py", ai("p-ana"), INFRA, Outcome.ALLOW),
        (b"infra/a.py", ai("p-ana"), replace(INFRA, paths=(), commands=("*",)), Outcome.ALLOW),
        (b"infra /a.py", ai("p-ana"), INFRA, Outcome.DENY),
        ("in\u200cfra/a.py".encode(), ai("p-ana"), INFRA, Outcome.DENY),
        (b"infra", ai("p-ana"), INFRA, Outcome.ALLOW),
    ],
)
def test_a_rule_for_agents_holds_at_the_gate(path: bytes, owner: Owner, rule: AgentRule, expected: Outcome) -> None:
    """What an agent that the rule is about had a part in is denied; where none is ruled out, a person is asked."""
    statement = signed(authorship(claim(path, OLD, NEW, owner)), "p-ana")
    assert outcome([changed(path, OLD, NEW)], [statement], policy=team(agents=(rule,))) is expected


@pytest.mark.parametrize("mode", ["120000", "160000"])
@pytest.mark.parametrize(("path", "glob"), [(b"infra", "infra/**"), (b"infra", "infra/prod/**"), (b"infra/prod", "infra/prod/**")])
def test_a_link_in_place_of_a_folder_is_what_a_rule_for_agents_is_about(mode: str, path: bytes, glob: str) -> None:
    """What is read below it lies where the rule does not look: a retargeted link changes every file that it names."""
    rule = replace(INFRA, paths=(glob,))
    for modes in ((mode, mode), ("100644", mode), (mode, "100644")):
        file = changed(path, OLD, NEW, modes=modes)
        assert "agent:1" in {each.rule for each in judge([file], [], policy=team(agents=(rule,))).reasons}
    assert "agent:1" not in {each.rule for each in judge([file], [], policy=team(agents=(replace(rule, paths=("**/a.tf",)),))).reasons}


def test_what_nobody_claims_does_not_slip_through_a_rule_for_agents() -> None:
    """Nor does an agent whose hooks were off: an approval by a person lets it through, which no claim can."""
    file = changed(b"infra/a.py", OLD, NEW)
    policy = team(agents=(INFRA,), rules=(Rule(id="all", why="w", when=When(), require=Require(approvals=0)),))
    verdict = judge([file], [], policy=policy)
    assert (verdict.outcome, {each.rule for each in verdict.reasons}) == (Outcome.PENDING, {"agent:1"})
    yes = signed(approval("p-rob", move(b"infra/a.py", OLD, NEW), policy=policy), "p-rob")
    assert outcome([file], [yes], policy=policy) is Outcome.ALLOW

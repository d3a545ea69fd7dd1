# SPDX-License-Identifier: Apache-2.0
"""Attacks with claims: forged, stripped, moved, borrowed. Each is a change that nobody approved and that must wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from byline.core.attribution import Channel, Evidence, Origin, Owner, Tool
from byline.core.claim import Carried, Carry, Claim, New
from byline.core.policy import Require, Rule, When
from byline.core.trust import Use
from byline.core.verdict import Outcome
from casework import ai, approval, authorship, changed, claim, human, judge, make_trust, move, outcome, signed, strict, team

PATH, OLD, NEW = b"src/auth.py", b"a\ncheck(u)\nb\n", b"a\nb\nmore()\n"
FILES = [changed(PATH, OLD, NEW)]
SENIOR_ONLY = team(
    rules=(
        Rule(id="own", why="w", when=When(human_is_uncredited=True), require=Require(approvals=1, level_at_least="senior")),
        Rule(id="rest", why="w", when=When(), require=Require(approvals=0)),
    )
)


def carried(made: Claim, how: Carry) -> Claim:
    """Say of every new line that it comes from another statement."""
    link = Carried(statement="0" * 64, how=how)
    return replace(made, segments=tuple(replace(each, carried=link) if isinstance(each, New) else each for each in made.segments))


def test_the_people_of_the_case_can_pass() -> None:
    """What the attacks imitate: a senior's own declared lines, and a senior's own agent."""
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, human("p-ana"))), "p-ana")], policy=SENIOR_ONLY) is Outcome.ALLOW
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-ana")]) is Outcome.ALLOW


def test_a_stripped_journal_or_claim_leaves_nothing_credited() -> None:
    """M6: a junior's declaration is not credited, so deleting the journal and declaring all lines gains nothing."""
    declared = [signed(authorship(claim(PATH, OLD, NEW, human("p-rob"))), "p-rob")]
    assert outcome(FILES, declared) is Outcome.PENDING
    assert outcome(FILES, []) is Outcome.PENDING


def test_an_agents_claim_under_a_declaration_wins() -> None:
    """M7: and without credit for people deleting it changes nothing."""
    agent = signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")
    declared = signed(authorship(claim(PATH, OLD, NEW, human("p-mia")), seq=2), "p-mia")
    assert outcome(FILES, [declared]) is Outcome.ALLOW
    assert outcome(FILES, [declared, agent]) is Outcome.PENDING
    assert outcome(FILES, [declared], policy=strict()) is outcome(FILES, [declared, agent], policy=strict()) is Outcome.PENDING


def test_revoking_the_key_of_an_agents_claim_makes_the_lines_no_lighter() -> None:
    """M9."""
    bundles = [
        signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-ana"),
        signed(authorship(claim(PATH, OLD, NEW, human("p-mia")), seq=2), "p-mia"),
    ]
    before = judge(FILES, bundles, policy=SENIOR_ONLY).outcome
    after = judge(FILES, bundles, policy=SENIOR_ONLY, trust=make_trust(uses={"p-ana": ()})).outcome
    assert before is after is Outcome.PENDING


def test_a_name_in_a_commit_changes_no_level() -> None:
    """I1, I2: git's names are no input of a gate at all, but for those that can only tighten."""
    work = [signed(authorship(claim(PATH, OLD, NEW, human("p-mia"))), "p-mia")]
    assert outcome(FILES, work) is Outcome.ALLOW
    assert outcome(FILES, work, named=frozenset({PATH})) is Outcome.PENDING
    assert outcome(FILES, [], named=frozenset()) is Outcome.PENDING


def test_nobody_borrows_a_seniors_name() -> None:
    """I3."""
    for owner in (human("p-ana"), ai("p-ana")):
        forged = signed(authorship(claim(PATH, OLD, NEW, owner)), "p-rob")
        verdict = judge(FILES, [forged])
        assert verdict.outcome is Outcome.PENDING


def test_a_borrowed_name_still_bars_its_owner() -> None:
    """I3: a claim in a senior's name by somebody enrolled tightens: the senior it names cannot approve, another can."""
    forged = signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-rob")
    for who, expected in (("p-ana", Outcome.PENDING), ("p-ben", Outcome.ALLOW)):
        yes = signed(approval(who, move(PATH, OLD, NEW), policy=team()), who)
        assert outcome(FILES, [forged, yes]) is expected


def test_a_programs_own_human_does_not_beat_a_hook() -> None:
    """I5."""
    said = human("p-ana", evidence=Evidence.ATTESTED, channel=Channel.SDK)
    sdk, hook = (signed(authorship(claim(PATH, OLD, NEW, owner), seq=n), "p-ana") for n, owner in enumerate((said, ai("p-ana")), 1))
    assert outcome(FILES, [sdk, hook], policy=SENIOR_ONLY) is Outcome.PENDING
    assert outcome(FILES, [sdk], policy=SENIOR_ONLY) is Outcome.PENDING


def test_an_agents_or_services_claim_names_no_person() -> None:
    """I6: an agent's key signs claims that only tighten."""
    owner = replace(ai("a-bot"), principal="a-bot")
    assert outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, owner)), "a-bot")]) is Outcome.PENDING


def test_a_claim_of_another_repository_is_nothing() -> None:
    """I8."""
    other = authorship(claim(PATH, OLD, NEW, ai("p-ana")), repository="byl:" + "0" * 32)
    verdict = judge(FILES, [signed(other, "p-ana")])
    assert verdict.outcome is Outcome.PENDING
    assert dict(verdict.summary.origins)[Origin.UNKNOWN] == verdict.summary.added


def test_the_same_bytes_elsewhere_are_another_claim() -> None:
    """I9: another path, another base."""
    elsewhere = signed(authorship(claim(b"other.py", OLD, NEW, ai("p-ana"))), "p-ana")
    from_other = signed(authorship(claim(PATH, b"x\n", NEW, ai("p-ana"))), "p-ana")
    for bundle in (elsewhere, from_other):
        assert outcome(FILES, [bundle]) is Outcome.PENDING


@pytest.mark.parametrize("origin", [Origin.TOOL, Origin.IMPORTED, Origin.MIXED, Origin.UNKNOWN])
def test_no_other_origin_is_lighter_than_ai(origin: Origin) -> None:
    """I10."""
    tool = Tool(name="black") if origin is Origin.TOOL else None
    owner = Owner(origin=origin, evidence=Evidence.ATTESTED, channel=Channel.SDK, tool=tool, principal="p-rob")
    for policy in (team(), SENIOR_ONLY, strict()):
        said = outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, owner)), "p-rob")], policy=policy)
        as_ai = outcome(FILES, [signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")], policy=policy)
        assert said is as_ai is Outcome.PENDING


def test_a_deleted_guard_waits() -> None:
    """U1."""
    verdict = judge([changed(PATH, OLD, b"a\nb\n")], [signed(authorship(claim(PATH, OLD, b"a\nb\n", ai("p-rob"))), "p-rob")])
    assert (verdict.outcome, verdict.summary.added, verdict.summary.removed) == (Outcome.PENDING, 0, 1)
    assert [(reason.side, reason.lines and reason.lines.first) for reason in verdict.reasons] == [("removed", 2)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a\nb\nc\n", b"b\na\nc\n"),
        (b"if x:\n    go()\n    stop()\n", b"if x:\n    go()\nstop()\n"),
        (b"a\n}\n", b"a\n}\n}\n"),
        (b"a\nb\n", b"a\n\nb\n"),
        (b"a\nb\n", b"a\r\nb\n"),
        (b"a\nb\n", b"a\nb"),
        (b"return True\n", b"return True\nreturn True\n"),
        (b"\0a", b"\0b"),
        (b"a\n", b""),
        (None, b""),
        (b"", None),
    ],
)
def test_every_change_of_bytes_is_judged(old: bytes | None, new: bytes | None) -> None:
    """U2: a swap, a dedent, a bracket, a blank line, a line end, a copy, a binary, an empty file."""
    verdict = judge([changed(PATH, old, new)], [])
    assert verdict.outcome is Outcome.PENDING
    assert verdict.summary.units > 0


@pytest.mark.parametrize("modes", [("100644", "100755"), ("100644", "120000"), ("100644", "160000"), ("120000", "100644")])
def test_every_change_of_mode_is_judged(modes: tuple[str, str]) -> None:
    """U2."""
    verdict = judge([changed(PATH, OLD, OLD, modes=modes)], [])
    assert (verdict.outcome, [reason.side for reason in verdict.reasons]) == (Outcome.PENDING, ["file"])


def test_an_approved_insertion_somewhere_else_is_not_approved() -> None:
    """U4."""
    twice = b"def debug():\n    x\n    y\n\ndef auth():\n    x\n    y\n"
    seen = twice.replace(b"    x\n", b"    if god: return\n    x\n", 1)
    moved = b"    if god: return\n    x\n".join(twice.rsplit(b"    x\n", 1))
    yes = signed(approval("p-ana", move(PATH, twice, seen), policy=team()), "p-ana")
    assert outcome([changed(PATH, twice, seen)], [yes]) is Outcome.ALLOW
    assert outcome([changed(PATH, twice, moved)], [yes]) is Outcome.PENDING


def test_a_mosaic_of_peoples_lines_is_nobodys_own() -> None:
    """U5, U6: lines found by hash or alignment are inferred; nothing that was only found relaxes."""
    for how in Carry:
        mosaic = carried(claim(PATH, OLD, NEW, human("p-mia")), how)
        assert outcome(FILES, [signed(authorship(mosaic), "p-mia")]) is Outcome.PENDING


def test_a_carried_line_is_as_strong_as_where_it_comes_from() -> None:
    """U8, U9: a carry alone relaxes nothing; with the statement that it names the line is that one's, and no stronger."""
    source = signed(authorship(claim(PATH, OLD, NEW, human("p-mia"))), "p-mia")
    carry = carried(claim(PATH, OLD, NEW, human("p-mia")), Carry.EXACT)
    carry = replace(carry, hand=human("p-ana"), removed=tuple(replace(each, hand=human("p-ana")) for each in carry.removed))
    squash = signed(authorship(carry, seq=2), "p-ana")
    assert outcome(FILES, [squash]) is Outcome.PENDING
    assert outcome(FILES, [squash, source]) is Outcome.ALLOW
    weak = signed(authorship(claim(PATH, OLD, NEW, human("p-rob"))), "p-rob")
    assert outcome(FILES, [squash, weak]) is Outcome.PENDING


def test_a_circle_of_carries_explains_nothing() -> None:
    """U8."""
    there = carried(claim(PATH, OLD, NEW, human("p-mia")), Carry.EXACT)
    back = carried(claim(PATH, NEW, OLD, human("p-mia")), Carry.EXACT)
    bundles = [signed(authorship(each, seq=n), "p-mia") for n, each in enumerate((there, back), 1)]
    assert outcome(FILES, bundles) is Outcome.PENDING


def test_stripped_claims_wait_for_a_senior_too() -> None:
    """M3: what "unknown" costs is what a junior's agent costs."""
    for bundles in ([], [signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")]):
        assert outcome(FILES, bundles) is Outcome.PENDING
        yes = signed(approval("p-ana", move(PATH, OLD, NEW), policy=team()), "p-ana")
        assert outcome(FILES, [*bundles, yes]) is Outcome.ALLOW


def test_a_key_without_the_use_authorship_relaxes_nothing() -> None:
    """M9."""
    work = [signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-ana")]
    assert outcome(FILES, work, trust=make_trust(uses={"p-ana": (Use.APPROVAL,)})) is Outcome.PENDING

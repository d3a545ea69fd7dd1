# SPDX-License-Identifier: Apache-2.0
"""Attacks with approvals: replayed, borrowed, self-given, expired, by the wrong kind of key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from byline.core.approval import format_approval
from byline.core.bundle import Bundle
from byline.core.policy import Require, Rule, When
from byline.core.publickey import Presence, key_type
from byline.core.trust import TrustedKey, Use, least_presence, parse_trust
from byline.core.trustfile import add_to_trust
from byline.core.verdict import Outcome
from byline.errors import TrustError
from byline.sign.file import sign_payload
from byline.testing import fixed_signer
from casework import (
    NOW,
    PERSONAL,
    SIGNERS,
    ai,
    approval,
    authorship,
    changed,
    claim,
    judge,
    make_trust,
    move,
    outcome,
    sha,
    signed,
    team,
    trust_bytes,
)
from tokens import KEYS, envelope

PATH, OLD, NEW = b"src/app.py", b"a\nb\n", b"a\nb2\n"
FILES = [changed(PATH, OLD, NEW)]
WORK = signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")
YES = approval("p-ana", move(PATH, OLD, NEW), policy=team())


def test_a_seniors_approval_is_enough() -> None:
    """What the attacks imitate."""
    assert outcome(FILES, [WORK, signed(YES, "p-ana")]) is Outcome.ALLOW


@pytest.mark.parametrize(
    "elsewhere",
    [{"repository": "byl:" + "0" * 32}, {"target": "refs/heads/release"}, {"environment": "test"}],
    ids=["repository", "target", "environment"],
)
def test_an_approval_is_not_replayed(elsewhere: dict[str, object]) -> None:
    """AP1: to another repository, target or environment."""
    assert outcome(FILES, [WORK, signed(replace(YES, **elsewhere), "p-ana")]) is Outcome.PENDING  # type: ignore[arg-type]  # by name


def test_a_step_that_was_taken_is_approved_anew() -> None:
    """AP1: what landed and was reverted; the rest of the approval still counts."""
    first = signed(YES, "p-ana")
    assert outcome(FILES, [WORK, first], spent=frozenset({(first.envelope.digest, PATH)})) is Outcome.PENDING
    assert outcome(FILES, [WORK, first], spent=frozenset({(first.envelope.digest, b"other.py")})) is Outcome.ALLOW


def test_an_approval_is_of_these_bytes() -> None:
    """AP2: a push after it fails; what leaves the files alone keeps it."""
    after = [changed(PATH, OLD, NEW + b"evil\n")]
    assert outcome(after, [WORK, signed(YES, "p-ana")]) is Outcome.PENDING
    more = [*FILES, changed(b"other.py", None, b"x\n")]
    waiting = judge(more, [WORK, signed(YES, "p-ana")])
    assert {reason.path for reason in waiting.reasons} == {b"other.py"}


def test_a_hand_does_not_approve() -> None:
    """AP5: whatever their level, however the claim names them."""
    bundles = [signed(authorship(claim(PATH, OLD, NEW, ai("p-ben"))), "p-ben"), WORK]
    ben, ana = (signed(approval(who, move(PATH, OLD, NEW), policy=team()), who) for who in ("p-ben", "p-ana"))
    assert outcome(FILES, [*bundles, ben]) is Outcome.PENDING
    assert outcome(FILES, [*bundles, ana]) is Outcome.ALLOW


def test_a_hand_in_one_part_of_a_file_does_not_approve_the_rest() -> None:
    """AP5: an approval is of a whole file."""
    middle = b"a\nb\nc\n"
    steps = [
        signed(authorship(claim(PATH, OLD, middle, ai("p-rob"))), "p-rob"),
        signed(authorship(claim(PATH, middle, b"a2\nb\nc\n", ai("p-ana")), seq=2), "p-ana"),
    ]
    whole = [changed(PATH, OLD, b"a2\nb\nc\n")]
    ana, ben = (signed(approval(who, move(PATH, OLD, b"a2\nb\nc\n"), policy=team()), who) for who in ("p-ana", "p-ben"))
    assert outcome(whole, [*steps, ana]) is Outcome.PENDING
    assert outcome(whole, [*steps, ben]) is Outcome.ALLOW


def test_the_junior_does_not_approve_himself() -> None:
    """AP5."""
    assert outcome(FILES, [WORK, signed(approval("p-rob", move(PATH, OLD, NEW), policy=team()), "p-rob")]) is Outcome.PENDING


def test_hiding_ones_claim_and_approving_is_not_enough_for_a_junior() -> None:
    """M3, AP5: without the claim the hand is unknown, and the junior is no senior."""
    assert outcome(FILES, [signed(approval("p-rob", move(PATH, OLD, NEW), policy=team()), "p-rob")]) is Outcome.PENDING


def test_a_senior_who_hides_a_claim_may_approve_and_the_page_says_so() -> None:
    """What is not promised without a proof that nothing was withheld; with the claim shown it is the senior's own change."""
    ana = signed(YES, "p-ana")
    shown = signed(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), "p-ana")
    eyes = Rule(id="eyes", why="w", when=When(), require=Require(approvals=1))
    assert outcome(FILES, [shown, ana], policy=team(rules=(eyes,))) is Outcome.PENDING
    assert outcome(FILES, [ana], policy=team(rules=(eyes,))) is Outcome.ALLOW
    page = (Path(__file__).parents[2] / "docs/threats.md").read_text()
    assert "a claim that is hidden whole names no hand" in page


def test_an_expired_approval_is_dead() -> None:
    """AP7: by its own expiry, by the policy's max_age, and one from the future as well."""
    for late in (timedelta(hours=72), timedelta(days=4)):
        assert outcome(FILES, [WORK, signed(YES, "p-ana")], at=NOW + late) is Outcome.PENDING
    long = replace(YES, expires_at=NOW + timedelta(days=90))
    assert outcome(FILES, [WORK, signed(long, "p-ana")], at=NOW + timedelta(hours=72)) is Outcome.PENDING
    early = replace(YES, approved_at=NOW + timedelta(hours=2))
    assert outcome(FILES, [WORK, signed(early, "p-ana")]) is Outcome.PENDING


@pytest.mark.parametrize("who", ["a-bot", "s-gate", "p-eve"])
def test_no_agent_service_or_stranger_approves(who: str) -> None:
    """I6."""
    assert outcome(FILES, [WORK, signed(approval(who, move(PATH, OLD, NEW), policy=team()), who)]) is Outcome.PENDING


@pytest.mark.parametrize("uses", [(), (Use.AUTHORSHIP,), (Use.ROOT,)])
def test_a_key_without_the_use_approval_approves_nothing(uses: tuple[Use, ...]) -> None:
    """I6: nor does one with the use root alone satisfy a rule that asks for people."""
    assert outcome(FILES, [WORK, signed(YES, "p-ana")], trust=make_trust(uses={"p-ana": uses})) is Outcome.PENDING


def test_trust_lets_no_agent_have_a_key_that_approves() -> None:
    """I6."""
    with pytest.raises(TrustError):
        make_trust(uses={"a-bot": (Use.APPROVAL,)})


def test_two_keys_of_one_person_are_one_person() -> None:
    """I7."""
    second = fixed_signer(77)
    key = TrustedKey(principal="p-ana", public=second.public, uses=(Use.APPROVAL,))
    trust = parse_trust(add_to_trust(trust_bytes(), issued=NOW, keys=[key]))
    rule = Rule(id="two", why="w", when=When(), require=Require(approvals=2))
    policy = team(rules=(rule,))
    first = signed(approval("p-ana", move(PATH, OLD, NEW), policy=policy), "p-ana")
    SIGNERS["second"] = second
    other = signed(approval("p-ana", move(PATH, OLD, NEW), policy=policy, nonce=b"n" * 16), "second")
    del SIGNERS["second"]
    assert sha(second.public) == other.key_hint
    assert outcome(FILES, [first, other], policy=policy, trust=trust) is Outcome.PENDING
    ben = signed(approval("p-ben", move(PATH, OLD, NEW), policy=policy), "p-ben")
    assert outcome(FILES, [first, other, ben], policy=policy, trust=trust) is Outcome.ALLOW


@pytest.mark.parametrize(
    ("asked", "name", "expected"),
    [
        (Presence.NONE, None, Outcome.ALLOW),
        (Presence.PRESENT, None, Outcome.PENDING),
        (Presence.PRESENT, "ssh-ed25519", Outcome.PENDING),
        (Presence.PRESENT, "ed25519", Outcome.PENDING),
        (Presence.PRESENT, "sk-ssh-ed25519", Outcome.ALLOW),
        (Presence.PRESENT, "webauthn ES256", Outcome.ALLOW),
        (Presence.VERIFIED, "sk-ssh-ed25519", Outcome.PENDING),
        (Presence.VERIFIED, "sk-ecdsa verified", Outcome.ALLOW),
        (Presence.VERIFIED, "webauthn EdDSA", Outcome.ALLOW),
    ],
)
def test_where_policy_asks_for_presence_no_key_in_a_file_approves(asked: Presence, name: str | None, expected: Outcome) -> None:
    """K1: an agent of the same user can read such a key, and cannot touch a token; both yes together are as good as the better one."""
    rule = Rule(id="one", why="w", when=When(), require=Require(approvals=1))
    policy = team(rules=(rule,), presence=asked)
    payload = format_approval(approval("p-ana", move(PATH, OLD, NEW), policy=policy))
    given = [Bundle(envelope=sign_payload(payload, SIGNERS["p-ana"]), key_hint=sha(SIGNERS["p-ana"].public))]
    trust = make_trust()
    if name is not None:
        key = KEYS[name]
        listed = TrustedKey(principal="p-ana", public=key.public, uses=PERSONAL, presence=least_presence(key_type(key.public)))
        trust = parse_trust(add_to_trust(trust_bytes(), issued=NOW, keys=[listed]))
        given.append(Bundle(envelope=envelope(payload, key), key_hint=sha(key.public)))
    assert outcome(FILES, given, policy=policy, trust=trust) is outcome(FILES, given[::-1], policy=policy, trust=trust) is expected


def test_a_second_signature_takes_nothing_from_the_first() -> None:
    """M1, M10: one approval under two keys of one person, whatever their ids: removing one of them never helps."""
    uses = [(Use.APPROVAL,), (Use.ROOT,)]
    extra = [fixed_signer(number) for number in (77, 78)]
    keys = [TrustedKey(principal="p-ana", public=key.public, uses=use) for key, use in zip(extra, uses, strict=True)]
    trust = parse_trust(add_to_trust(trust_bytes(uses={"p-ana": (Use.AUTHORSHIP,)}), issued=NOW, keys=keys))
    path = b".byline/policy.toml"
    protected = [changed(path, OLD, NEW)]
    payload = format_approval(approval("p-ana", move(path, OLD, NEW), policy=team()))
    both = [Bundle(envelope=sign_payload(payload, key), key_hint=sha(key.public)) for key in extra]
    assert outcome(protected, both, trust=trust) is outcome(protected, both[::-1], trust=trust) is Outcome.ALLOW
    assert [outcome(protected, [each], trust=trust) for each in both] == [Outcome.PENDING, Outcome.PENDING]


def test_an_approval_in_anothers_name_is_refused() -> None:
    """I3."""
    assert outcome(FILES, [WORK, signed(YES, "p-rob")]) is Outcome.PENDING


def test_removing_the_approval_is_pending_again() -> None:
    """M1."""
    assert outcome(FILES, [WORK, signed(YES, "p-ana")]) is Outcome.ALLOW
    assert outcome(FILES, [WORK]) is Outcome.PENDING


def test_a_demoted_approvers_word_no_longer_counts() -> None:
    """AP6: levels are those of trust when the gate decides."""
    demoted = parse_trust(
        trust_bytes().replace(b'id = "p-ana"\nkind = "human"\nlevel = "senior"', b'id = "p-ana"\nkind = "human"\nlevel = "mid"')
    )
    assert outcome(FILES, [WORK, signed(YES, "p-ana")], trust=demoted) is Outcome.PENDING

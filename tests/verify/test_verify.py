# SPDX-License-Identifier: Apache-2.0
"""Each of the ten checks, failed one at a time, and what many bundles come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.approval import format_approval
from byline.core.authorship import format_authorship
from byline.core.bundle import Bundle, format_bundle, join_receipt, parse_bundle
from byline.core.claim import Carried, Carry, New
from byline.core.decision import Decision, format_decision
from byline.core.note import NoteSignature, format_note, parse_note
from byline.core.publickey import Presence, key_type
from byline.core.sshsig import AUTHORSHIP
from byline.core.statement import PredicateType, Subject, format_statement
from byline.core.trust import LogClass, Trust, TrustedKey, Use, Witness, least_presence
from byline.core.verdict import Outcome
from byline.core.verified import Strength, VerifiedApproval, VerifiedAuthorship, VerifiedDecision
from byline.errors import (
    IdentityError,
    MalformedError,
    PresenceError,
    ProofError,
    SignatureError,
    StaleError,
    StatementError,
    SubjectMismatchError,
    UnknownKeyError,
    VerificationError,
)
from byline.keys.cosigners import WitnessKey
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger
from byline.verify import verify_bundle, verify_bundles
from casework import (
    NOW,
    REPOSITORY,
    SIGNERS,
    ai,
    approval,
    authorship,
    claim,
    human,
    independent,
    make_trust,
    move,
    sha,
    signed,
    team,
)
from tokens import KEYS, UP, SshKey, TokenKey, envelope

if TYPE_CHECKING:
    from collections.abc import Iterable

TRUST = make_trust()
PATH, OLD, NEW = b"a.py", b"1\n2\n", b"1\nx\n"
WORK = authorship(claim(PATH, OLD, NEW, ai("p-rob")))
YES = approval("p-ana", move(PATH, OLD, NEW), policy=team())


def logged(who: str = "p-rob") -> tuple[Bundle, MemoryLedger]:
    """Log three statements; return the bundle of the second, with a receipt from the tree of three."""
    ledger = MemoryLedger()
    for number in (1, 2, 3):
        signed(authorship(claim(PATH, OLD, NEW, ai(who)), seq=number), who, ledger)
    return ledger.find(WORK.change)[1], ledger


def test_a_signed_statement_is_a_fact() -> None:
    fact = verify_bundle(signed(WORK, "p-rob"), trust=TRUST, at=NOW)
    assert isinstance(fact, VerifiedAuthorship)
    assert (fact.principal, fact.strength, fact.is_full, fact.authorship) == ("p-rob", Strength.SIGNED, True, WORK)


def test_an_approval_is_a_fact() -> None:
    fact = verify_bundle(signed(YES, "p-ana"), trust=TRUST, at=NOW)
    assert isinstance(fact, VerifiedApproval)
    assert (fact.approval, set(fact.uses)) == (YES, {Use.AUTHORSHIP, Use.APPROVAL, Use.ROOT})


def test_a_decision_is_a_fact_if_a_gate_signed_it() -> None:
    decision = Decision(
        repository=REPOSITORY,
        outcome=Outcome.ALLOW,
        base="1" * 40,
        candidate="2" * 40,
        target="refs/heads/main",
        environment=None,
        effect="0" * 64,
        trust_version=1,
        trust_sha256="0" * 64,
        policy_version=1,
        policy_sha256="0" * 64,
        inputs="0" * 64,
        tier="A0",
        decided_at=NOW,
    )
    for who in ("s-gate", "p-ana"):
        key = SIGNERS[who]
        bundle = Bundle(envelope=sign_payload(format_decision(decision), key), key_hint=sha(key.public))
        if who == "s-gate":
            fact = verify_bundle(bundle, trust=TRUST, at=NOW)
            assert isinstance(fact, VerifiedDecision)
            assert fact.decision == decision
        else:
            with pytest.raises(UnknownKeyError):
                verify_bundle(bundle, trust=TRUST, at=NOW)


def test_1_a_key_that_trust_does_not_list_is_unknown() -> None:
    """D1: and what it signed is not even parsed, let alone its signature checked."""
    stranger = signed(WORK, "p-eve")
    junk = replace(stranger, envelope=replace(stranger.envelope, payload=b"junk", signature=b"junk"))
    with pytest.raises(UnknownKeyError):
        verify_bundle(junk, trust=TRUST, at=NOW)
    with pytest.raises(UnknownKeyError):
        verify_bundle(signed(WORK, "p-eve"), trust=TRUST, at=NOW)


def test_2_a_predicate_that_byline_does_not_know_is_refused() -> None:
    key = SIGNERS["p-rob"]
    payload = format_statement((Subject(name="change", sha256="0" * 64),), PredicateType.AUTHORSHIP, {})
    for data in (payload, payload.replace(b"ai-authorship", b"deployment"), b"{}", b"\xff"):
        bundle = Bundle(envelope=sign_payload(data, key), key_hint=sha(key.public))
        with pytest.raises(StatementError):
            verify_bundle(bundle, trust=TRUST, at=NOW)


def test_3_a_statement_of_another_repository_is_refused() -> None:
    with pytest.raises(SubjectMismatchError):
        verify_bundle(signed(replace(WORK, repository="byl:" + "0" * 32), "p-rob"), trust=TRUST, at=NOW)


@pytest.mark.parametrize("part", ["payload", "signature", "key"])
def test_4_a_changed_byte_breaks_the_signature(part: str) -> None:
    bundle = signed(WORK, "p-rob")
    envelope = bundle.envelope
    changed = {
        "payload": replace(bundle, envelope=replace(envelope, payload=envelope.payload.replace(b"model-x", b"model-y"))),
        "signature": replace(bundle, envelope=replace(envelope, signature=envelope.signature[:-1] + b"\0")),
        "key": replace(bundle, key_hint=sha(SIGNERS["p-ana"].public)),
    }[part]
    with pytest.raises(SignatureError):
        verify_bundle(changed, trust=TRUST, at=NOW)


def test_5_a_receipt_of_another_entry_is_refused() -> None:
    bundle, _ = logged()
    other = signed(WORK, "p-rob")
    with pytest.raises(ProofError):
        verify_bundle(replace(other, receipt=bundle.receipt), trust=TRUST, at=NOW)


def test_6_a_proof_that_does_not_lead_to_the_root_is_refused() -> None:
    bundle, _ = logged()
    receipt = bundle.receipt
    assert receipt
    for proof in (
        replace(receipt.proof, index=0),
        replace(receipt.proof, hashes=receipt.proof.hashes[:-1]),
        replace(receipt.proof, hashes=(*receipt.proof.hashes, bytes(32))),
    ):
        with pytest.raises(ProofError):
            verify_bundle(replace(bundle, receipt=replace(receipt, proof=proof)), trust=TRUST, at=NOW)


def test_7_a_checkpoint_of_a_trusted_log_is_signed_by_it() -> None:
    bundle, ledger = logged()
    receipt = bundle.receipt
    assert receipt
    trust = make_trust(logs=(independent(ledger),))
    assert verify_bundle(bundle, trust=trust, at=NOW).strength is Strength.LOGGED
    head, _, line = receipt.checkpoint.rpartition("\u2014")
    forged = replace(receipt, checkpoint=f"{head}\u2014{line[:-8]}AAAA{line[-4:]}")
    with pytest.raises((SignatureError, MalformedError)):
        verify_bundle(replace(bundle, receipt=forged), trust=trust, at=NOW)
    with pytest.raises(ProofError):
        verify_bundle(replace(bundle, receipt=replace(receipt, log_id=bytes(32))), trust=trust, at=NOW)


def test_7_an_embedded_log_and_an_unknown_one_rank_signed() -> None:
    """L1."""
    bundle, ledger = logged()
    embedded = replace(independent(ledger), kind=LogClass.EMBEDDED)
    assert verify_bundle(bundle, trust=make_trust(logs=(embedded,)), at=NOW).strength is Strength.SIGNED
    assert verify_bundle(bundle, trust=TRUST, at=NOW).strength is Strength.SIGNED


def test_8_a_key_signs_what_its_uses_say() -> None:
    """FM5, I6."""
    trust = make_trust(uses={"p-rob": (Use.APPROVAL,), "p-ana": (Use.AUTHORSHIP,)})
    for bundle in (signed(WORK, "p-rob"), signed(YES, "p-ana")):
        with pytest.raises(UnknownKeyError):
            verify_bundle(bundle, trust=trust, at=NOW)


def test_9_nobody_speaks_for_somebody_else() -> None:
    """I3."""
    with pytest.raises(IdentityError):
        verify_bundle(signed(YES, "p-ben"), trust=TRUST, at=NOW)
    for owner in (human("p-ana"), ai("p-ana")):
        with pytest.raises(IdentityError):
            verify_bundle(signed(authorship(claim(PATH, OLD, NEW, owner)), "p-rob"), trust=TRUST, at=NOW)


def test_9_what_is_carried_is_named_and_not_spoken_for() -> None:
    made = claim(PATH, OLD, NEW, ai("p-ana"))
    segments = tuple(
        replace(each, carried=Carried(statement="0" * 64, how=Carry.EXACT)) if isinstance(each, New) else each for each in made.segments
    )
    mine = replace(made, segments=segments, removed=tuple(replace(each, hand=ai("p-rob")) for each in made.removed))
    for hand in (ai("p-rob"), ai("p-ana")):  # the hand of the whole file is the strictest of its parts
        assert verify_bundle(signed(authorship(replace(mine, hand=hand)), "p-rob"), trust=TRUST, at=NOW).principal == "p-rob"
    with pytest.raises(IdentityError):
        verify_bundle(signed(authorship(replace(mine, hand=human("p-ana"))), "p-rob"), trust=TRUST, at=NOW)


def test_10_expired_trust_and_expired_approvals_are_stale() -> None:
    with pytest.raises(StaleError):
        verify_bundle(signed(WORK, "p-rob"), trust=TRUST, at=NOW + timedelta(days=101))
    with pytest.raises(StaleError):
        verify_bundle(signed(YES, "p-ana"), trust=TRUST, at=NOW + timedelta(days=4))


def test_what_fails_a_late_check_still_tightens() -> None:
    """F16: a revoked key, a claim in another's name: their claims are facts that relax nothing."""
    revoked = make_trust(uses={"p-rob": ()})
    foreign = signed(authorship(claim(PATH, OLD, NEW, human("p-ana"))), "p-rob")
    for one, trust in ((signed(WORK, "p-rob"), revoked), (foreign, TRUST)):
        found = verify_bundles([one], trust=trust, at=NOW)
        assert [fact.is_full for fact in found.authorships] == [False]
        assert len(found.failures) == 1


def test_a_receipt_that_fails_counts_for_nothing_and_against_nothing() -> None:
    """M1: whoever may send evidence could put it there, and anybody could take it away."""
    bundle, ledger = logged()
    trust = make_trust(logs=(independent(ledger),))
    broken = replace(signed(WORK, "p-rob"), receipt=bundle.receipt)
    found = verify_bundles([broken], trust=trust, at=NOW)
    assert [(fact.is_full, fact.strength) for fact in found.authorships] == [(True, Strength.SIGNED)]
    assert [failure.code for failure in found.failures] == ["BL-PROOF-1"]


def test_what_nobody_known_signed_does_not_even_tighten() -> None:
    forged = replace(signed(WORK, "p-rob"), key_hint=sha(SIGNERS["p-ana"].public))
    found = verify_bundles([signed(WORK, "p-eve"), forged], trust=TRUST, at=NOW)
    assert found.facts == ()
    assert sorted(each.code for each in found.failures) == ["BL-KEY-1", "BL-SIGNATURE-1"]


def test_one_statement_in_many_envelopes_is_one_fact() -> None:
    """L7, L10: with and without receipt, whatever the bytes of the signature."""
    bundle, ledger = logged()
    trust = make_trust(logs=(independent(ledger),))
    bare = replace(bundle, receipt=None)
    found = verify_bundles([bare, bundle, bare], trust=trust, at=NOW)
    assert [fact.strength for fact in found.facts] == [Strength.LOGGED]


def test_two_signers_of_one_statement_are_two_facts() -> None:
    shared = authorship(claim(PATH, OLD, NEW, replace(ai("p-rob"), principal=None)))
    found = verify_bundles([signed(shared, "p-rob"), signed(shared, "p-mia")], trust=TRUST, at=NOW)
    assert {fact.principal for fact in found.facts} == {"p-mia", "p-rob"}


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_no_flipped_bit_of_a_logged_statement_goes_unnoticed(position: int, bit: int) -> None:
    """Of payload, signature, leaf or proof; a signature has more than one spelling, so another valid one may appear."""
    bundle, ledger = logged()
    trust = make_trust(logs=(independent(ledger),))
    receipt = bundle.receipt
    assert receipt
    parts = [bundle.envelope.payload, bundle.envelope.signature, receipt.leaf, *receipt.proof.hashes]
    at = position % sum(map(len, parts))
    which = 0
    while at >= len(parts[which]):
        at -= len(parts[which])
        which += 1
    changed = bytearray(parts[which])
    changed[at] ^= 1 << bit
    parts[which] = bytes(changed)
    flipped = replace(
        bundle,
        envelope=replace(bundle.envelope, payload=parts[0], signature=parts[1]),
        receipt=replace(receipt, leaf=parts[2], proof=replace(receipt.proof, hashes=tuple(parts[3:]))),
    )
    with pytest.raises((VerificationError, MalformedError)):
        verify_bundle(flipped, trust=trust, at=NOW)


def enrolled(key: TokenKey, presence: Presence, *, uses: tuple[Use, ...] = (Use.APPROVAL,)) -> Trust:
    """Trust `key` as p-ana's, for what it signs with this presence."""
    return replace(TRUST, keys=(TrustedKey(principal="p-ana", public=key.public, uses=uses, presence=presence),))


@pytest.mark.parametrize("name", KEYS)
def test_an_approval_by_any_form_of_key_is_a_fact_and_has_a_receipt(name: str) -> None:
    key, ledger = KEYS[name], MemoryLedger()
    signed_by = envelope(format_approval(YES), key)
    bundle = join_receipt(signed_by, key.public, ledger.append(signed_by, key.public))
    trust = replace(enrolled(key, least_presence(key_type(key.public))), logs=(independent(ledger),))
    fact = verify_bundle(parse_bundle(format_bundle(bundle)), trust=trust, at=NOW)
    assert isinstance(fact, VerifiedApproval)
    assert (fact.approval, fact.strength) == (YES, Strength.LOGGED)


@pytest.mark.parametrize("name", ["sk-ssh-ed25519", "webauthn ES256"])
def test_8_a_key_enrolled_as_verified_shows_it_in_each_signature(name: str) -> None:
    """AP4: a touch without the PIN approves nothing under such a key; its claims still tighten."""
    key = KEYS[name]
    bundle = Bundle(envelope=envelope(format_approval(YES), key), key_hint=sha(key.public))
    assert verify_bundle(bundle, trust=enrolled(key, Presence.PRESENT), at=NOW)
    with pytest.raises(PresenceError):
        verify_bundle(bundle, trust=enrolled(key, Presence.VERIFIED), at=NOW)
    claims = replace(key, namespace=AUTHORSHIP) if isinstance(key, SshKey) else key
    work = Bundle(envelope=envelope(format_authorship(authorship(claim(PATH, OLD, NEW, ai("p-ana")))), claims), key_hint=sha(key.public))
    found = verify_bundles([work], trust=enrolled(key, Presence.VERIFIED, uses=(Use.AUTHORSHIP,)), at=NOW)
    assert [each.is_full for each in found.authorships] == [False]


def test_4_a_signature_for_claims_approves_nothing() -> None:
    """AP4: the touch that an agent asks for at a commit cannot be one for an approval."""
    key = SshKey("sk-ssh-ed25519@openssh.com", namespace=AUTHORSHIP, flags=UP)
    bundle = Bundle(envelope=envelope(format_approval(YES), key), key_hint=sha(key.public))
    with pytest.raises(SignatureError):
        verify_bundle(bundle, trust=enrolled(key, Presence.PRESENT), at=NOW)


WITNESSES = {"w1": "o-one", "w2": "o-one", "w3": "o-two", "w4": "o-three", "own": "s-gate"}
WITNESS_KEYS = {name: WitnessKey(f"{name}.example", sha(name.encode())[:32].encode()) for name in WITNESSES}


def witnessed(by: Iterable[str], quorum: int = 2, *, bad: tuple[str, ...] = ()) -> tuple[Bundle, Trust]:
    """Log a statement under a checkpoint that witnesses cosigned, some of them wrongly; the log's operator is s-gate."""
    bundle, ledger = logged()
    assert bundle.receipt
    note = parse_note(bundle.receipt.checkpoint)
    signers = [WITNESS_KEYS[name].at(7) for name in by]
    signatures = [NoteSignature(name=key.name, key_id=key.key_id, signature=key.sign(note.text.encode())) for key in signers]
    signatures += [NoteSignature(name=f"{name}.example", key_id=WITNESS_KEYS[name].note_key.key_id, signature=bytes(72)) for name in bad]
    checkpoint = format_note(replace(note, signatures=(*note.signatures, *signatures)))
    listed = tuple(Witness(name=name, vkey=WITNESS_KEYS[name].vkey, operator=operator) for name, operator in WITNESSES.items())
    trust = replace(TRUST, logs=(replace(independent(ledger), quorum=quorum),), witnesses=listed)
    return replace(bundle, receipt=replace(bundle.receipt, checkpoint=checkpoint)), trust


@given(st.lists(st.sampled_from(list(WITNESSES))), st.integers(0, 3))
def test_7_a_quorum_of_other_operators_makes_a_fact_witnessed(by: list[str], quorum: int) -> None:
    """L6: operators are counted, not keys, each once however often it signed, and never the log's own."""
    bundle, trust = witnessed(by, quorum)
    votes = {WITNESSES[name] for name in by} - {"s-gate"}
    expected = Strength.WITNESSED if 0 < quorum <= len(votes) else Strength.LOGGED
    assert verify_bundle(bundle, trust=trust, at=NOW).strength is expected


def test_7_a_witness_that_trust_does_not_list_counts_for_nothing_and_against_nothing() -> None:
    bundle, trust = witnessed(["w1", "w3"], bad=("w4",))
    trust = replace(trust, witnesses=tuple(each for each in trust.witnesses if each.name != "w4"))
    assert verify_bundle(bundle, trust=trust, at=NOW).strength is Strength.WITNESSED
    assert verify_bundle(bundle, trust=replace(trust, witnesses=()), at=NOW).strength is Strength.LOGGED


def test_7_a_bad_cosignature_under_a_listed_witness_spoils_the_receipt() -> None:
    bundle, trust = witnessed(["w1", "w3"], bad=("w4",))
    with pytest.raises(SignatureError):
        verify_bundle(bundle, trust=trust, at=NOW)
    assert [fact.strength for fact in verify_bundles([bundle], trust=trust, at=NOW).facts] == [Strength.SIGNED]


def test_7_an_embedded_log_is_witnessed_by_nobody() -> None:
    """L1: whatever stands under its checkpoint."""
    bundle, trust = witnessed(["w1", "w3"])
    trust = replace(trust, logs=(replace(trust.logs[0], kind=LogClass.EMBEDDED),))
    assert verify_bundle(bundle, trust=trust, at=NOW).strength is Strength.SIGNED

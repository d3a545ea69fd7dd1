# SPDX-License-Identifier: Apache-2.0
"""One port, three ledgers: in memory, embedded, and a server in a process of its own. Each must pass all of this."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from byline.core.bundle import format_bundle, join_receipt, parse_bundle
from byline.core.checkpoint import Checkpoint, open_checkpoint
from byline.core.entry import check_entry
from byline.core.envelope import Envelope
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.errors import EntryRejectedError, MalformedError, ProofError
from byline.keys.ed25519 import load_verifier
from byline.keys.p256 import check_signature
from byline.log.client import LedgerClient
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger, fixed_signer
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import init_ledger
from serving import SIGNER, envelope, serving, statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.ports import Ledger

COMMON = "ab" * 32


class Known(NamedTuple):
    """A ledger, and the key that its checkpoints must be signed with."""

    ledger: Ledger
    vkey: str

    def checkpoint(self) -> Checkpoint:
        return open_checkpoint(self.ledger.checkpoint(), load_verifier(self.vkey))

    def log(self, *numbers: int) -> list[int]:
        return [self.ledger.append(envelope(number, COMMON), SIGNER.public).index for number in numbers]


@pytest.fixture(params=["memory", "embedded", "server"])
def known(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Known]:
    if request.param == "memory":
        memory = MemoryLedger()
        yield Known(memory, memory.vkey)
    elif request.param == "embedded":
        with open_embedded(tmp_path / "ledger") as embedded:
            yield Known(embedded, embedded.vkey)
    else:
        vkey = init_ledger(tmp_path / "ledger")
        with serving(tmp_path / "ledger") as (_, url), LedgerClient(url) as client:
            yield Known(client, vkey)


def test_a_receipt_proves_its_entry(known: Known) -> None:
    for number in range(5):
        sent = envelope(number)
        receipt = known.ledger.append(sent, SIGNER.public)
        checkpoint = open_checkpoint(receipt.checkpoint, load_verifier(known.vkey))
        assert (receipt.index, receipt.proof.size, checkpoint.size) == (number, number + 1, number + 1)
        assert receipt.log_id == load_verifier(known.vkey).note_key.log_id
        check_entry(receipt.leaf, sent, SIGNER.public)
        check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=checkpoint.root)


def test_an_empty_log_has_a_checkpoint(known: Known) -> None:
    assert known.checkpoint().size == 0


def test_every_checkpoint_extends_the_one_before(known: Known) -> None:
    seen = [known.checkpoint()]
    for number in range(6):
        known.log(number)
        seen.append(known.checkpoint())
    for old in seen:
        for new in seen[old.size :]:
            check_consistency(known.ledger.consistency(old.size, new.size), old=old.root, new=new.root)


def test_every_entry_is_proven_in_every_later_tree(known: Known) -> None:
    receipts = [known.ledger.append(envelope(number), SIGNER.public) for number in range(5)]
    root = known.checkpoint().root
    for receipt in receipts:
        check_inclusion(known.ledger.inclusion(receipt.index, 5), leaf=hash_leaf(receipt.leaf), root=root)


def test_the_same_statement_has_one_index(known: Known) -> None:
    assert known.log(1, 2, 1, 3, 2, 1) == [0, 1, 0, 2, 1, 0]
    assert known.checkpoint().size == 3


def test_another_signature_over_the_same_payload_is_the_same_statement(known: Known) -> None:
    """The receipt holds the signature that was logged first, and the bundle made from it is whole."""
    first = envelope(1)
    logged = known.ledger.append(first, SIGNER.public)
    private = ec.derive_private_key(1, ec.SECP256R1())
    again = replace(first, signature=private.sign(first.signed_bytes, ec.ECDSA(hashes.SHA256())))
    assert again.signature != first.signature
    check_signature(SIGNER.public, again.signature, again.signed_bytes)
    receipt = known.ledger.append(again, SIGNER.public)
    assert receipt == logged
    bundle = join_receipt(again, SIGNER.public, receipt)
    assert bundle.envelope == first
    assert parse_bundle(format_bundle(bundle)) == bundle


def test_the_same_payload_by_another_key_is_another_statement(known: Known) -> None:
    other = fixed_signer(2)
    assert known.ledger.append(envelope(1), SIGNER.public).index == 0
    assert known.ledger.append(sign_payload(statement(1), other), other.public).index == 1


def test_bundles_are_found_by_any_subject(known: Known) -> None:
    known.log(*range(40))
    known.ledger.append(envelope(99), SIGNER.public)
    found = known.ledger.find(COMMON)
    assert [bundle.envelope for bundle in found] == [envelope(number, COMMON) for number in range(40)]
    (one,) = known.ledger.find(f"{7:064x}")
    assert one == found[7]
    root = known.checkpoint().root
    for bundle in found:
        assert bundle.receipt is not None
        check_inclusion(bundle.receipt.proof, leaf=hash_leaf(bundle.receipt.leaf), root=root)
        assert parse_bundle(format_bundle(bundle)) == bundle


def test_a_subject_that_nobody_spoke_of_has_no_bundle(known: Known) -> None:
    assert known.ledger.find("ff" * 32) == ()


def test_what_is_no_subject_is_refused(known: Known) -> None:
    for subject in ("", "ab", "AB" * 32, "zz" * 32):
        with pytest.raises(MalformedError):
            known.ledger.find(subject)


def bad_submissions() -> dict[str, tuple[Envelope, bytes]]:
    """Return what no log takes, by why."""
    good = envelope(1)
    other = fixed_signer(2)
    changed = good.signature[:4] + bytes([good.signature[4] ^ 1]) + good.signature[5:]
    return {
        "signature of another key": (good, other.public),
        "signature over another payload": (replace(good, payload=statement(2)), SIGNER.public),
        "signature that is changed": (replace(good, signature=changed), SIGNER.public),
        "signature that is none": (replace(good, signature=b""), SIGNER.public),
        "key that is none": (good, b""),
        "key that is no point": (good, SIGNER.public[:27] + bytes(64)),
        "payload that is no JSON": (sign_payload(b"\xff", SIGNER), SIGNER.public),
        "payload that is no statement": (sign_payload(b"{}", SIGNER), SIGNER.public),
        "payload that names a member twice": (sign_payload(statement(1).replace(b'"pad":""', b'"number":2'), SIGNER), SIGNER.public),
        "payload that is too long": (Envelope(payload=bytes(1024 * 1024 + 1), signature=b"s"), SIGNER.public),
    }


def test_what_is_not_signed_by_its_key_is_refused(known: Known) -> None:
    taken = []
    for why, (sent, public) in bad_submissions().items():
        with contextlib.suppress(EntryRejectedError):
            known.ledger.append(sent, public)
            taken.append(why)
    assert taken == []
    assert known.checkpoint().size == 0


def test_a_statement_of_the_greatest_length_is_taken_and_found(known: Known) -> None:
    big = envelope(1, pad=1024 * 1024 - len(statement(1)))
    assert len(big.payload) == 1024 * 1024
    assert known.ledger.append(big, SIGNER.public).index == 0
    (bundle,) = known.ledger.find(f"{1:064x}")
    assert bundle.envelope == big


def test_there_is_no_proof_of_what_is_not_there(known: Known) -> None:
    known.log(1, 2, 3)
    for index, size in ((0, 0), (3, 3), (0, 4), (-1, 3), (0, 2**63), (5, 2**64)):
        with pytest.raises(ProofError):
            known.ledger.inclusion(index, size)
    for old, new in ((2, 1), (0, 4), (-1, 3), (0, 2**64)):
        with pytest.raises(ProofError):
            known.ledger.consistency(old, new)

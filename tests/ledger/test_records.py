# SPDX-License-Identifier: Apache-2.0
"""What comes through Rekor's door: checked, logged once, in no index, and sound to fsck."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from byline.core.facets import Query
from byline.core.rekor import Record
from byline.errors import EntryRejectedError, NotAdmittedError
from byline.keys.ids import key_id
from byline.testing import fixed_signer
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.records import RekorDoor, admit_record
from private_issuer import PrivateIssuer, spki
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from pathlib import Path

MESSAGE = b"a release"
DIGEST = hashlib.sha256(MESSAGE).digest()


def by_key(message: bytes = MESSAGE) -> Record:
    return Record(digest=hashlib.sha256(message).digest(), signature=SIGNER.sign(message), verifier=SIGNER.public, certified=False)


@pytest.fixture(scope="module")
def certified() -> tuple[Record, bytes]:
    """A record with a certificate, and the key in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = PrivateIssuer().issue(key.public_key(), "dev@byline.test").public_bytes(Encoding.DER)
    signature = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    return Record(digest=DIGEST, signature=signature, verifier=certificate, certified=True), spki(key.public_key())


def test_a_signature_by_its_key_is_admitted_without_a_payload() -> None:
    made = admit_record(by_key(), RekorDoor.KEYS)
    assert made.payload is None
    assert made.facets.key.hex() == key_id(SIGNER.public)
    assert made.facets.subjects == ()


def test_a_closed_door_lets_nobody_in() -> None:
    with pytest.raises(NotAdmittedError):
        admit_record(by_key(), RekorDoor.CLOSED)


def test_a_certificate_enters_only_where_certificates_may(certified: tuple[Record, bytes]) -> None:
    record, public = certified
    with pytest.raises(EntryRejectedError, match="no certificates"):
        admit_record(record, RekorDoor.KEYS)
    assert admit_record(record, RekorDoor.CERTIFICATES).facets.key.hex() == key_id(public)


def test_a_signature_by_another_key_or_over_other_bytes_is_refused(certified: tuple[Record, bytes]) -> None:
    good, _ = certified
    bad = [
        Record(digest=bytes(32), signature=by_key().signature, verifier=SIGNER.public, certified=False),
        Record(digest=DIGEST, signature=by_key().signature, verifier=fixed_signer(2).public, certified=False),
        Record(digest=DIGEST, signature=by_key().signature, verifier=good.verifier, certified=True),
        Record(digest=DIGEST, signature=good.signature, verifier=good.verifier + b"\0", certified=True),
        Record(digest=DIGEST, signature=good.signature, verifier=b"certificate", certified=True),
        # A version that X.509 does not have, in the one byte that says it.
        Record(digest=DIGEST, signature=good.signature, verifier=good.verifier[:12] + b"\3" + good.verifier[13:], certified=True),
        Record(digest=DIGEST, signature=b"\x30\x00", verifier=SIGNER.public, certified=False),
    ]
    for record in bad:
        with pytest.raises(EntryRejectedError):
            admit_record(record, RekorDoor.CERTIFICATES)


def test_records_and_statements_share_a_log_that_is_sound(tmp_path: Path, certified: tuple[Record, bytes]) -> None:
    place = tmp_path / "ledger"
    init_ledger(place)
    opened = load_log(place)
    with contextlib.closing(opened.store):
        records = [admit_record(each, RekorDoor.CERTIFICATES) for each in (by_key(), certified[0])]
        statement = Admission().admit(envelope(1), SIGNER.public)
        receipts = opened.log.append([records[0], statement, records[1], records[0]])
        assert [each.index for each in receipts] == [0, 1, 2, 0]
        page = opened.log.find(Query(key=records[0].facets.key))
        assert [(each.receipt.index, each.envelope is None) for each in page.entries] == [(0, True), (1, False)]
    assert check_ledger(place).findings == ()


def test_a_statement_is_logged_although_its_leaf_came_through_rekors_door_first(tmp_path: Path) -> None:
    sent = envelope(1)
    record = Record(digest=hashlib.sha256(sent.signed_bytes).digest(), signature=sent.signature, verifier=SIGNER.public, certified=False)
    init_ledger(tmp_path / "ledger")
    opened = load_log(tmp_path / "ledger")
    with contextlib.closing(opened.store):
        first, second = opened.log.append([admit_record(record, RekorDoor.KEYS), Admission().admit(sent, SIGNER.public)])
    assert (first.index, second.index, first.leaf) == (0, 1, second.leaf)
    assert check_ledger(tmp_path / "ledger").findings == ()


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO payload SELECT number & 65535, piece FROM payload",
        "UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE idx = 1) WHERE idx = 0",
        "UPDATE identity SET identity = zeroblob(32) WHERE idx = 0",
        "DELETE FROM term WHERE idx = 0",
    ],
)
def test_fsck_finds_what_was_changed_of_a_record(tmp_path: Path, change: str) -> None:
    place = tmp_path / "ledger"
    init_ledger(place)
    opened = load_log(place)
    with contextlib.closing(opened.store):
        opened.log.append([admit_record(by_key(), RekorDoor.KEYS), Admission().admit(envelope(1), SIGNER.public)])
    with contextlib.closing(sqlite3.connect(place / DATABASE)) as database, database:
        database.execute(change)
    assert any("entry 0" in each.where for each in check_ledger(place).findings)

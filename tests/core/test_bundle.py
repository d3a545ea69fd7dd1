# SPDX-License-Identifier: Apache-2.0
"""Leaves and bundles: one spelling out, strict in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.bundle import Bundle, Receipt, format_bundle, join_receipt, parse_bundle
from byline.core.canonical import format_base64, format_canonical, parse_strict
from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.entry import MAX_ENTRY, Entry, check_entry, entry_for, format_entry, identity_of, parse_entry
from byline.core.merkle import InclusionProof, hash_leaf
from byline.core.note import sign_note
from byline.errors import EntryError, EnvelopeError, ProofError
from byline.keys.ed25519 import LogKey
from byline.keys.ids import key_id
from byline.keys.p256 import PrivateKey
from byline.sign.file import sign_payload

KEY = PrivateKey.from_seed(7)
LOG = LogKey("log.example", bytes(32))
ENVELOPE = sign_payload(b'{"subject":[]}', KEY)
LEAF = format_entry(entry_for(ENVELOPE, KEY.public))
NOTE = sign_note(format_checkpoint(Checkpoint(origin="log.example", size=1, root=hash_leaf(LEAF))), [LOG])
RECEIPT = Receipt(log_id=LOG.note_key.log_id, leaf=LEAF, proof=InclusionProof(index=0, size=1, hashes=()), checkpoint=NOTE)
BUNDLE = Bundle(envelope=ENVELOPE, key_hint=key_id(KEY.public), receipt=RECEIPT)


def changed(*path: str | int, to: object) -> bytes:
    value = json.loads(format_bundle(BUNDLE))
    place = value
    for step in path[:-1]:
        place = place[step]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(value).encode()


def test_a_leaf_is_canonical_json() -> None:
    assert format_canonical(parse_strict(LEAF)) == LEAF
    assert parse_entry(LEAF) == entry_for(ENVELOPE, KEY.public)


def test_a_leaf_belongs_to_one_envelope_and_key() -> None:
    check_entry(LEAF, ENVELOPE, KEY.public)
    with pytest.raises(ProofError):
        check_entry(LEAF, replace(ENVELOPE, payload=b"{}"), KEY.public)
    with pytest.raises(ProofError):
        check_entry(LEAF, ENVELOPE, PrivateKey.from_seed(8).public)


@pytest.mark.parametrize(
    "entry",
    [
        Entry(digest=b"short", signature=b"s", public=KEY.public),
        Entry(digest=bytes(32), signature=b"", public=KEY.public),
        Entry(digest=bytes(32), signature=b"s", public=KEY.public[:-1]),
        Entry(digest=bytes(32), signature=b"s", public=bytes(91)),
        Entry(digest=bytes(32), signature=bytes(MAX_ENTRY), public=KEY.public),
    ],
)
def test_what_cannot_be_a_leaf_is_refused(entry: Entry) -> None:
    with pytest.raises(EntryError):
        format_entry(entry)


@pytest.mark.parametrize("leaf", [b"", b"[]", b"{}", LEAF + b"\n", LEAF.replace(b"0.0.2", b"0.0.3"), LEAF.replace(b'":"', b'": "', 1)])
def test_another_spelling_of_a_leaf_is_refused(leaf: bytes) -> None:
    with pytest.raises(EntryError):
        parse_entry(leaf)


def test_the_identity_of_a_statement_is_its_payload_and_its_key() -> None:
    other = PrivateKey.from_seed(8).public
    assert len({identity_of(payload, key) for payload in (b"a", b"b") for key in (KEY.public, other)}) == 4


@pytest.mark.parametrize("bundle", [BUNDLE, replace(BUNDLE, receipt=None), replace(BUNDLE, envelope=replace(ENVELOPE, keyid="hint"))])
def test_a_bundle_reads_back(bundle: Bundle) -> None:
    assert parse_bundle(format_bundle(bundle)) == bundle


def test_zero_may_be_left_out_and_the_older_media_type_is_read() -> None:
    entry = ("verificationMaterial", "tlogEntries", 0)
    assert parse_bundle(changed(*entry, "logIndex", to=None)) == BUNDLE
    assert parse_bundle(changed(*entry, "inclusionProof", "logIndex", to=None)) == BUNDLE
    assert parse_bundle(changed(*entry, "inclusionProof", "hashes", to=None)) == BUNDLE
    assert parse_bundle(changed("mediaType", to="application/vnd.dev.sigstore.bundle+json;version=0.3")) == BUNDLE
    assert parse_bundle(changed("verificationMaterial", "tlogEntries", to=None)) == replace(BUNDLE, receipt=None)


ENTRY = ("verificationMaterial", "tlogEntries", 0)
PROOF = (*ENTRY, "inclusionProof")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("mediaType",), "application/vnd.dev.sigstore.bundle.v0.2+json"),
        (("messageSignature",), {}),
        (("dsseEnvelope",), None),
        (("verificationMaterial", "publicKey"), None),
        (("verificationMaterial", "publicKey", "hint"), "c2hvcnQ="),
        (("verificationMaterial", "certificate"), {}),
        (("verificationMaterial", "timestampVerificationData"), {"rfc3161Timestamps": [{}]}),
        (("verificationMaterial", "tlogEntries"), [{}, {}]),
        ((*ENTRY, "logIndex"), 0),
        ((*ENTRY, "logIndex"), "00"),
        ((*ENTRY, "logIndex"), "1"),
        ((*ENTRY, "logIndex"), "-1"),
        ((*ENTRY, "logIndex"), "9" * 5000),
        ((*ENTRY, "kindVersion", "version"), "0.0.1"),
        ((*ENTRY, "inclusionPromise"), {"signedEntryTimestamp": "AA=="}),
        ((*ENTRY, "integratedTime"), "1700000000"),
        ((*ENTRY, "canonicalizedBody"), "e30="),
        ((*ENTRY, "logId", "keyId"), "AA=="),
        ((*PROOF, "treeSize"), "2"),
        ((*PROOF, "rootHash"), format_base64(bytes(32))),
        ((*PROOF, "hashes"), ["AA=="]),
        ((*PROOF, "hashes"), [format_base64(bytes(32))] * 64),
        ((*PROOF, "checkpoint", "envelope"), "not a note"),
        ((*PROOF, "checkpoint", "envelope"), 1),
    ],
)
def test_what_is_no_bundle_is_refused(path: tuple[str | int, ...], to: object) -> None:
    with pytest.raises(EnvelopeError):
        parse_bundle(changed(*path, to=to))


@given(st.binary())
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        parse_bundle(data)


def test_a_receipt_joins_the_envelope_that_was_logged() -> None:
    """Two signatures over one payload are one statement: the bundle carries the one that is in the log."""
    again = replace(ENVELOPE, signature=b"another valid signature, were this not a test")
    assert join_receipt(again, KEY.public, RECEIPT) == BUNDLE
    assert join_receipt(ENVELOPE, KEY.public, None) == replace(BUNDLE, receipt=None)
    with pytest.raises(ProofError):
        join_receipt(replace(ENVELOPE, payload=b"{}"), KEY.public, RECEIPT)

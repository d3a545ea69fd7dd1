# SPDX-License-Identifier: Apache-2.0
"""Rekor's requests and leaves: one spelling, P-256 alone, and apart from the statements of the log."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.entry import Entry, format_entry, identity_of, parse_entry
from byline.core.publickey import ED25519_PREFIX
from byline.core.rekor import Record, format_record, parse_record, parse_record_request, record_identity
from byline.errors import EntryError
from byline.testing import fixed_signer

SIGNER = fixed_signer()
DIGEST = hashlib.sha256(b"signed").digest()


def request(**changes: object) -> dict[str, Any]:
    """Return a good request, or one with other members of the verifier."""
    verifier: dict[str, object] = {
        "publicKey": {"rawBytes": base64.b64encode(SIGNER.public).decode()},
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
    }
    verifier |= changes
    verifier = {name: value for name, value in verifier.items() if value is not None}
    signature = {"content": base64.b64encode(SIGNER.sign(b"signed")).decode(), "verifier": verifier}
    return {"hashedRekordRequestV002": {"digest": base64.b64encode(DIGEST).decode(), "signature": signature}}


def test_a_request_for_a_key_becomes_the_leaf_that_a_statement_has() -> None:
    record = parse_record_request(json.dumps(request()).encode())
    assert format_record(record) == format_entry(Entry(digest=DIGEST, signature=record.signature, public=SIGNER.public))
    assert parse_record(format_record(record)) == record


def test_a_certificate_stands_in_the_leaf_and_is_no_leaf_of_a_statement() -> None:
    asked = request(publicKey=None, x509Certificate={"rawBytes": base64.b64encode(b"certificate").decode()})
    record = parse_record_request(json.dumps(asked).encode())
    leaf = format_record(record)
    assert (record.verifier, record.certified) == (b"certificate", True)
    assert json.loads(leaf)["spec"]["hashedRekordV002"]["signature"]["verifier"] == {
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "x509Certificate": {"rawBytes": base64.b64encode(b"certificate").decode()},
    }
    assert parse_record(leaf) == record
    with pytest.raises(EntryError):
        parse_entry(leaf)


def altered(*path: str, to: object) -> dict[str, Any]:
    whole = request()
    place: Any = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return whole


TOP = "hashedRekordRequestV002"
BAD = {
    "no object": [],
    "nothing": {},
    "another kind": {"dsseRequestV002": request()[TOP]},
    "two kinds": {**request(), "dsseRequestV002": {}},
    "another member": altered(TOP, "more", to=1),
    "a short digest": altered(TOP, "digest", to=base64.b64encode(DIGEST[1:]).decode()),
    "a digest in hex": altered(TOP, "digest", to=DIGEST.hex()),
    "no signature": altered(TOP, "signature", "content", to=""),
    "a number for a signature": altered(TOP, "signature", "content", to=5),
    "base64 without its padding": altered(TOP, "signature", "content", to="QQ"),
    "another algorithm": request(keyDetails="PKIX_ECDSA_P384_SHA_384"),
    "no algorithm": request(keyDetails=None),
    "no verifier": request(publicKey=None),
    "both verifiers": request(x509Certificate={"rawBytes": "AAAA"}),
    "another key": request(publicKey={"rawBytes": base64.b64encode(ED25519_PREFIX + bytes(32)).decode()}),
    "a key in PEM": request(publicKey={"rawBytes": base64.b64encode(b"-----BEGIN PUBLIC KEY-----").decode()}),
    "an empty certificate": request(publicKey=None, x509Certificate={"rawBytes": ""}),
    "a certificate beyond what a leaf holds": request(publicKey=None, x509Certificate={"rawBytes": "A" * 65_536}),
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_what_is_no_such_request_is_refused(value: object) -> None:
    with pytest.raises(EntryError):
        parse_record_request(json.dumps(value).encode())


def test_a_record_is_known_apart_from_the_statements() -> None:
    """Nobody keeps a statement out of the log, or lends it their place, by logging its leaf first."""
    record = parse_record_request(json.dumps(request()).encode())
    assert record_identity(format_record(record)) != identity_of(b"signed", SIGNER.public)


@given(st.binary(max_size=200), st.binary(max_size=80), st.booleans())
def test_a_leaf_reads_back_or_cannot_be_made(verifier: bytes, signature: bytes, certified: bool) -> None:  # noqa: FBT001 - Hypothesis fills it
    record = Record(digest=DIGEST, signature=signature, verifier=verifier, certified=certified)
    try:
        leaf = format_record(record)
    except EntryError:
        return
    assert parse_record(leaf) == record

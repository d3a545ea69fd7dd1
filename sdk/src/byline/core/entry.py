# SPDX-License-Identifier: Apache-2.0
"""The leaf of the log: what stays for ever, and holds no name and no text.

One kind exists so far, Rekor's `hashedrekord` 0.0.2 for a P-256 key, as canonical JSON (RFC 8785):

    {"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{
      "data":{"algorithm":"SHA2_256","digest":"<base64 SHA-256 of the DSSE pre-authentication encoding>"},
      "signature":{"content":"<base64 ECDSA signature in DER>","verifier":{
        "keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"<base64 SubjectPublicKeyInfo in DER>"}}}}}}

without white space, at most 65,535 bytes (C2SP tlog-tiles). A verifier rebuilds it from envelope and key and compares bytes; it
never reads facts out of a leaf. Two valid signatures of one key over one payload are two spellings of one statement: a log knows
a statement by its `identity`, not by its leaf.

>>> entry = Entry(digest=bytes(32), signature=b"0", public=P256_PREFIX + bytes(64))
>>> parse_entry(format_entry(entry)) == entry
True
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, parse_base64
from byline.core.value import dataclass
from byline.errors import EntryError, MalformedError, ProofError

if TYPE_CHECKING:
    from byline.core.envelope import Envelope
    from byline.core.facets import Facets

KIND = "hashedrekord"
VERSION = "0.0.2"
MAX_ENTRY = 65_535
# SubjectPublicKeyInfo of an uncompressed P-256 point (RFC 5480): the same 27 bytes before every key's X and Y.
P256_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
P256_SIZE = len(P256_PREFIX) + 64

_LEAF = (
    b'{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"%b"},'
    b'"signature":{"content":"%b","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"%b"}}}}}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`digest` (SHA-256 of the signed bytes), `signature` (DER) and `public` (P-256 key, SPKI DER)."""

    digest: bytes
    signature: bytes
    public: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a log stores of a statement: `identity` and `leaf`, beside them its `facets`, and the `payload` where it was handed over."""

    identity: bytes
    leaf: bytes
    payload: bytes | None
    facets: Facets


def entry_for(envelope: Envelope, public: bytes) -> Entry:
    """Return the entry of `envelope` under the key `public` (SPKI DER)."""
    return Entry(digest=hashlib.sha256(envelope.signed_bytes).digest(), signature=envelope.signature, public=public)


def identity_of(payload: bytes, public: bytes) -> bytes:
    """Return the identity of a statement in a log: SHA-256 over the SHA-256 of payload and of key (32 bytes each)."""
    return hashlib.sha256(hashlib.sha256(payload).digest() + hashlib.sha256(public).digest()).digest()


def format_entry(entry: Entry) -> bytes:
    """Return the leaf of `entry`.

    Raises:
        EntryError: Not a SHA-256, not a P-256 key, or too long.
    """
    if len(entry.digest) != hashlib.sha256().digest_size:
        raise EntryError("the digest of an entry is a SHA-256")
    if len(entry.public) != P256_SIZE or not entry.public.startswith(P256_PREFIX):
        raise EntryError("the key of a hashedrekord is an uncompressed P-256 SubjectPublicKeyInfo")
    leaf = _LEAF % tuple(format_base64(field).encode() for field in (entry.digest, entry.signature, entry.public))
    if not entry.signature or len(leaf) > MAX_ENTRY:
        raise EntryError(f"an entry has a signature and at most {MAX_ENTRY} bytes")
    return leaf


def parse_entry(leaf: bytes) -> Entry:
    """Read a leaf, which has exactly one spelling.

    Raises:
        EntryError: Another kind, or other bytes than `format_entry` writes.
    """
    match = re.fullmatch(re.escape(_LEAF).replace(b"%b", b"([A-Za-z0-9+/=]*)"), leaf)
    if match is None:
        raise EntryError("not a hashedrekord 0.0.2 with a P-256 key")
    try:
        digest, signature, public = (parse_base64(field.decode()) for field in match.groups())
    except MalformedError as error:
        raise EntryError(f"not a hashedrekord: {error}") from error
    entry = Entry(digest=digest, signature=signature, public=public)
    if format_entry(entry) != leaf:
        raise EntryError("a leaf that is not spelled as Byline spells it")
    return entry


def check_entry(leaf: bytes, envelope: Envelope, public: bytes) -> None:
    """Check that `leaf` is the entry of `envelope` under `public`, byte for byte.

    Raises:
        ProofError: It is the entry of something else.
        EntryError: `public` can have no entry.
    """
    if leaf != format_entry(entry_for(envelope, public)):
        raise ProofError("the log entry is not that of this envelope and key")

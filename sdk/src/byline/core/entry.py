# SPDX-License-Identifier: Apache-2.0
"""The leaf of the log: what stays for ever, and holds no name and no text.

A closed set of kinds; which one follows from the form of the key (`core.publickey`). All are canonical JSON (RFC 8785) without
white space, of at most 65,535 bytes (C2SP tlog-tiles). Rekor's own for a P-256 key, `hashedrekord` 0.0.2:

    {"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{
      "data":{"algorithm":"SHA2_256","digest":"<base64 SHA-256 of the DSSE pre-authentication encoding>"},
      "signature":{"content":"<base64 ECDSA signature in DER>","verifier":{
        "keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"<base64 SubjectPublicKeyInfo in DER>"}}}}}}

and ours, 0.1, which differ in what the key and the signature are:

    {"apiVersion":"0.1","kind":"<kind>","spec":{"data":{"algorithm":"SHA2_256","digest":"<base64>"},"publicKey":"<base64>","signature":"<base64>"}}

    byline-ed25519     an Ed25519 key and its 64 bytes; the one kind that only who has the payload can check
    byline-sshsig      a key and an SSHSIG blob of OpenSSH's (`core.sshsig`), an `sk-` key's too; SHA2_512 where the blob says sha512
    byline-webauthn    a credential and its assertion (`core.webauthn`)

A verifier rebuilds the leaf from envelope and key and compares bytes; it never reads facts out of a leaf. Two valid signatures of
one key over one payload are two spellings of one statement: a log knows a statement by its `identity`, not by its leaf.

>>> from byline.core.publickey import P256_PREFIX
>>> entry = Entry(digest=bytes(32), signature=b"0", public=P256_PREFIX + bytes(64))
>>> parse_entry(format_entry(entry)) == entry
True
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, parse_base64
from byline.core.publickey import KeyType, is_p256, key_type
from byline.core.value import dataclass
from byline.errors import EntryError, MalformedError, ProofError

if TYPE_CHECKING:
    from byline.core.envelope import Envelope
    from byline.core.facets import Facets

MAX_ENTRY = 65_535


class EntryKind(Enum):
    """A kind of leaf, by its name and version."""

    HASHEDREKORD = ("hashedrekord", "0.0.2")
    ED25519 = ("byline-ed25519", "0.1")
    SSHSIG = ("byline-sshsig", "0.1")
    WEBAUTHN = ("byline-webauthn", "0.1")


_KINDS = {
    KeyType.P256: EntryKind.HASHEDREKORD,
    KeyType.ED25519: EntryKind.ED25519,
    KeyType.SSH: EntryKind.SSHSIG,
    KeyType.SK_SSH: EntryKind.SSHSIG,
    KeyType.WEBAUTHN: EntryKind.WEBAUTHN,
}
HASHEDREKORD_LEAF = (
    b'{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"%b"},'
    b'"signature":{"content":"%b","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"%b"}}}}}}'
)
_OWN_LEAF = b'{"apiVersion":"%b","kind":"%b","spec":{"data":{"algorithm":"%b","digest":"%b"},"publicKey":"%b","signature":"%b"}}'
_LEAVES = tuple(re.compile(re.escape(each).replace(b"%b", b"([A-Za-z0-9+/=._-]*)")) for each in (HASHEDREKORD_LEAF, _OWN_LEAF))
_DIGEST_SIZES = {"sha256": 32, "sha512": 64}
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}  # by name they are looked up anew each time
_ALGORITHMS = {32: b"SHA2_256", 64: b"SHA2_512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`digest` (of the signed bytes, by the hash that the signature names, SHA-256 unless it names one), `signature`, `public` key."""

    digest: bytes
    signature: bytes
    public: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a log stores of a statement: `identity` and `leaf`, beside them its `facets`, and the `payload` where it was handed over.

    `keys` are those of the index that a log seals (`core.index_keys`): none without a payload.
    """

    identity: bytes
    leaf: bytes
    payload: bytes | None
    facets: Facets
    keys: tuple[bytes, ...] = ()


def entry_for(envelope: Envelope, public: bytes) -> Entry:
    """Return the entry of `envelope` under the key `public`.

    Raises:
        EntryError: The key or its signature is none that a leaf can hold.
    """
    hashed = _HASHES[_hash_name(envelope.signature, public)](envelope.signed_bytes)
    return Entry(digest=hashed.digest(), signature=envelope.signature, public=public)


def identity_of(payload: bytes, public: bytes) -> bytes:
    """Return the identity of a statement in a log: SHA-256 over the SHA-256 of payload and of key (32 bytes each)."""
    return identity_from(hashlib.sha256(payload).digest(), hashlib.sha256(public).digest())


def identity_from(digest: bytes, key: bytes) -> bytes:
    """Return the identity of the statement whose payload has the SHA-256 `digest` and whose key has the SHA-256 `key`."""
    return hashlib.sha256(digest + key).digest()


def entry_kind(entry: Entry) -> EntryKind:
    """Return which kind of leaf `entry` has.

    Raises:
        EntryError: Its key is none that Byline knows.
    """
    try:
        return _KINDS[key_type(entry.public)]
    except MalformedError as error:
        raise EntryError(f"an entry with {error}") from error


def format_entry(entry: Entry) -> bytes:
    """Return the leaf of `entry`.

    Raises:
        EntryError: A key or signature that no leaf can hold, not its digest, or too long.
    """
    kind = entry_kind(entry)
    if len(entry.digest) != _DIGEST_SIZES[_hash_name(entry.signature, entry.public)]:
        raise EntryError("the digest of an entry is of the hash that its signature is over")
    digest, signature, public = (format_base64(field).encode() for field in (entry.digest, entry.signature, entry.public))
    if kind is EntryKind.HASHEDREKORD:
        leaf = HASHEDREKORD_LEAF % (digest, signature, public)
    else:
        name, version = (each.encode() for each in kind.value)
        leaf = _OWN_LEAF % (version, name, _ALGORITHMS[len(entry.digest)], digest, public, signature)
    if not entry.signature or len(leaf) > MAX_ENTRY:
        raise EntryError(f"an entry has a signature and at most {MAX_ENTRY} bytes")
    return leaf


def parse_entry(leaf: bytes) -> Entry:
    """Read a leaf, which has exactly one spelling.

    Raises:
        EntryError: Another kind, or other bytes than `format_entry` writes.
    """
    rekor, own = (each.fullmatch(leaf) for each in _LEAVES)
    fields = rekor.groups() if rekor else (own[4], own[6], own[5]) if own else None
    if fields is None:
        raise EntryError("not a log entry of a kind that Byline knows")
    try:
        digest, signature, public = (parse_base64(field.decode()) for field in fields)
    except MalformedError as error:
        raise EntryError(f"not a log entry: {error}") from error
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


def _hash_name(signature: bytes, public: bytes) -> str:
    """Return the hash that `signature` is over, once it is known to be spelled as its kind asks."""
    if is_p256(public):
        return "sha256"
    # The rarer kinds of signature are read by modules that most programs never need.
    try:
        kind = key_type(public)
        if kind is KeyType.WEBAUTHN:
            from byline.core.webauthn import parse_assertion

            parse_assertion(signature)
        if kind in {KeyType.SSH, KeyType.SK_SSH}:
            from byline.core.sshsig import parse_ssh_signature

            found = parse_ssh_signature(signature)
            if found.public != public:
                raise EntryError("an SSH signature that names another key")
            return found.hash
    except EntryError:
        raise
    except MalformedError as error:
        raise EntryError(f"a signature that no entry can hold: {error}") from error
    return "sha256"

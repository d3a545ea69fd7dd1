# SPDX-License-Identifier: Apache-2.0
r"""What Sigstore's clients log: Rekor v2's `hashedrekord` 0.0.2, as a request and as a leaf.

Rekor logs a signature over a hash, and knows nothing of statements. A client sends

    {"hashedRekordRequestV002": {"digest": "<base64 SHA-256>", "signature": {"content": "<base64 ECDSA signature in DER>",
      "verifier": {"publicKey" | "x509Certificate": {"rawBytes": "<base64 DER>"}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}}}}

and the leaf is the one of `core.entry` for a P-256 key, with `x509Certificate` in the place of `publicKey` where a certificate was
sent. A certificate names somebody, so none is ever the leaf of a statement of ours: `parse_entry` does not read it.

A record is known by its leaf alone, apart from the statements of the log: `record_identity` is SHA-256("byline.rekor/1" || 0x00 ||
leaf), which no payload and key have.

>>> record = Record(digest=bytes(32), signature=b"0", verifier=b"DER", certified=True)
>>> parse_record(format_record(record)) == record
True
"""

from __future__ import annotations

import hashlib
import re

from byline.core.canonical import Json, format_base64, parse_base64, parse_strict
from byline.core.entry import HASHEDREKORD_LEAF, MAX_ENTRY, Entry, EntryKind, entry_kind, format_entry, parse_entry
from byline.core.value import dataclass
from byline.errors import EntryError, MalformedError

MAX_REQUEST = 128 * 1024
_KEY_DETAILS = "PKIX_ECDSA_P256_SHA_256"
_DOMAIN = b"byline.rekor/1\0"
_KEY, _CERTIFICATE = "publicKey", "x509Certificate"
_CERTIFIED_LEAF = HASHEDREKORD_LEAF.replace(_KEY.encode(), _CERTIFICATE.encode())
_CERTIFIED = re.compile(re.escape(_CERTIFIED_LEAF).replace(b"%b", b"([A-Za-z0-9+/=]*)"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`digest` (SHA-256) of what was signed, `signature` (DER), and a `verifier`: a key (SPKI DER) or, if `certified`, a certificate."""

    digest: bytes
    signature: bytes
    verifier: bytes
    certified: bool


def parse_record_request(data: bytes) -> Record:
    """Read a client's request.

    Raises:
        EntryError: Anything but a request for a hashedrekord of a P-256 key.
    """
    try:
        request = _member(parse_strict(data, max_bytes=MAX_REQUEST), "hashedRekordRequestV002")
        digest, signature = _members(request, "digest", "signature")
        content, verifier = _members(signature, "content", "verifier")
        kind = _CERTIFICATE if isinstance(verifier, dict) and _CERTIFICATE in verifier else _KEY
        whose, details = _members(verifier, kind, "keyDetails")
        if details != _KEY_DETAILS:
            raise EntryError(f"only {_KEY_DETAILS} is logged")
        fields = (digest, content, _member(whose, "rawBytes"))
        record = _record(*(parse_base64(each) for each in fields), certified=kind == _CERTIFICATE)
    except EntryError:
        raise
    except MalformedError as error:
        raise EntryError(f"not a request to log: {error}") from error
    format_record(record)
    return record


def format_record(record: Record) -> bytes:
    """Return the leaf of `record`.

    Raises:
        EntryError: Not a SHA-256, not a P-256 key, or too long.
    """
    if not record.certified:
        entry = Entry(digest=record.digest, signature=record.signature, public=record.verifier)
        if entry_kind(entry) is not EntryKind.HASHEDREKORD:
            raise EntryError("the key of a hashedrekord is a P-256 key")
        return format_entry(entry)
    if len(record.digest) != hashlib.sha256().digest_size:
        raise EntryError("the digest of an entry is a SHA-256")
    leaf = _CERTIFIED_LEAF % tuple(format_base64(each).encode() for each in (record.digest, record.signature, record.verifier))
    if not record.signature or not record.verifier or len(leaf) > MAX_ENTRY:
        raise EntryError(f"an entry has a signature, a certificate and at most {MAX_ENTRY} bytes")
    return leaf


def parse_record(leaf: bytes) -> Record:
    """Read a leaf, which has exactly one spelling.

    Raises:
        EntryError: Other bytes than `format_record` writes.
    """
    match = _CERTIFIED.fullmatch(leaf)
    if match is None:
        entry = parse_entry(leaf)
        record = _record(entry.digest, entry.signature, entry.public, certified=False)
    else:
        try:
            record = _record(*(parse_base64(each.decode()) for each in match.groups()), certified=True)
        except MalformedError as error:
            raise EntryError(f"not a hashedrekord: {error}") from error
    format_record(record)
    return record


def record_identity(leaf: bytes) -> bytes:
    """Return by what a log knows the record whose leaf this is."""
    return hashlib.sha256(_DOMAIN + leaf).digest()


def _record(digest: bytes, signature: bytes, verifier: bytes, *, certified: bool) -> Record:
    return Record(digest=digest, signature=signature, verifier=verifier, certified=certified)


def _member(value: Json, name: str) -> Json:
    return _members(value, name)[0]


def _members(value: Json, *names: str) -> tuple[Json, ...]:
    """Return the members `names` of an object that has these and no others."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise EntryError(f"not a request to log: expected an object with {' and '.join(names)}")
    return tuple(value[name] for name in names)

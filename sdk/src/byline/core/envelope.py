# SPDX-License-Identifier: Apache-2.0
"""The signed thing: a DSSE v1 envelope with exactly one signature.

DSSE (https://github.com/secure-systems-lab/dsse) signs the pre-authentication encoding of payload type and payload,

    PAE = "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload        LEN in decimal, lengths in bytes

so that neither can be exchanged. Byline's payload is always an in-toto statement. N approvers are N envelopes, never N
signatures. `keyid` is a hint that nobody has authenticated: trust is never chosen by it.

>>> pae("t", b"hello")
b'DSSEv1 1 t 5 hello'
"""

from __future__ import annotations

import hashlib

from byline.core.canonical import Json, format_base64, format_canonical, parse_base64, parse_strict
from byline.core.value import dataclass
from byline.errors import EnvelopeError, MalformedError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_PAYLOAD = 1024 * 1024
MAX_ENVELOPE = 2 * MAX_PAYLOAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """`payload` (statement bytes), `signature` (raw bytes as the key type makes them) and the key's hint."""

    payload: bytes
    signature: bytes
    keyid: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, hex: the identity of the statement."""
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return pae(PAYLOAD_TYPE, self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes) -> Envelope:
    """Read a DSSE envelope in JSON.

    Raises:
        EnvelopeError: Not JSON, another payload type, not one signature, unknown members, base64 that is not canonical.
    """
    try:
        return envelope_from_json(parse_strict(data, max_bytes=MAX_ENVELOPE))
    except EnvelopeError:
        raise
    except MalformedError as error:
        raise EnvelopeError(f"not a DSSE envelope: {error}") from error


def envelope_from_json(value: Json) -> Envelope:
    """Read a DSSE envelope from parsed JSON (the member `dsseEnvelope` of a bundle).

    Raises:
        EnvelopeError: As `parse_envelope`.
    """
    if not isinstance(value, dict) or set(value) != {"payload", "payloadType", "signatures"}:
        raise EnvelopeError("an envelope has the members payload, payloadType and signatures")
    if value["payloadType"] != PAYLOAD_TYPE:
        raise EnvelopeError(f"the payload type is not {PAYLOAD_TYPE}")
    signatures = value["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise EnvelopeError("an envelope has exactly one signature")
    only = signatures[0]
    if not isinstance(only, dict) or not {"sig"} <= set(only) <= {"sig", "keyid"}:
        raise EnvelopeError("a signature has the members sig and keyid")
    keyid = only.get("keyid")
    if keyid is not None and not isinstance(keyid, str):
        raise EnvelopeError("keyid is a string")
    try:
        payload, signature = parse_base64(value["payload"]), parse_base64(only["sig"])
    except MalformedError as error:
        raise EnvelopeError(str(error)) from error
    if len(payload) > MAX_PAYLOAD:
        raise EnvelopeError(f"a payload of {len(payload)} bytes, at most {MAX_PAYLOAD} are read")
    return Envelope(payload=payload, signature=signature, keyid=keyid or None)


def envelope_to_json(envelope: Envelope) -> dict[str, Json]:
    """Return the JSON form of `envelope`."""
    signature: dict[str, Json] = {"sig": format_base64(envelope.signature)}
    if envelope.keyid:
        signature["keyid"] = envelope.keyid
    return {"payload": format_base64(envelope.payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}


def format_envelope(envelope: Envelope) -> bytes:
    """Return `envelope` as canonical JSON."""
    return format_canonical(envelope_to_json(envelope))

# SPDX-License-Identifier: Apache-2.0
"""Tokens made of software: keys of every form, and signatures laid out as OpenSSH and browsers lay them out, by other code than ours."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from byline.core.envelope import PAYLOAD_TYPE, Envelope, pae

Private: TypeAlias = "Ed25519PrivateKey | ec.EllipticCurvePrivateKey"
RELYING_PARTY = "approve.example"
APPLICATION = "ssh:byline-approve"
UP, UV = 1, 4


def private(name: str) -> Private:
    """Return the same key for the same `name`; one that speaks of ecdsa or ES256 is on P-256."""
    seed = hashlib.sha256(name.encode()).digest()
    if "ec" in name or "ES256" in name:
        return ec.derive_private_key(int.from_bytes(seed, "big") % 2**255 + 1, ec.SECP256R1())
    return Ed25519PrivateKey.from_private_bytes(seed)


def _point(key: Private) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _raw(key: Private, message: bytes) -> bytes:
    return key.sign(message) if isinstance(key, Ed25519PrivateKey) else key.sign(message, ec.ECDSA(hashes.SHA256()))


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _mpint(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


@dataclass(frozen=True)
class SpkiKey:
    """A key in a file, as its SubjectPublicKeyInfo."""

    name: str = "ed25519"

    @property
    def public(self) -> bytes:
        return private(self.name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message: bytes) -> bytes:
        return _raw(private(self.name), message)


@dataclass(frozen=True)
class SshKey:
    """A key of OpenSSH's; a token's where it has `flags`."""

    name: str = "ssh-ed25519"
    namespace: str = "approval@byline"
    hash: str = "sha512"
    flags: int | None = None

    @property
    def is_p256(self) -> bool:
        return "ecdsa" in self.name

    @property
    def public(self) -> bytes:
        curve = _string(b"nistp256") if self.is_p256 else b""
        scope = b"" if self.flags is None else _string(APPLICATION.encode())
        return _string(self.name.encode()) + curve + _string(_point(private(self.name))) + scope

    def sign(self, message: bytes) -> bytes:
        digest = hashlib.new(self.hash, message).digest()
        signed = b"SSHSIG" + b"".join(map(_string, (self.namespace.encode(), b"", self.hash.encode(), digest)))
        mark = b""
        if self.flags is not None:
            mark = struct.pack(">BI", self.flags, 7)
            signed = hashlib.sha256(APPLICATION.encode()).digest() + mark + hashlib.sha256(signed).digest()
        raw = _raw(private(self.name), signed)
        if self.is_p256:
            raw = b"".join(map(_mpint, decode_dss_signature(raw)))
        inner = _string(self.name.encode()) + _string(raw) + mark
        return (
            b"SSHSIG"
            + struct.pack(">I", 1)
            + b"".join(map(_string, (self.public, self.namespace.encode(), b"", self.hash.encode(), inner)))
        )


@dataclass(frozen=True)
class Passkey:
    """A WebAuthn credential, and the browser that asks it."""

    name: str = "EdDSA"
    flags: int = UP | UV
    origin: str = f"https://{RELYING_PARTY}"
    relying_party: str = RELYING_PARTY
    cross_origin: bool = False
    type: str = "webauthn.get"
    extensions: bytes = b""

    @property
    def public(self) -> bytes:
        point = _point(private(self.name))
        if len(point) == 32:
            return b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" + point + RELYING_PARTY.encode()
        return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + point[1:33] + b"\x22\x58\x20" + point[33:] + RELYING_PARTY.encode()

    def sign(self, message: bytes) -> bytes:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(message).digest()).rstrip(b"=").decode()
        client = json.dumps({"type": self.type, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}).encode()
        data = hashlib.sha256(self.relying_party.encode()).digest() + struct.pack(">BI", self.flags, 0) + self.extensions
        signature = _raw(private(self.name), data + hashlib.sha256(client).digest())
        parts = {"authenticatorData": data, "clientDataJSON": client, "signature": signature}
        return json.dumps({name: base64.b64encode(each).decode() for name, each in parts.items()}, separators=(",", ":")).encode()


TokenKey: TypeAlias = "SpkiKey | SshKey | Passkey"
KEYS: dict[str, TokenKey] = {
    "ed25519": SpkiKey(),
    "ssh-ed25519": SshKey(),
    "ssh-ed25519 sha256": SshKey(hash="sha256"),
    "ecdsa-sha2-nistp256": SshKey("ecdsa-sha2-nistp256"),
    "sk-ssh-ed25519": SshKey("sk-ssh-ed25519@openssh.com", flags=UP),
    "sk-ecdsa verified": SshKey("sk-ecdsa-sha2-nistp256@openssh.com", flags=UP | UV),
    "webauthn EdDSA": Passkey(),
    "webauthn ES256": Passkey("ES256", flags=UP),
}


def envelope(payload: bytes, key: TokenKey) -> Envelope:
    """Return `payload` signed by `key`."""
    return Envelope(payload=payload, signature=key.sign(pae(PAYLOAD_TYPE, payload)))

# SPDX-License-Identifier: Apache-2.0
"""The keys that sign statements: five forms of bytes, each with one spelling, told apart by how they begin.

    p256      ECDSA over P-256: SubjectPublicKeyInfo in DER, uncompressed point
    ed25519   Ed25519: SubjectPublicKeyInfo in DER (RFC 8410)
    ssh       a key of OpenSSH's in its wire form (RFC 4253): ssh-ed25519 or ecdsa-sha2-nistp256
    sk-ssh    one that lives on a token: sk-ssh-ed25519@openssh.com or sk-ecdsa-sha2-nistp256@openssh.com
    webauthn  a COSE_Key (ES256 or EdDSA, in the order that CTAP2 writes) and, after it, the id of the relying party

A key's id is SHA-256 of these bytes (`keys.ids`). What a token signs for is part of its key, as OpenSSH has it: the application of
an `sk-` key, the relying party of a WebAuthn credential. The same point in two forms is two keys.

*Presence* is what a signature itself shows about the person at the token: `none`, `present` (a touch) or `verified` (a PIN or a
finger that the token knows). A key in a file never shows any.

>>> parse_public_key(P256_PREFIX + bytes(64)).type
<KeyType.P256: 'p256'>
"""

from __future__ import annotations

import re
from enum import StrEnum

from byline.core.value import dataclass
from byline.errors import MalformedError

# SubjectPublicKeyInfo of an uncompressed P-256 point (RFC 5480): the same 27 bytes before every key's X and Y.
P256_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
P256_SIZE = len(P256_PREFIX) + 64
ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")
MAX_PUBLIC_KEY = 1024

# COSE_Key: kty EC2, alg ES256, crv P-256, then x and y; kty OKP, alg EdDSA, crv Ed25519, then x (RFC 9053).
_ES256 = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820")
_EDDSA = bytes.fromhex("a4010103272006215820")
_UNCOMPRESSED = b"\x04"
_RELYING_PARTY = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_PRINTABLE = re.compile(r"[!-~]{1,255}")
_P256_CURVE = b"nistp256"


class KeyType(StrEnum):
    """The form of a key, as trust.toml names it."""

    P256 = "p256"
    ED25519 = "ed25519"
    SSH = "ssh"
    SK_SSH = "sk-ssh"
    WEBAUTHN = "webauthn"

    @property
    def is_token(self) -> bool:
        """Whether the key lives on a token that says whether somebody was there."""
        return self in {KeyType.SK_SSH, KeyType.WEBAUTHN}


class Curve(StrEnum):
    """What the point is on."""

    P256 = "P-256"
    ED25519 = "Ed25519"


class Presence(StrEnum):
    """What a signature shows about the person, least first."""

    NONE = "none"
    PRESENT = "present"
    VERIFIED = "verified"

    @property
    def rank(self) -> int:
        """0 for `none`."""
        return list(Presence).index(self)


POINT_SIZE = {Curve.P256: 64, Curve.ED25519: 32}
_SSH_NAMES = {
    (KeyType.SSH, Curve.ED25519): b"ssh-ed25519",
    (KeyType.SSH, Curve.P256): b"ecdsa-sha2-nistp256",
    (KeyType.SK_SSH, Curve.ED25519): b"sk-ssh-ed25519@openssh.com",
    (KeyType.SK_SSH, Curve.P256): b"sk-ecdsa-sha2-nistp256@openssh.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key taken apart: `point` is X and Y (64 bytes) or an Ed25519 key (32), `scope` a token's application or relying party."""

    type: KeyType
    curve: Curve
    point: bytes
    scope: str | None = None


def is_p256(public: bytes) -> bool:
    """Whether `public` has the form of a P-256 key."""
    return len(public) == P256_SIZE and public.startswith(P256_PREFIX)


def key_type(public: bytes) -> KeyType:
    """Return the form of the key `public`.

    Raises:
        MalformedError: It is none of the five.
    """
    if is_p256(public):
        return KeyType.P256
    return parse_public_key(public).type


def parse_public_key(public: bytes) -> PublicKey:
    """Take a key apart.

    Raises:
        MalformedError: It is none of the five forms, or not spelled as `format_public_key` spells it.
    """
    if len(public) > MAX_PUBLIC_KEY:
        raise MalformedError("too long for a public key")
    key = _spki(public) or _cose(public) or _ssh(public)
    if len(key.point) != POINT_SIZE[key.curve] or format_public_key(key) != public:
        raise MalformedError("not a public key as Byline spells it")
    return key


def format_public_key(key: PublicKey) -> bytes:
    """Return the bytes of `key`."""
    is_p256, point, scope = key.curve is Curve.P256, key.point, (key.scope or "").encode()
    match key.type:
        case KeyType.P256:
            return P256_PREFIX + point
        case KeyType.ED25519:
            return ED25519_PREFIX + point
        case KeyType.WEBAUTHN:
            return (_ES256[0] + point[:32] + _ES256[1] + point[32:] if is_p256 else _EDDSA + point) + scope
        case KeyType.SSH | KeyType.SK_SSH:
            parts = [ssh_key_name(key), *([_P256_CURVE, _UNCOMPRESSED + point] if is_p256 else [point])]
            return b"".join(map(ssh_string, parts + [scope] * key.type.is_token))


def ssh_key_name(key: PublicKey) -> bytes:
    """Return what OpenSSH calls the kind of `key`, which is one of its own."""
    return _SSH_NAMES[key.type, key.curve]


def ssh_string(data: bytes) -> bytes:
    """Return `data` as a string of SSH's wire format: its length in four bytes, and itself."""
    return len(data).to_bytes(4, "big") + data


def take_ssh_string(data: bytes) -> tuple[bytes, bytes]:
    """Split the string off the beginning of `data`.

    Raises:
        MalformedError: `data` is shorter than the string says.
    """
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < max(4, end):
        raise MalformedError("a string of SSH's that ends early")
    return data[4:end], data[end:]


def _spki(public: bytes) -> PublicKey | None:
    if public.startswith(P256_PREFIX):
        return PublicKey(type=KeyType.P256, curve=Curve.P256, point=public[len(P256_PREFIX) :])
    if public.startswith(ED25519_PREFIX):
        return PublicKey(type=KeyType.ED25519, curve=Curve.ED25519, point=public[len(ED25519_PREFIX) :])
    return None


def _cose(public: bytes) -> PublicKey | None:
    if public.startswith(_ES256[0]):
        start, middle = len(_ES256[0]), len(_ES256[0]) + 32 + len(_ES256[1])
        point, rest = public[start : start + 32] + public[middle : middle + 32], public[middle + 32 :]
        return PublicKey(type=KeyType.WEBAUTHN, curve=Curve.P256, point=point, scope=_text(rest, _RELYING_PARTY))
    if public.startswith(_EDDSA):
        point, rest = public[len(_EDDSA) :][:32], public[len(_EDDSA) + 32 :]
        return PublicKey(type=KeyType.WEBAUTHN, curve=Curve.ED25519, point=point, scope=_text(rest, _RELYING_PARTY))
    return None


def _ssh(public: bytes) -> PublicKey:
    name, rest = take_ssh_string(public)
    known = next((each for each, known in _SSH_NAMES.items() if known == name), None)
    if known is None:
        raise MalformedError("a public key of a kind that Byline does not know")
    kind, curve = known
    if curve is Curve.P256:
        _, rest = take_ssh_string(rest)
    point, rest = take_ssh_string(rest)
    scope = _text(take_ssh_string(rest)[0], _PRINTABLE) if kind.is_token else None
    return PublicKey(type=kind, curve=curve, point=point.removeprefix(_UNCOMPRESSED) if curve is Curve.P256 else point, scope=scope)


def _text(data: bytes, allowed: re.Pattern[str]) -> str:
    text = data.decode("ascii", "replace")
    if allowed.fullmatch(text) is None:
        raise MalformedError("a token's key names the application or relying party that it signs for")
    return text

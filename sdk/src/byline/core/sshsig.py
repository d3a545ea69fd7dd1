# SPDX-License-Identifier: Apache-2.0
r"""What OpenSSH signs with `ssh-keygen -Y sign`: an SSHSIG blob (OpenSSH's PROTOCOL.sshsig), here over a statement.

    "SSHSIG" || uint32 1 || string key || string namespace || string "" || string hash || string signature

    signature = string name || string ed25519                     ssh-ed25519
                string name || string (mpint r || mpint s)        ecdsa-sha2-nistp256
                the same || byte flags || uint32 counter          sk-...

The key signs "SSHSIG" || namespace || "" || hash || H(message), each a string; a token signs SHA-256(application) || flags ||
counter || SHA-256 of that. The message is the pre-authentication encoding of a statement (`core.envelope`), H is SHA-256 or SHA-512.

The namespace says what a signature is for, so that none can be passed off as another: `approval@byline` for all that a person
does on purpose, `authorship@byline` for claims. Git's own namespace, and every other one, is refused. A token's signature that
nobody touched it for (bit 0 of the flags) is refused too; bit 2 says that it verified who touched it.

>>> namespace_of("https://byline.invalid/ai-authorship/v0.1"), namespace_of("https://byline.invalid/change-approval/v0.1")
('authorship@byline', 'approval@byline')
"""

from __future__ import annotations

import hashlib
import re

from byline.core.canonical import parse_base64
from byline.core.publickey import Curve, PublicKey, parse_public_key, ssh_key_name, ssh_string, take_ssh_string
from byline.core.statement import PredicateType
from byline.core.value import dataclass
from byline.errors import MalformedError

AUTHORSHIP = "authorship@byline"
APPROVAL = "approval@byline"
HASHES = ("sha256", "sha512")
PRESENT_FLAG, VERIFIED_FLAG = 0x01, 0x04

_MAGIC = b"SSHSIG"
_VERSION = (1).to_bytes(4, "big")
_SCALAR = 32
_COUNTER = 4
_ARMOR = re.compile(r"-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]+\n)+)-----END SSH SIGNATURE-----\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSignature:
    """A signature of `key`: `raw` is Ed25519's 64 bytes or r and s (32 each); a token adds its `flags` and `counter`, others None."""

    key: PublicKey
    public: bytes
    namespace: str
    hash: str
    raw: bytes
    flags: int | None = None
    counter: int = 0


def namespace_of(predicate_type: str) -> str:
    """Return the namespace in which a statement with this predicate is signed."""
    return AUTHORSHIP if predicate_type == PredicateType.AUTHORSHIP else APPROVAL


def parse_ssh_signature(blob: bytes) -> SshSignature:
    """Read an SSHSIG blob.

    Raises:
        MalformedError: It is none, or none that Byline takes: another namespace, hash or kind of key, no touch, another spelling.
    """
    if not blob.startswith(_MAGIC + _VERSION):
        raise MalformedError("not a signature of SSH's")
    public, rest = take_ssh_string(blob[len(_MAGIC + _VERSION) :])
    namespace, rest = take_ssh_string(rest)
    _, rest = take_ssh_string(rest)
    name, rest = take_ssh_string(rest)
    if namespace not in {AUTHORSHIP.encode(), APPROVAL.encode()}:
        raise MalformedError(f"SSH signatures are made in the namespace {AUTHORSHIP} or {APPROVAL}")
    if name not in {each.encode() for each in HASHES}:
        raise MalformedError(f"SSH signatures are over {' or '.join(HASHES)}")
    key = parse_public_key(public)
    _, inner = take_ssh_string(take_ssh_string(rest)[0])
    raw, mark = take_ssh_string(inner)
    found = SshSignature(
        key=key,
        public=public,
        namespace=namespace.decode(),
        hash=name.decode(),
        raw=_scalars(raw) if key.curve is Curve.P256 else raw,
        flags=int.from_bytes(mark[:1], "big") if key.type.is_token else None,
        counter=int.from_bytes(mark[1 : 1 + _COUNTER], "big") if key.type.is_token else 0,
    )
    if len(found.raw) != 2 * _SCALAR or format_ssh_signature(found) != blob:
        raise MalformedError("not a signature of SSH's as SSH spells it")
    if found.flags is not None and not found.flags & PRESENT_FLAG:
        raise MalformedError("a token signed without a touch")
    return found


def format_ssh_signature(found: SshSignature) -> bytes:
    """Return the blob."""
    raw = found.raw if found.key.curve is Curve.ED25519 else b"".join(_mpint(found.raw[at : at + _SCALAR]) for at in (0, _SCALAR))
    mark = b"" if found.flags is None else bytes([found.flags]) + found.counter.to_bytes(_COUNTER, "big")
    inner = ssh_string(ssh_key_name(found.key)) + ssh_string(raw) + mark
    parts = (found.public, found.namespace.encode(), b"", found.hash.encode(), inner)
    return _MAGIC + _VERSION + b"".join(map(ssh_string, parts))


def ssh_signed_bytes(found: SshSignature, digest: bytes) -> bytes:
    """Return what the key signed, if it signed the message with this `digest` (under `found.hash`)."""
    message = _MAGIC + b"".join(map(ssh_string, (found.namespace.encode(), b"", found.hash.encode(), digest)))
    if found.flags is None:
        return message
    scope = hashlib.sha256((found.key.scope or "").encode()).digest()
    return scope + bytes([found.flags]) + found.counter.to_bytes(_COUNTER, "big") + hashlib.sha256(message).digest()


def parse_ssh_armor(text: str) -> bytes:
    """Return the blob in the text that `ssh-keygen -Y sign` writes.

    Raises:
        MalformedError: It is no such text.
    """
    match = _ARMOR.fullmatch(text)
    if match is None:
        raise MalformedError("not the text of an SSH signature")
    return parse_base64(match[1].replace("\n", ""))


def _scalars(data: bytes) -> bytes:
    r, rest = take_ssh_string(data)
    s, _ = take_ssh_string(rest)
    return b"".join(each.removeprefix(b"\0").rjust(_SCALAR, b"\0") for each in (r, s))


def _mpint(scalar: bytes) -> bytes:
    number = scalar.lstrip(b"\0")
    return ssh_string(b"\0" + number if number[:1] >= b"\x80" else number)

# SPDX-License-Identifier: Apache-2.0
"""Whose signature it is, for every form of key (`core.publickey`).

    p256       ECDSA over the message
    ed25519    Ed25519 over the message itself, not over a hash of it
    ssh        an SSHSIG blob over a hash of the message, in a namespace of ours (`core.sshsig`)
    sk-ssh     the same from a token, which says whether somebody touched it
    webauthn   an assertion whose challenge is the SHA-256 of the message (`core.webauthn`)

All but Ed25519 sign a hash: they can be checked from a leaf of the log alone, whose payload may be gone.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from byline.core.publickey import P256_PREFIX, Curve, KeyType, Presence, PublicKey, is_p256, key_type, parse_public_key
from byline.core.sshsig import PRESENT_FLAG, VERIFIED_FLAG, parse_ssh_signature, ssh_signed_bytes
from byline.core.webauthn import check_assertion, parse_assertion
from byline.errors import MalformedError, SignatureError
from byline.keys.ids import key_id
from byline.keys.p256 import KeyCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from byline.core.entry import Entry


class Signatures:
    """Checks signatures, and keeps parsed P-256 keys for the next one. Not thread-safe; each user has their own."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys = KeyCache()

    def verify(self, public: bytes, signature: bytes, message: bytes, *, namespace: str) -> Presence:
        """Return what the signature of `message` by the key `public` shows about the person, once it is known to be one.

        `namespace` (`core.sshsig.namespace_of`) is what it has to be made for, where its kind says so.

        Raises:
            SignatureError: It is not by this key, over something else, for something else, or not spelled as its kind asks.
        """
        if is_p256(public):  # most of them, and nothing else of this costs them time
            self._keys.check(public, signature, message)
            return Presence.NONE
        with _refusing(public):
            if key_type(public) is KeyType.ED25519:
                self._check_point(parse_public_key(public), signature, message)
                return Presence.NONE
            return self._verify_hashed(public, signature, lambda name: hashlib.new(name, message).digest(), namespace)

    def verify_entry(self, entry: Entry, *, namespace: str | None = None) -> Presence:
        """Return what the signature in `entry` shows, once it is known to be by its key; without what was signed, whose hash it has.

        Raises:
            SignatureError: As `verify`, and of every Ed25519 signature: those are over what is not here.
        """
        with _refusing(entry.public):
            kind = key_type(entry.public)
            if kind is KeyType.P256:
                self._keys.check_digest(entry.public, entry.signature, entry.digest)
                return Presence.NONE
            if kind is KeyType.ED25519:
                raise SignatureError("an Ed25519 signature can only be checked with what was signed")
            return self._verify_hashed(entry.public, entry.signature, lambda _: entry.digest, namespace)

    def _verify_hashed(self, public: bytes, signature: bytes, digest: Callable[[str], bytes], namespace: str | None) -> Presence:
        if key_type(public) is KeyType.WEBAUTHN:
            return self._verify_webauthn(public, signature, digest("sha256"))
        found = parse_ssh_signature(signature)
        if found.public != public:
            raise SignatureError("the SSH signature names another key")
        if namespace not in {None, found.namespace}:
            raise SignatureError(f"an SSH signature in the namespace {found.namespace}, not {namespace}")
        self._check_point(found.key, found.raw, ssh_signed_bytes(found, digest(found.hash)))
        return _presence(found.flags or 0)

    def _verify_webauthn(self, public: bytes, signature: bytes, digest: bytes) -> Presence:
        key, found = parse_public_key(public), parse_assertion(signature)
        check_assertion(found, key, digest)
        self._check_point(key, found.signature, found.signed_bytes)
        return _presence(found.flags)

    def _check_point(self, key: PublicKey, signature: bytes, message: bytes) -> None:
        if key.curve is Curve.P256:
            self._keys.check(P256_PREFIX + key.point, signature if key.type is KeyType.WEBAUTHN else _to_der(signature), message)
            return
        try:
            Ed25519PublicKey.from_public_bytes(key.point).verify(signature, message)
        except InvalidSignature as error:
            raise SignatureError("the signature is not by this Ed25519 key") from error


def _to_der(raw: bytes) -> bytes:
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


@contextlib.contextmanager
def _refusing(public: bytes) -> Iterator[None]:
    try:
        yield
    except MalformedError as error:
        raise SignatureError(f"the signature is not by key {key_id(public)[:16]}: {error}") from error


def _presence(flags: int) -> Presence:
    if flags & VERIFIED_FLAG:
        return Presence.VERIFIED
    return Presence.PRESENT if flags & PRESENT_FLAG else Presence.NONE

# SPDX-License-Identifier: Apache-2.0
"""ECDSA over P-256 with SHA-256: the keys that sign statements.

Private: PKCS#8 in PEM, unencrypted, mode 0600. Public: SubjectPublicKeyInfo in DER, uncompressed point. Key id = SHA-256 of the
public key in hex. Signature: DER (ASN.1 SEQUENCE of r and s). Signing is deterministic (RFC 6979) where OpenSSL can: the same
statement signed again is the same envelope.

>>> key = PrivateKey.from_seed(1)
>>> check_signature(key.public, key.sign(b"statement"), b"statement")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from byline.core.entry import P256_PREFIX, P256_SIZE
from byline.errors import ConfigError, SignatureError
from byline.keys.files import load_secret, save_secret
from byline.keys.ids import key_id

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KeyCache", "PrivateKey", "check_signature", "key_id", "load_key", "make_key"]

_ECDSA = ec.ECDSA(hashes.SHA256())


class PrivateKey:
    """A `core.ports.Signer` over a key in memory."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def generate(cls) -> Self:
        """Return a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_seed(cls, secret: int) -> Self:
        """Return the key with the private number `secret`: for examples and tests."""
        return cls(ec.derive_private_key(secret, ec.SECP256R1()))

    @property
    def public(self) -> bytes:
        """The public key, SPKI DER."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the DER signature over `message`."""
        try:
            return self._key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        except UnsupportedAlgorithm:
            # OpenSSL before 3.2: a random nonce is as safe, only not repeatable.
            return self._key.sign(message, _ECDSA)

    def to_pem(self) -> bytes:
        """Return the private key as unencrypted PKCS#8 PEM."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class KeyCache:
    """Parsed public keys, at most `limit`: parsing a key costs as much as a check. Not thread-safe; each user has their own."""

    __slots__ = ("_keys", "_limit")

    def __init__(self, limit: int = 1024) -> None:
        self._keys: dict[bytes, ec.EllipticCurvePublicKey] = {}
        self._limit = limit

    def check(self, spki: bytes, signature: bytes, message: bytes) -> None:
        """Check that the key `spki` (DER) made `signature` (DER) over `message`.

        Raises:
            SignatureError: It did not, or `spki` is not a P-256 key.
        """
        key = self._keys.get(spki)
        if key is None:
            key = _load_public(spki)
            if len(self._keys) >= self._limit:
                self._keys.clear()
            self._keys[spki] = key
        try:
            key.verify(signature, message, _ECDSA)
        except InvalidSignature as error:
            raise SignatureError(f"the signature is not by key {key_id(spki)[:16]}") from error


def make_key(path: Path) -> PrivateKey:
    """Make a new key and store it in the new file `path`, mode 0600.

    Raises:
        ConfigError: There is a file already, or it cannot be made.
    """
    key = PrivateKey.generate()
    save_secret(path, key.to_pem())
    return key


def load_key(path: Path) -> PrivateKey:
    """Return the key in the file `path`.

    Raises:
        ConfigError: It cannot be read, others may read it, or it is no P-256 key.
    """
    try:
        key = load_pem_private_key(load_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path.name} is not an unencrypted private key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{path.name} is not a P-256 key")
    return PrivateKey(key)


def check_signature(spki: bytes, signature: bytes, message: bytes) -> None:
    """Check that the key `spki` (DER) made `signature` (DER) over `message`; for many, use a `KeyCache`.

    Raises:
        SignatureError: It did not, or `spki` is not a P-256 key.
    """
    KeyCache(1).check(spki, signature, message)


def _load_public(spki: bytes) -> ec.EllipticCurvePublicKey:
    # One spelling of a key, so that one key has one id.
    if len(spki) != P256_SIZE or not spki.startswith(P256_PREFIX):
        raise SignatureError("not a P-256 public key")
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError("not a point of P-256") from error
    assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - the prefix says so
    return key

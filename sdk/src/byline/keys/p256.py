# SPDX-License-Identifier: Apache-2.0
"""ECDSA over P-256 with SHA-256: the keys that sign statements.

Private: PKCS#8 in PEM, unencrypted, mode 0600. Public: SubjectPublicKeyInfo in DER, uncompressed point. Key id = SHA-256 of the
public key in hex. Signature: DER (ASN.1 SEQUENCE of r and s). Signing is deterministic (RFC 6979) where OpenSSL can: the same
statement signed again is the same envelope.

>>> key = PrivateKey.from_seed(1)
>>> check_signature(key.public, key.sign(b"statement"), b"statement")
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from byline.core.publickey import P256_PREFIX, P256_SIZE
from byline.errors import ConfigError, SignatureError
from byline.keys.files import load_secret, save_secret
from byline.keys.ids import key_id

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KeyCache", "PrivateKey", "check_signature", "key_id", "load_key", "make_key"]

# PKCS#8 of a P-256 key as OpenSSL writes it: 32 bytes of secret between the one, X and Y after the other.
_PKCS8 = bytes.fromhex("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420"), bytes.fromhex("a144034200")
_PEM = b"-----BEGIN PRIVATE KEY-----\n", b"\n-----END PRIVATE KEY-----\n"
_SECRET = slice(36, 68)


class _Ecdsa(ec.ECDSA):
    """ECDSA with SHA-256, made without asking whether OpenSSL can: the answer imports every cipher, and signing gives it anyway."""

    def __init__(self, *, is_deterministic: bool) -> None:
        self._is_deterministic = is_deterministic

    @property
    def algorithm(self) -> hashes.SHA256:
        return hashes.SHA256()

    @property
    def deterministic_signing(self) -> bool:
        return self._is_deterministic


_ECDSA, _REPEATABLE = _Ecdsa(is_deterministic=False), _Ecdsa(is_deterministic=True)


class PrivateKey:
    """A `core.ports.Signer` over a key in memory."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        point = key.public_key().public_numbers()
        self._public = P256_PREFIX + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")

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
            return self._key.sign(message, _REPEATABLE)
        except (UnsupportedAlgorithm, InternalError):
            # OpenSSL before 3.2, or in FIPS mode: a random nonce is as safe, only not repeatable.
            return self._key.sign(message, _ECDSA)

    def to_pem(self) -> bytes:
        """Return the private key as unencrypted PKCS#8 PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

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
        self._check(spki, signature, message, _ECDSA)

    def check_digest(self, spki: bytes, signature: bytes, digest: bytes) -> None:
        """Check that the key `spki` (DER) made `signature` (DER) over what has the SHA-256 `digest`.

        Raises:
            SignatureError: It did not, `spki` is not a P-256 key, or `digest` is not a SHA-256.
        """
        try:
            self._check(spki, signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
        except ValueError as error:
            raise SignatureError("the signature is over another kind of hash") from error

    def _check(self, spki: bytes, signature: bytes, message: bytes, algorithm: ec.ECDSA) -> None:
        key = self._keys.get(spki)
        if key is None:
            key = _load_public(spki)
            if len(self._keys) >= self._limit:
                self._keys.clear()
            self._keys[spki] = key
        try:
            key.verify(signature, message, algorithm)
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
    data = load_secret(path)
    return _load_own(data) or _load_any(data, path)


def check_signature(spki: bytes, signature: bytes, message: bytes) -> None:
    """Check that the key `spki` (DER) made `signature` (DER) over `message`; for many, use a `KeyCache`.

    Raises:
        SignatureError: It did not, or `spki` is not a P-256 key.
    """
    KeyCache(1).check(spki, signature, message)


def check_digest(spki: bytes, signature: bytes, digest: bytes) -> None:
    """Check that the key `spki` (DER) made `signature` (DER) over what has the SHA-256 `digest`.

    Raises:
        SignatureError: It did not, `spki` is not a P-256 key, or `digest` is not a SHA-256.
    """
    KeyCache(1).check_digest(spki, signature, digest)


def _load_own(data: bytes) -> PrivateKey | None:
    """Return the key that `to_pem` wrote, None if this is another spelling: the general reader takes a third of a start to import."""
    if not (data.startswith(_PEM[0]) and data.endswith(_PEM[1])):
        return None
    try:
        der = binascii.a2b_base64(data[len(_PEM[0]) : -len(_PEM[1])])
        key = PrivateKey.from_seed(int.from_bytes(der[_SECRET], "big"))
    except ValueError:
        return None
    point = key.public.removeprefix(P256_PREFIX[:-1])
    return key if der == _PKCS8[0] + der[_SECRET] + _PKCS8[1] + point else None


def _load_any(data: bytes, path: Path) -> PrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path.name} is not an unencrypted private key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{path.name} is not a P-256 key")
    return PrivateKey(key)


def _load_public(spki: bytes) -> ec.EllipticCurvePublicKey:
    # One spelling of a key, so that one key has one id.
    if len(spki) != P256_SIZE or not spki.startswith(P256_PREFIX):
        raise SignatureError("not a P-256 public key")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), spki[len(P256_PREFIX) - 1 :])
    except ValueError as error:
        raise SignatureError("not a point of P-256") from error

# SPDX-License-Identifier: Apache-2.0
r"""Keys of witnesses: Ed25519, and ML-DSA-44 where `cryptography` has it (`core.cosignature` says what they sign).

A private key is one line in the form of Go's `note` package, as a log's is (`keys.ed25519`), mode 0600:

    PRIVATE+KEY+<name>+<key id in hex>+<base64 of 0x04 or 0x06 || 32-byte seed>\n

>>> key = WitnessKey("witness.example", bytes(32))
>>> WitnessVerifier(key.note_key).check(b"log.example\n", key.at(7).sign(b"log.example\n"))
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from byline.core.cosignature import cosigned_bytes, join_cosignature, split_cosignature
from byline.core.note import COSIGNATURE, ML_DSA_44, NoteKey, format_vkey, parse_vkey
from byline.errors import CheckpointError, ConfigError, MalformedError, SignatureError
from byline.keys.ed25519 import format_private, parse_private
from byline.keys.files import load_secret, save_secret

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.ports import NoteSigner

SEED_SIZE = 32


class WitnessKey:
    """A witness' key over a seed in memory; `at` a time it signs."""

    __slots__ = ("_key", "_seed", "note_key")

    def __init__(self, name: str, seed: bytes, algorithm: int = COSIGNATURE) -> None:
        """Make the key from `seed`.

        Raises:
            CheckpointError: No witness can have this name, or there is no such algorithm.
        """
        self._seed = seed
        self._key: Any = Ed25519PrivateKey.from_private_bytes(seed) if algorithm == COSIGNATURE else _ml_dsa_private(algorithm, seed)
        public = self._key.public_key().public_bytes_raw()
        self.note_key = parse_vkey(format_vkey(NoteKey(name=name, algorithm=algorithm, public=public)))

    @classmethod
    def generate(cls, name: str, algorithm: int = COSIGNATURE) -> Self:
        """Return a new key.

        Raises:
            CheckpointError: No witness can have this name, or there is no such algorithm.
        """
        return cls(name, secrets.token_bytes(SEED_SIZE), algorithm)

    @property
    def vkey(self) -> str:
        """The public key as a vkey."""
        return format_vkey(self.note_key)

    def at(self, time: int) -> NoteSigner:
        """Return who signs as this witness at `time` (seconds since 1970)."""
        return _Moment(self, time)

    def sign(self, text: str, time: int) -> bytes:
        """Return the signature of a note about `text`, made at `time`.

        Raises:
            CheckpointError: `text` is none that such a key signs.
        """
        raw: bytes = self._key.sign(cosigned_bytes(self.note_key, time, text))
        return join_cosignature(time, raw)

    def to_text(self) -> str:
        """Return the private key as one line."""
        return format_private(self.note_key, self._seed)


class _Moment:
    """A `core.ports.NoteSigner`."""

    __slots__ = ("_key", "_time")

    def __init__(self, key: WitnessKey, time: int) -> None:
        self._key = key
        self._time = time

    @property
    def name(self) -> str:
        return self._key.note_key.name

    @property
    def key_id(self) -> bytes:
        return self._key.note_key.key_id

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message.decode(), self._time)


class WitnessVerifier:
    """A `core.ports.NoteVerifier` of a witness' cosignatures."""

    __slots__ = ("_key", "note_key")

    def __init__(self, note_key: NoteKey) -> None:
        """Read the key.

        Raises:
            CheckpointError: It is none of a witness, or of an algorithm that `cryptography` does not have here.
        """
        self.note_key = note_key
        is_ed25519 = note_key.algorithm == COSIGNATURE
        self._key: Any = Ed25519PublicKey.from_public_bytes(note_key.public) if is_ed25519 else _ml_dsa_public(note_key)

    @property
    def name(self) -> str:
        """The name of the witness."""
        return self.note_key.name

    @property
    def key_id(self) -> bytes:
        """The key's id in notes, four bytes."""
        return self.note_key.key_id

    def check(self, message: bytes, signature: bytes) -> None:
        """Check the cosignature `signature` over the text `message`.

        Raises:
            SignatureError: The witness did not make it.
        """
        try:
            time, raw = split_cosignature(self.note_key, signature)
            self._key.verify(raw, cosigned_bytes(self.note_key, time, message.decode()))
        except (InvalidSignature, MalformedError) as error:
            raise SignatureError(f"the cosignature is not by {self.name}") from error


def load_witness_verifier(vkey: str) -> WitnessVerifier:
    """Return the verifier of a witness' vkey.

    Raises:
        CheckpointError: Not a vkey of a witness, or of an algorithm that `cryptography` does not have here.
    """
    return WitnessVerifier(parse_vkey(vkey))


def make_witness_key(path: Path, name: str, algorithm: int = COSIGNATURE) -> WitnessKey:
    """Make a new key for the witness `name` and store it in the new file `path`, mode 0600.

    Raises:
        CheckpointError: No witness can have this name, or there is no such algorithm.
        ConfigError: There is a file already, or it cannot be made.
    """
    key = WitnessKey.generate(name, algorithm)
    save_secret(path, key.to_text().encode())
    return key


def load_witness_key(path: Path) -> WitnessKey:
    """Return the witness' key in the file `path`.

    Raises:
        ConfigError: It cannot be read, others may read it, or it is no witness' key.
    """
    what = f"{path.name} is not the private key of a witness"
    try:
        text = load_secret(path).decode()
        name, algorithm, seed = parse_private(text)
        key = WitnessKey(name, seed, algorithm)
    except (MalformedError, ValueError) as error:
        raise ConfigError(what) from error
    if key.to_text() != text:
        raise ConfigError(what)
    return key


def _ml_dsa_private(algorithm: int, seed: bytes) -> Any:  # noqa: ANN401 - of the module below
    try:
        return _ml_dsa(algorithm).MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm as error:
        raise CheckpointError("OpenSSL has no ML-DSA-44 here") from error


def _ml_dsa_public(key: NoteKey) -> Any:  # noqa: ANN401 - of the module below
    try:
        return _ml_dsa(key.algorithm).MLDSA44PublicKey.from_public_bytes(key.public)
    except UnsupportedAlgorithm as error:
        raise CheckpointError("OpenSSL has no ML-DSA-44 here") from error


def _ml_dsa(algorithm: int) -> Any:  # noqa: ANN401 - a module that older releases of cryptography lack
    if algorithm != ML_DSA_44:
        raise CheckpointError("the key of a witness is one for cosignatures: Ed25519 (4) or ML-DSA-44 (6)")
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError as error:
        raise CheckpointError("this release of cryptography has no ML-DSA-44") from error
    return mldsa

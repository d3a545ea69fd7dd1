# SPDX-License-Identifier: Apache-2.0
r"""Ed25519: the keys that sign checkpoints, and keys of people and services that sign statements.

A private key is one line in the form of Go's `note` package, mode 0600; the public key is a vkey (`core.note`):

    PRIVATE+KEY+<name>+<key id in hex>+<base64 of 0x01 || 32-byte seed>\n

>>> key = LogKey("log.example", bytes(32))
>>> LogVerifier(key.note_key).check(b"text", key.sign(b"text"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from byline.core.canonical import format_base64, parse_base64
from byline.core.note import ED25519, NoteKey, format_vkey, parse_vkey
from byline.core.publickey import ED25519_PREFIX
from byline.errors import CheckpointError, ConfigError, MalformedError, SignatureError
from byline.keys.files import load_secret, save_secret

if TYPE_CHECKING:
    from pathlib import Path

_SEED_SIZE = 32
_PARTS = 3
_MARK = "PRIVATE+KEY+"


class LogKey:
    """A `core.ports.NoteSigner` over a seed in memory."""

    __slots__ = ("_key", "_seed", "note_key")

    def __init__(self, name: str, seed: bytes) -> None:
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.note_key = parse_vkey(format_vkey(NoteKey(name=name, algorithm=ED25519, public=public)))

    @classmethod
    def generate(cls, name: str) -> Self:
        """Return a new key for the log `name`.

        Raises:
            CheckpointError: No log can have this name.
        """
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def name(self) -> str:
        """The name of the key, a log's origin."""
        return self.note_key.name

    @property
    def key_id(self) -> bytes:
        """The key's id in notes, four bytes."""
        return self.note_key.key_id

    @property
    def vkey(self) -> str:
        """The public key as a vkey."""
        return format_vkey(self.note_key)

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes) over `message`."""
        return self._key.sign(message)

    def to_text(self) -> str:
        """Return the private key as one line."""
        return format_private(self.note_key, self._seed)


class StatementKey:
    """A `core.ports.Signer`: an Ed25519 key for statements, SubjectPublicKeyInfo in DER (`core.publickey`)."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> bytes:
        """The public key, SPKI DER."""
        return ED25519_PREFIX + self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes) over `message`."""
        return self._key.sign(message)


class LogVerifier:
    """A `core.ports.NoteVerifier`: the public half of a log's key."""

    __slots__ = ("_key", "note_key")

    def __init__(self, note_key: NoteKey) -> None:
        if note_key.algorithm != ED25519:
            raise CheckpointError("the key of a log is an Ed25519 key")
        self.note_key = note_key
        self._key = Ed25519PublicKey.from_public_bytes(note_key.public)

    @property
    def name(self) -> str:
        """The name of the key, a log's origin."""
        return self.note_key.name

    @property
    def key_id(self) -> bytes:
        """The key's id in notes, four bytes."""
        return self.note_key.key_id

    @property
    def vkey(self) -> str:
        """The key as a vkey."""
        return format_vkey(self.note_key)

    def check(self, message: bytes, signature: bytes) -> None:
        """Check `signature` over `message`.

        Raises:
            SignatureError: The key did not make it.
        """
        try:
            self._key.verify(signature, message)
        except InvalidSignature as error:
            raise SignatureError(f"the signature is not by {self.name}") from error


def load_verifier(vkey: str) -> LogVerifier:
    """Return the verifier of a log's vkey.

    Raises:
        CheckpointError: Not a vkey of an Ed25519 key.
    """
    return LogVerifier(parse_vkey(vkey))


def make_log_key(path: Path, name: str) -> LogKey:
    """Make a new key for the log `name` and store it in the new file `path`, mode 0600.

    Raises:
        CheckpointError: No log can have this name.
        ConfigError: There is a file already, or it cannot be made.
    """
    key = LogKey.generate(name)
    save_secret(path, key.to_text().encode())
    return key


def load_log_key(path: Path) -> LogKey:
    """Return the log key in the file `path`.

    Raises:
        ConfigError: It cannot be read, others may read it, or it is no log key.
    """
    what = f"{path.name} is not the private key of a log"
    try:
        text = load_secret(path).decode()
        name, _, seed = parse_private(text)
        key = LogKey(name, seed)
    except (MalformedError, ValueError) as error:
        raise ConfigError(what) from error
    if key.to_text() != text:
        raise ConfigError(what)
    return key


def format_private(key: NoteKey, seed: bytes) -> str:
    """Return the private key of `key`, made from `seed`, as one line."""
    return f"{_MARK}{key.name}+{key.key_id.hex()}+{format_base64(bytes([key.algorithm]) + seed)}\n"


def parse_private(text: str) -> tuple[str, int, bytes]:
    """Return the name, the algorithm and the seed that `text` claims; who makes the key of them compares its `format_private`.

    Raises:
        MalformedError: It is no such line.
    """
    parts = text.removeprefix(_MARK).removesuffix("\n").split("+", 2)
    raw = parse_base64(parts[-1])
    if len(parts) != _PARTS or len(raw) != 1 + _SEED_SIZE:
        raise MalformedError("not the line of a private key")
    return parts[0], raw[0], raw[1:]

# SPDX-License-Identifier: Apache-2.0
r"""Signed notes: a text that people can read, and lines of signatures under it (C2SP signed-note).

    <text: lines, each ended by \n>
    \n
    — <key name> <base64 of 4 bytes key id || signature>\n        one line for each signature; U+2014, one space

UTF-8, no control character but the line feed. A key name is not empty and holds neither white space nor `+`. The key id is the
start of SHA-256(name || 0x0A || algorithm || public key), the algorithm 0x01 being Ed25519, 0x04 and 0x06 a witness' Ed25519 and
ML-DSA-44 (`core.cosignature`). A public key is written as a vkey:

    <name>+<key id in hex>+<base64 of algorithm || public key>

Who opens a note names the keys they know. Signatures of others are ignored; a bad signature under a known key rejects the whole
note, whatever else it holds.

>>> parse_note("hello\n\n\u2014 example.org AAAAAQI=\n").signatures[0].name
'example.org'
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, parse_base64
from byline.core.value import dataclass
from byline.errors import CheckpointError, MalformedError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.ports import NoteSigner, NoteVerifier

# What a key signs, and by which algorithm: a note's text, or as a witness what `core.cosignature` says.
ED25519, COSIGNATURE, ML_DSA_44 = 1, 4, 6
PUBLIC_SIZE = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312}
KEY_ID_SIZE = 4
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_DASH = "\u2014 "
_NAME = re.compile(r"[^+\s\x00-\x1f]+")
# Control characters, and surrogates, which UTF-8 cannot say.
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: `name` and `key_id` (4 bytes) say whose it claims to be."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """`text` (ends in a line feed) and its signatures, none of them checked unless `open_note` made the value."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """A public key for notes: `name`, `algorithm` (one byte) and the raw public key."""

    name: str
    algorithm: int
    public: bytes

    @property
    def log_id(self) -> bytes:
        """SHA-256 over name, algorithm and key: the whole id, by which Sigstore's trusted roots name a log."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()

    @property
    def key_id(self) -> bytes:
        """The first four bytes of `log_id`."""
        return self.log_id[:KEY_ID_SIZE]


def parse_note(data: str) -> Note:
    """Read a signed note without checking who signed.

    Raises:
        CheckpointError: Not a signed note.
    """
    if len(data) > MAX_NOTE or _FORBIDDEN.search(data):
        raise CheckpointError("a note is at most a million characters, none of them a control character")
    text, blank, lines = data.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n"):
        raise CheckpointError("a note is text, an empty line and signature lines")
    signatures = tuple(_parse_line(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise CheckpointError(f"more than {MAX_SIGNATURES} signatures")
    return Note(text=text + "\n", signatures=signatures)


def format_note(note: Note) -> str:
    """Return `note` as it is stored and sent."""
    return f"{note.text}\n{format_signatures(note.signatures)}"


def format_signatures(signatures: Sequence[NoteSignature]) -> str:
    """Return the lines of `signatures`."""
    return "".join(f"{_DASH}{each.name} {format_base64(each.key_id + each.signature)}\n" for each in signatures)


def sign_note(text: str, signers: Sequence[NoteSigner]) -> str:
    """Return `text` as a note signed by each of `signers`.

    Raises:
        CheckpointError: `text` cannot stand in a note.
    """
    signatures = tuple(NoteSignature(name=key.name, key_id=key.key_id, signature=key.sign(text.encode())) for key in signers)
    data = format_note(Note(text=text, signatures=signatures))
    if parse_note(data).text != text:
        raise CheckpointError("this text cannot stand in a note")
    return data


def open_note(data: str, verifiers: Sequence[NoteVerifier]) -> Note:
    """Return the note with only the signatures that `verifiers` made; there is at least one.

    Raises:
        CheckpointError: Not a signed note.
        SignatureError: None of `verifiers` signed, or a line under the name of one of them is not theirs.
    """
    note = parse_note(data)
    known = {(each.name, each.key_id): each for each in verifiers}
    good: dict[tuple[str, bytes], NoteSignature] = {}
    for line in note.signatures:
        who = (line.name, line.key_id)
        if who in known:
            known[who].check(note.text.encode(), line.signature)
            good.setdefault(who, line)
    if not good:
        hint = f"who did: {', '.join(sorted({each.name for each in note.signatures}))}"
        raise SignatureError("no known key signed this note", hint=hint)
    return Note(text=note.text, signatures=tuple(good.values()))


def parse_vkey(text: str) -> NoteKey:
    """Read a public key for notes.

    Raises:
        CheckpointError: Not a vkey, or its id is not that of its key.
    """
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    _check_name(name)
    try:
        raw = parse_base64(encoded)
    except MalformedError as error:
        raise CheckpointError(f"not a vkey: {error}") from error
    if not raw or len(raw) - 1 != PUBLIC_SIZE.get(raw[0], len(raw) - 1):
        raise CheckpointError("not a vkey: no key of a known length")
    key = NoteKey(name=name, algorithm=raw[0], public=raw[1:])
    if key.key_id.hex() != key_id:
        raise CheckpointError("the id of a vkey is not that of its key")
    return key


def format_vkey(key: NoteKey) -> str:
    """Return `key` as a vkey."""
    return f"{key.name}+{key.key_id.hex()}+{format_base64(bytes([key.algorithm]) + key.public)}"


def is_name(name: str) -> bool:
    """Whether a key, and so a log, can have this name."""
    return _NAME.fullmatch(name) is not None


def _parse_line(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise CheckpointError("not a signature line")
    _check_name(name)
    try:
        raw = parse_base64(encoded)
    except MalformedError as error:
        raise CheckpointError(f"not a signature line: {error}") from error
    if len(raw) <= KEY_ID_SIZE:
        raise CheckpointError("not a signature line: no signature")
    return NoteSignature(name=name, key_id=raw[:KEY_ID_SIZE], signature=raw[KEY_ID_SIZE:])


def _check_name(name: str) -> None:
    if not is_name(name):
        raise CheckpointError("a key name is not empty and holds neither white space nor a plus sign")

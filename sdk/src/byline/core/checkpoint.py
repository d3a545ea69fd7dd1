# SPDX-License-Identifier: Apache-2.0
r"""What a log signs: its name, its size and its root (C2SP tlog-checkpoint).

The text of a signed note (`core.note`) of exactly three lines:

    <origin>\n
    <number of entries, decimal, no leading zeros>\n
    <base64 of the 32-byte root>\n

Origin = the log's host name = the name of its key. Extension lines are refused: not every kind of witness signature covers them.

>>> format_checkpoint(Checkpoint(origin="log.example", size=0, root=bytes(32))).splitlines()[1]
'0'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from byline.core.canonical import format_base64, parse_base64
from byline.core.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from byline.core.note import is_name, open_note
from byline.core.value import dataclass
from byline.errors import CheckpointError, MalformedError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.ports import NoteVerifier

Who = TypeVar("Who", bound="NoteVerifier")

_LINES = 3
_DIGITS = len(str(MAX_SIZE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A log's `origin`, the number of its entries and their root (32 bytes)."""

    origin: str
    size: int
    root: bytes


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint's note.

    Raises:
        CheckpointError: Not exactly the three lines.
    """
    *lines, last = text.split("\n")
    if len(lines) != _LINES or last:
        raise CheckpointError("a checkpoint has three lines")
    origin, count, encoded = lines
    if not is_name(origin):
        raise CheckpointError("the origin of a checkpoint is the name of a log")
    if not (count.isascii() and count.isdigit()) or len(count) > _DIGITS or str(int(count)) != count or int(count) > MAX_SIZE:
        raise CheckpointError("the size of a checkpoint is a decimal number without leading zeros")
    try:
        root = parse_base64(encoded)
    except MalformedError as error:
        raise CheckpointError(f"the root of a checkpoint: {error}") from error
    if len(root) != HASH_SIZE:
        raise CheckpointError("the root of a checkpoint has 32 bytes")
    if count == "0" and root != EMPTY_ROOT:
        raise CheckpointError("the empty tree has another root")
    return Checkpoint(origin=origin, size=int(count), root=root)


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the text to be signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{format_base64(checkpoint.root)}\n"


def open_checkpoint(data: str, log: NoteVerifier) -> Checkpoint:
    """Return the checkpoint that `log` signed in the note `data`.

    Raises:
        CheckpointError: Not a note, or not a checkpoint.
        SignatureError: `log` did not sign it, or it speaks for another log.
    """
    return open_cosigned(data, log, ())[0]


def open_cosigned(data: str, log: NoteVerifier, witnesses: Sequence[Who]) -> tuple[Checkpoint, tuple[Who, ...]]:
    """Return the checkpoint that `log` signed in the note `data`, and those of `witnesses` who cosigned it.

    Raises:
        CheckpointError: Not a note, or not a checkpoint.
        SignatureError: `log` did not sign it, it speaks for another log, or a line under the name of one of `witnesses` is not theirs.
    """
    note = open_note(data, [log, *witnesses])
    signed = {(each.name, each.key_id) for each in note.signatures}
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != log.name or (log.name, log.key_id) not in signed:
        raise SignatureError("the checkpoint is not signed by the log that it names")
    return checkpoint, tuple(each for each in witnesses if (each.name, each.key_id) in signed)

# SPDX-License-Identifier: Apache-2.0
r"""What a witness signs about a checkpoint (C2SP tlog-cosignature): a line of the note, with the time at which it was made.

    signature = uint64 time || raw            time in seconds since 1970; 64 bytes of Ed25519, or 2420 of ML-DSA-44

The algorithm is part of the key (`core.note.NoteKey`), and says what is signed. Ed25519 (0x04) signs the note's text under two
lines; it does not bind the name of the witness, so one key is one witness:

    cosignature/v1\n
    time <time, decimal>\n
    <text of the note>

ML-DSA-44 (0x06) signs what the checkpoint says, and who cosigns it:

    "subtree/v1\n\0" || uint8 length || witness || uint64 time || uint8 length || origin || uint64 0 || uint64 size || root

A cosignature says: at this time this was the largest tree of the log that I had seen, and it goes on from all before.

>>> cosigned_bytes(NoteKey(name="w", algorithm=COSIGNATURE, public=bytes(32)), 7, "log.example\n...\n")
b'cosignature/v1\ntime 7\nlog.example\n...\n'
"""

from __future__ import annotations

from byline.core.checkpoint import parse_checkpoint
from byline.core.note import COSIGNATURE, ML_DSA_44, NoteKey
from byline.errors import CheckpointError

RAW_SIZE = {COSIGNATURE: 64, ML_DSA_44: 2420}
_TIME_SIZE = 8
_MAX_TIME = 2**63 - 1
_MAX_NAME = 255


def cosigned_bytes(key: NoteKey, time: int, text: str) -> bytes:
    """Return what the witness `key` signs at `time` about the note with this `text`.

    Raises:
        CheckpointError: The key is none of a witness, or an ML-DSA-44 key shall sign what is no checkpoint.
    """
    if key.algorithm == COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    if key.algorithm != ML_DSA_44:
        raise CheckpointError("the key of a witness is one for cosignatures: Ed25519 (4) or ML-DSA-44 (6)")
    claimed, name = parse_checkpoint(text), key.name.encode()
    origin = claimed.origin.encode()
    if max(len(name), len(origin)) > _MAX_NAME:
        raise CheckpointError(f"a name in a cosignature has at most {_MAX_NAME} bytes")
    who = bytes([len(name)]) + name + time.to_bytes(8, "big")
    what = bytes([len(origin)]) + origin + bytes(8) + claimed.size.to_bytes(8, "big") + claimed.root
    return b"subtree/v1\n\0" + who + what


def join_cosignature(time: int, raw: bytes) -> bytes:
    """Return the signature of a note that holds `raw`, made at `time`."""
    return time.to_bytes(_TIME_SIZE, "big") + raw


def split_cosignature(key: NoteKey, signature: bytes) -> tuple[int, bytes]:
    """Return the time and the raw signature in a note's signature by the witness `key`.

    Raises:
        CheckpointError: It has not the length of one, or a time beyond 2^63 - 1.
    """
    time, raw = int.from_bytes(signature[:_TIME_SIZE], "big"), signature[_TIME_SIZE:]
    if len(raw) != RAW_SIZE.get(key.algorithm) or time > _MAX_TIME:
        raise CheckpointError("not a cosignature")
    return time, raw

# SPDX-License-Identifier: Apache-2.0
r"""What a log asks a witness: to cosign a checkpoint that goes on from the last one (C2SP tlog-witness, `add-checkpoint`).

    old <size of the last checkpoint that the witness cosigned, decimal, no leading zeros>\n
    <base64 of a hash of the consistency proof>\n            none to 63
    \n
    <the checkpoint, with the log's signature>

The witness answers with its signature lines; or with its own size, as decimal and a line feed, where `old` is another one.

>>> parse_add_checkpoint("old 0\n\nlog.example\n...").checkpoint
'log.example\n...'
"""

from __future__ import annotations

import re

from byline.core.canonical import format_base64, parse_base64
from byline.core.merkle import HASH_SIZE, MAX_SIZE
from byline.core.value import dataclass
from byline.errors import CheckpointError, MalformedError

SIZE_TYPE = "text/x.tlog.size"
MAX_REQUEST = 256 * 1024
_MAX_HASHES = 63
_REQUEST = re.compile(r"old (0|[1-9][0-9]{0,19})\n((?:[A-Za-z0-9+/=]+\n)*)\n")
_SIZE = re.compile(r"(0|[1-9][0-9]{0,19})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """The request: the size that it goes on from, the hashes that prove it, and the checkpoint (a signed note, not read yet)."""

    old: int
    hashes: tuple[bytes, ...]
    checkpoint: str


def parse_add_checkpoint(text: str) -> AddCheckpoint:
    """Read a request.

    Raises:
        CheckpointError: Not one.
    """
    head = _REQUEST.match(text) if len(text) <= MAX_REQUEST else None
    if head is None:
        raise CheckpointError("not a request to cosign a checkpoint")
    try:
        hashes = tuple(parse_base64(each) for each in head[2].split())
    except MalformedError as error:
        raise CheckpointError(f"not a consistency proof: {error}") from error
    if any(len(each) != HASH_SIZE for each in hashes) or len(hashes) > _MAX_HASHES or int(head[1]) > MAX_SIZE:
        raise CheckpointError(f"a consistency proof has at most {_MAX_HASHES} hashes of {HASH_SIZE} bytes")
    return AddCheckpoint(old=int(head[1]), hashes=hashes, checkpoint=text[head.end() :])


def format_add_checkpoint(request: AddCheckpoint) -> str:
    """Return the text of `request`."""
    hashes = "".join(f"{format_base64(each)}\n" for each in request.hashes)
    return f"old {request.old}\n{hashes}\n{request.checkpoint}"


def parse_witness_size(text: str) -> int:
    """Read the size that a witness answers with.

    Raises:
        CheckpointError: Not one.
    """
    match = _SIZE.fullmatch(text)
    if match is None or int(match[1]) > MAX_SIZE:
        raise CheckpointError("not the size of a checkpoint")
    return int(match[1])

# SPDX-License-Identifier: Apache-2.0
r"""A leaf as a database keeps it: what the leaves of one signer share is its *frame*, and kept once.

A leaf is JSON with the digest and the signature of one statement in base64, and around them the kind and the public key, which are
three quarters of it. The frame is the leaf with a zero byte, which JSON never holds, in the place of each of the two; what is left is
those two in bytes, each with its length before it (2 bytes, big-endian). A leaf of another kind, or whose frame is long (the
certificate in it is of one entry alone), is left whole, with an empty frame. A leaf comes back as it was, or it is left whole.

>>> split_leaf(b'{"digest":"AAAA","key":"BBBB","signature":"CCCC"}')
(b'{"digest":"\x00","key":"BBBB","signature":"\x00"}', b'\x00\x03\x00\x00\x00\x00\x03\x08 \x82')
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64
from typing import TypeAlias

Source: TypeAlias = tuple[bytes, str, str, bytes]
"""What many entries share: key, repository and kind of the statement, and the frame."""

_MAX_FRAME = 1024
_OWN = re.compile(rb'"digest":"([^"]*)".*?"(?:content|signature)":"([^"]*)"')


def split_leaf(leaf: bytes) -> tuple[bytes, bytes]:
    """Return the frame of `leaf` and what is its own."""
    match = _OWN.search(leaf)
    if match is None:
        return b"", leaf
    (start, end), (other_start, other_end) = match.span(1), match.span(2)
    frame = b"\0".join((leaf[:start], leaf[end:other_start], leaf[other_end:]))
    try:
        digest, signature = a2b_base64(match[1]), a2b_base64(match[2])
        own = b"".join((len(digest).to_bytes(2, "big"), digest, len(signature).to_bytes(2, "big"), signature))
    except (Error, OverflowError):
        return b"", leaf
    return (frame, own) if len(frame) <= _MAX_FRAME and join_leaf(frame, own) == leaf else (b"", leaf)


def join_leaf(frame: bytes, own: bytes) -> bytes:
    """Return the leaf that was split; of what never was one, bytes that are no leaf."""
    if not frame:
        return own
    cut = 2 + int.from_bytes(own[:2], "big")
    digest, size, signature = own[2:cut], int.from_bytes(own[cut : cut + 2], "big"), own[cut + 2 :]
    parts = frame.split(b"\0")
    if len(parts) != 3 or size != len(signature):
        return frame + own
    start, middle, end = parts
    return b"".join((start, b2a_base64(digest, newline=False), middle, b2a_base64(signature, newline=False), end))

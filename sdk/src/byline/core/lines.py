# SPDX-License-Identifier: Apache-2.0
r"""Lines, and how two lines are the same.

A line ends at LF and nowhere else; one CR before the LF is no text. What follows the last LF is a line if it is not empty.
Lines are bytes: no encoding is assumed. Two lines are *equal but for white space* when they are equal once every ASCII white
space byte is removed (`squeeze`), so that re-indentation, trailing blanks and CRLF need no case of their own.

A line's *hash* is BLAKE2b-128 of the squeezed line, keyed with the repository's `line_key` (32 bytes): readers of the
repository can compute it, holders of a ledger cannot guess a secret line with it. It is a fingerprint to find text by and
never a proof.

>>> split_lines(b"a\r\nb")
(b'a', b'b')
>>> line_hash(b"  a b", b"k" * 32) == line_hash(b"ab\t", b"k" * 32)
True
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HASH_BYTES = 16
BINARY_WINDOW = 8000  # git looks for NUL in as many bytes
MAX_TEXT = 5_000_000  # bytes; a larger file is judged as a whole

WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")


@dataclass(frozen=True, slots=True, order=True)
class LineRange:
    """Half-open and 0-based: `start` <= line < `end`. People and JSON see `first` and `last`, 1-based and inclusive."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def first(self) -> int:
        """The first line's number as people see it."""
        return self.start + 1

    @property
    def last(self) -> int:
        """The last line's number as people see it."""
        return self.end


def join_ranges(numbers: Iterable[int]) -> Iterator[LineRange]:
    """Yield `numbers` of lines, which rise, as ranges without a gap between two neighbours."""
    start = end = -1
    for number in numbers:
        if number != end:
            if end > start:
                yield LineRange(start, end)
            start = number
        end = number + 1
    if end > start:
        yield LineRange(start, end)


def split_lines(data: bytes) -> tuple[bytes, ...]:
    """Return the lines of `data` without their ends."""
    if not data:
        return ()
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if b"\r" in data:
        lines = [line[:-1] if line.endswith(b"\r") else line for line in lines]
    return tuple(lines)


def text_lines(data: bytes | None) -> tuple[bytes, ...] | None:
    """Return the lines of `data` if it is there and has lines to speak of: text, and at most `MAX_TEXT` bytes of it."""
    return None if data is None or len(data) > MAX_TEXT or is_binary(data) else split_lines(data)


def count_lines(data: bytes) -> int:
    """Return `len(split_lines(data))` without splitting."""
    return data.count(b"\n") + (0 if not data or data.endswith(b"\n") else 1)


def is_binary(data: bytes) -> bool:
    """Whether git would call `data` binary: a NUL among its first 8,000 bytes."""
    return b"\0" in data[:BINARY_WINDOW]


def squeeze(line: bytes) -> bytes:
    """Return `line` without ASCII white space."""
    return b"".join(line.split())


def has_word(line: bytes) -> bool:
    """Whether `line` holds more than brackets and punctuation."""
    return WORD.search(line) is not None


def weigh(lines: Iterable[bytes]) -> int:
    """Return how many bytes of `lines` are not white space."""
    return sum(len(squeeze(line)) for line in lines)


def line_hash(line: bytes, line_key: bytes) -> bytes:
    """Return the 16-byte keyed hash of `line`."""
    return hashlib.blake2b(squeeze(line), digest_size=HASH_BYTES, key=line_key).digest()


def hash_lines(lines: Sequence[bytes], line_key: bytes) -> tuple[bytes, ...]:
    """Return the hash of each of `lines`; equal lines are hashed once."""
    known: dict[bytes, bytes] = {}
    out = []
    keyed = hashlib.blake2b(digest_size=HASH_BYTES, key=line_key)
    for line in lines:
        digest = known.get(line)
        if digest is None:
            state = keyed.copy()
            state.update(b"".join(line.split()))
            digest = known[line] = state.digest()
        out.append(digest)
    return tuple(out)


def blob_id(data: bytes, algorithm: str = "sha1") -> str:
    """Return the git object id of a blob with content `data`; `algorithm` is the repository's, `sha1` or `sha256`."""
    return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def is_git_id(text: str) -> bool:
    """Whether `text` is a whole git object id, SHA-1 or SHA-256, in hex."""
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")

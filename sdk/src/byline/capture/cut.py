# SPDX-License-Identifier: Apache-2.0
"""A journal that was cut: how it begins, and how nobody's record falls off.

    {"schema":"byline.journal/1","type":"cut","skipped":"00000000000001048507"}        LF

What is folded and in the kept state (`flow.compaction`) is no longer needed as records. A cut journal begins with this line, which
stands for its own bytes and for `skipped` more: so a place in the journal keeps its number, however often the journal is cut.

To cut is to put another file in the place of the journal, and a record that is appended to the old file would be lost. Who appends
therefore holds a shared lock on the file that it opened, and looks whether that still is the journal; who cuts holds an exclusive one.
Both hold it for the time of a write, and the kernel lets go of it with the process. No hook of an agent's or of git's appends.

>>> line = format_cut(1_048_576)
>>> parse_cut(line) + len(line)
1048576
>>> parse_cut(b'{"schema":"byline.journal/1","type":"mark"}')
0
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

SCHEMA: Final = "byline.journal/1"
_FIRST: Final = f'{{"schema":"{SCHEMA}","type":"cut","skipped":"'.encode()
_LAST: Final = b'"}\n'
_DIGITS: Final = 20
LENGTH: Final = len(_FIRST) + _DIGITS + len(_LAST)


def format_cut(upto: int) -> bytes:
    """Return the line that stands for the first `upto` bytes of a journal, which are more than `LENGTH`."""
    return _FIRST + f"{upto - LENGTH:0{_DIGITS}}".encode() + _LAST


def parse_cut(line: bytes) -> int:
    """Return for how many bytes beside its own the `line` stands; 0 for any other line."""
    digits = line[len(_FIRST) : -len(_LAST)]
    is_cut = line.startswith(_FIRST) and line.endswith(_LAST) and len(digits) == _DIGITS and digits.isdigit()
    return int(digits) if is_cut else 0


def read_cut(journal: BinaryIO) -> tuple[int, int]:
    """Return how many bytes are missing at the start of `journal`, and the number of the first byte of its first record."""
    skipped = parse_cut(journal.readline(LENGTH))
    return skipped, skipped + LENGTH if skipped else 0


def journal_end(path: Path) -> int:
    """Return the number of the byte after the last one of the journal at `path`; 0 where there is none.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with path.open("rb") as journal:
            return read_cut(journal)[0] + os.fstat(journal.fileno()).st_size
    except FileNotFoundError:
        return 0


@contextmanager
def locked(path: Path, *, alone: bool) -> Iterator[int]:
    """Hold a lock on the file at `path`, which is made if need be, and yield its handle, to read and to append.

    Where another file has taken its place before the lock was had, that one is locked.

    Raises:
        OSError: It cannot be opened or locked.
    """
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        while not _is_at(handle, path):
            os.close(handle)
            handle = _open(path)
            fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield handle
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))  # noqa: PTH116 - a writer is on its way
    except FileNotFoundError:  # taken away, by hand
        return False

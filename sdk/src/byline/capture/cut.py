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

from byline.capture.sharing import is_secret, share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO, Final

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


class locked:  # noqa: N801 - it is called like a function
    """Hold a lock on the file at `path`, which is made if need be; the `with` has its handle, to read and to append.

    Where another file has taken its place before the lock was had, that one is locked.

    Raises:
        OSError: It cannot be opened or locked.
    """

    def __init__(self, path: Path | str, *, alone: bool) -> None:
        self._path, self._how = path, fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        self._handle = -1

    def __enter__(self) -> int:
        while True:
            self._handle = _open(self._path)
            try:
                fcntl.flock(self._handle, self._how)
                if _is_at(self._handle, self._path):
                    return self._handle
            except BaseException:
                os.close(self._handle)
                raise
            os.close(self._handle)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_UN)  # closing is not enough where another thread has forked meanwhile
        os.close(self._handle)


def append_line(path: Path | str, line: bytes, *, most: int | None = None) -> None:
    """Append `line` and its end to `path` in one write, on a fresh line even where the last writer was cut off.

    Raises:
        OSError: It could not be written whole, or `path` has more than `most` bytes already.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120 - an agent may wait, and pathlib costs
    with locked(path, alone=False) as handle:
        size = os.fstat(handle).st_size
        if most is not None and size > most:
            raise OSError(f"{os.path.basename(path)} is full")  # noqa: PTH119 - as above
        fresh = b"" if not size or os.pread(handle, 1, size - 1) == b"\n" else b"\n"
        data = fresh + line + b"\n"
        if os.write(handle, data) != len(data):
            raise OSError(f"{os.path.basename(path)}: the disk took a part of a record only")  # noqa: PTH119 - as above


def _open(path: Path | str) -> int:
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if not is_secret(os.path.basename(path)):  # noqa: PTH119 - as above
        share(handle, os.path.dirname(path))  # noqa: PTH120 - as above
    return handle


def _is_at(handle: int, path: Path | str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))  # noqa: PTH116 - a writer is on its way
    except FileNotFoundError:  # taken away, by hand
        return False

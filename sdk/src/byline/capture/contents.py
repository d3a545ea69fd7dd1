# SPDX-License-Identifier: Apache-2.0
"""The bytes that edits speak of, by git blob id: `<place>/contents/<2 hex>/<the rest>`, 0600.

The id is the one git gives these bytes in this repository (`algorithm` is its object format), so that "is this what was committed"
is a comparison of ids. A file appears whole or not at all (temp + rename in one folder) and survives kill -9; one content is
stored once, and its mtime tells when it was last put. What is larger than 5 MB is named but not kept. Safe for threads and processes.

Bytes are put before the record that names them: `drop` leaves what was put a short while ago, and takes nothing away while somebody
puts it again (`<place>/contents.lock`).

>>> from pathlib import Path; import tempfile
>>> with tempfile.TemporaryDirectory() as place:
...     contents = Contents(Path(place))
...     contents.get(contents.put(b"a"))
b'a'
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.capture.cut import locked
from byline.capture.processes import is_alive
from byline.capture.sharing import make_shared, share
from byline.core.lines import blob_id

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

MAX_CONTENT = 5_000_000


class Contents:
    """The content store of one clone."""

    def __init__(self, place: Path, algorithm: str = "sha1") -> None:
        self._root = place / "contents"
        self._lock = place / "contents.lock"
        self._algorithm = algorithm

    def put(self, data: bytes) -> str:
        """Keep `data`, if it is no larger than 5 MB, and return its blob id.

        Raises:
            OSError: It cannot be written; nothing is left behind.
        """
        blob = blob_id(data, self._algorithm)
        if len(data) <= MAX_CONTENT:
            with locked(self._lock, alone=False):
                store(self._root, blob, data)
        return blob

    def get(self, blob: str) -> bytes | None:
        """Return the bytes named `blob`; None where they were never kept, are gone, or are not what their name says."""
        if not (blob.isalnum() and blob.isascii()):
            return None
        try:
            data = (self._root / blob[:2] / blob[2:]).read_bytes()
        except OSError:
            return None
        return data if blob_id(data, self._algorithm) == blob else None

    def has(self, blob: str) -> bool:
        """Whether bytes are kept under the name `blob`."""
        return (self._root / blob[:2] / blob[2:]).is_file()

    def put_at(self, blob: str) -> int | None:
        """Return when the bytes named `blob` were last put, in nanoseconds since 1970; None where they are not kept."""
        try:
            return (self._root / blob[:2] / blob[2:]).stat().st_mtime_ns
        except OSError:
            return None

    def remove(self, blob: str) -> bool:
        """Remove the bytes named `blob`; return whether there were any.

        Raises:
            OSError: They cannot be removed.
        """
        with locked(self._lock, alone=True):
            try:
                (self._root / blob[:2] / blob[2:]).unlink()
            except FileNotFoundError:
                return False
            return True

    def drop(self, needed: Container[str], *, before: int) -> int:
        """Remove what was last put before the time `before` and is not among the ids `needed`; return how many.

        Raises:
            OSError: It cannot be listed or removed.
        """
        count = 0
        for folder in sorted(self._root.iterdir()) if self._root.is_dir() else ():
            with locked(self._lock, alone=True), os.scandir(folder) as entries:
                for each in entries:
                    if folder.name + each.name not in needed and each.stat().st_mtime_ns < before:
                        (folder / each.name).unlink()
                        count += 1
        return count

    def sweep(self) -> None:
        """Remove what processes had begun to write that are gone.

        Raises:
            OSError: It cannot be removed.
        """
        for draft in self._root.glob("*/.*"):
            pid = draft.name.split(".")[1]
            if not (pid.isdecimal() and is_alive(int(pid))):
                draft.unlink(missing_ok=True)


def store(root: Path, blob: str, data: bytes) -> None:
    """Write `data` under the name `blob` in `root`, whole or not at all; note the time where it is there already.

    Raises:
        OSError: It cannot be written.
    """
    folder = root / blob[:2]
    final = folder / blob[2:]
    try:
        os.utime(final)
    except FileNotFoundError:
        pass
    else:
        return
    make_shared(folder)
    temp = folder / f".{os.getpid()}.{os.urandom(6).hex()}"
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            share(handle, folder)
        finally:
            os.close(handle)
        temp.rename(final)
    except OSError:
        temp.unlink(missing_ok=True)
        raise

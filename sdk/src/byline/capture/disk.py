# SPDX-License-Identifier: Apache-2.0
"""Files that a payload names, read with care: only regular files, never one that makes a reader wait, and bounded."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_READ = 256 * 1024 * 1024
TAIL = 16 * 1024 * 1024


def read_file(path: Path) -> bytes | None:
    """Return the bytes of the regular file at `path`; None where there is none, or none that can be read."""
    return _read(path, last=None)


def read_link_or_file(path: Path) -> bytes | None:
    """Return a symbolic link's target, or the bytes of the regular file at `path`; None where there is neither."""
    try:
        return os.fsencode(path.readlink()) if path.is_symlink() else read_file(path)
    except OSError:
        return None


def read_tail(path: Path) -> bytes | None:
    """Return the last 16 MB of the regular file at `path`; None as above."""
    return _read(path, last=TAIL)


def _read(path: Path, *, last: int | None) -> bytes | None:
    try:
        # O_NONBLOCK: opening a named pipe must not wait for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or (last is None and status.st_size > MAX_READ):
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            if last is not None and status.st_size > last:
                file.seek(-last, os.SEEK_END)
            return file.read(MAX_READ)
    except OSError:
        return None
    finally:
        os.close(handle)

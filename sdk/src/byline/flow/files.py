# SPDX-License-Identifier: Apache-2.0
"""Files as a session reads and writes them: whole, replaced at once or not at all; what goes wrong is the caller's `OSError`.

$XDG_STATE_HOME/byline/files/<2 hex of the SHA-256 of a path>      locked, while a session changes a file that has this path
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

from byline.capture.cut import locked
from byline.capture.places import inbox_dir, make_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What is locked where the program is now: a signal may come in the middle of a write, and its handler write, too.
_HELD: ContextVar[frozenset[str]] = ContextVar("byline_files", default=frozenset())


@contextmanager
def held(*files: Path) -> Iterator[None]:
    """Hold off all other sessions of this user from `files`, so that none overwrites what it has not read; never raises.

    Where that cannot be locked nobody is held off.
    """
    slots = frozenset(hashlib.sha256(os.fsencode(file)).hexdigest()[:2] for file in files)
    with ExitStack() as stack:
        with suppress(OSError):
            folder = inbox_dir(os.environ).with_name("files")
            if not folder.is_dir():
                make_private(folder)
            for slot in sorted(slots - _HELD.get()):  # in one order: two never wait for each other
                stack.enter_context(locked(folder / slot, alone=True))
        token = _HELD.set(_HELD.get() | slots)
        try:
            yield
        finally:
            _HELD.reset(token)


def read_regular(file: Path) -> bytes:
    """Return the bytes of `file`.

    Raises:
        OSError: It cannot be read, or is a pipe, for which one would wait, or a device, which may have no end.
    """
    mode = file.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(file))
    return file.read_bytes()


def read_or_none(file: Path) -> bytes | None:
    """Return the bytes of `file`, as `read_regular`; None where there is none."""
    try:
        return read_regular(file)
    except FileNotFoundError:
        return None


def read_itself(file: Path) -> bytes:
    """Return the bytes of `file`, as `read_regular`, of a symbolic link its target."""
    return os.fsencode(file.readlink()) if file.is_symlink() else read_regular(file)


def files_below(place: Path) -> list[Path]:
    """Return the files and links in the folder at `place`, sorted; anything else is the one file itself."""
    if place.is_symlink() or not place.is_dir():
        return [place]
    return sorted(file for file in place.rglob("*") if file.is_symlink() or file.is_file())


def replace_file(file: Path, data: bytes) -> None:
    """Make `data` the whole of `file`, new or not; its mode stays, and nothing is left behind where that fails.

    Raises:
        OSError: It cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    is_there = file.exists()
    if is_there and not os.access(file, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(file))
    temp = file.with_name(f".{file.name[:200]}.{os.urandom(6).hex()}")
    try:
        temp.write_bytes(data)
        if is_there:
            temp.chmod(stat.S_IMODE(file.stat().st_mode))
        temp.replace(file)
    except BaseException:  # a person who interrupts, too
        temp.unlink(missing_ok=True)
        raise


def set_mode(file: Path, *, is_program: bool) -> None:
    """Let those run `file` who may read it, or nobody.

    Raises:
        OSError: It cannot be changed.
    """
    mode = stat.S_IMODE(file.stat().st_mode)
    file.chmod(mode | (mode & 0o444) >> 2 if is_program else mode & ~0o111)

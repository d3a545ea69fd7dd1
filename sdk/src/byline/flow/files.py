# SPDX-License-Identifier: Apache-2.0
"""Files as a session reads and writes them: whole, replaced at once or not at all; what goes wrong is the caller's `OSError`."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_or_none(file: Path) -> bytes | None:
    """Return the bytes of `file`; None where there is none."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def read_itself(file: Path) -> bytes:
    """Return the bytes of `file`, of a symbolic link its target."""
    return os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()


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
    temp = file.with_name(f".{file.name[:200]}.{os.urandom(6).hex()}")
    try:
        temp.write_bytes(data)
        if file.exists():
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

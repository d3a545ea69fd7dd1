# SPDX-License-Identifier: Apache-2.0
"""Files that hold private keys: made whole or not at all, for their owner only, never overwritten."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from byline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MAX_KEY_FILE = 65_536


def save_secret(path: Path, data: bytes) -> None:
    """Make the file `path` with mode 0600; after a power loss it holds `data` or does not exist.

    Raises:
        ConfigError: There is a file already, or it cannot be made.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # A hard link fails where a rename would overwrite.
            os.link(draft, path)
        finally:
            draft.unlink()
        sync_folder(path.parent)
    except FileExistsError as error:
        raise ConfigError(f"there is a key already: {path.name}", hint="Byline never overwrites a key; move it away first") from error
    except OSError as error:
        raise ConfigError(f"cannot make the key {path.name}: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make durable which files are in `folder`, and under which names.

    Raises:
        OSError: It cannot be.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_secret(path: Path) -> bytes:
    """Return the bytes of the key file `path`.

    Raises:
        ConfigError: It cannot be read, others may read it, or it is too long for a key.
    """
    try:
        # O_NONBLOCK: a mark may name any path, and opening a named pipe must not wait for its writer.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - of a handle
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MAX_KEY_FILE + 1) if stat.S_ISREG(mode) else None
    except OSError as error:
        raise ConfigError(f"cannot read the key {path.name}: {error.strerror}") from error
    if data is None:
        raise ConfigError(f"{path.name} is no file")
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"others may read the key {path.name}", hint=f"chmod 600 {path}")
    if len(data) > MAX_KEY_FILE:
        raise ConfigError(f"{path.name} is too long for a key")
    return data

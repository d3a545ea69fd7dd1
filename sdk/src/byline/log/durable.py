# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all, also after a power loss."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.keys.files import sync_folder

if TYPE_CHECKING:
    from pathlib import Path


def write_durably(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by `data`: written aside, flushed, renamed, and the folder is flushed, all before this returns.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    aside = path.with_name(f".new-{os.urandom(8).hex()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)

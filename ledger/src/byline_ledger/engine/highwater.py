# SPDX-License-Identifier: Apache-2.0
"""The newest head that anybody may have seen, where no restored database brings it back.

    <directory>/newest-head     the signed note of the newest head, padded to one block

A log whose database is set back, as by a restore of an old copy, and that goes on signs a second history: a fork. So each head is kept
in a file beside the database, once it is committed and before anybody is told of it, and a log whose head is behind that file is not
opened. The file is written in place and not flushed: it holds against whatever replaces the database, and a power loss leaves it at most
behind the database, where it does no harm. It says nothing if it is replaced together with the database; whoever follows the log
(witnesses, monitors, mirrors, receipts) still can (`engine.backup`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.core.checkpoint import open_checkpoint
from byline.errors import LedgerError, LedgerUnavailableError, LogForkError, MalformedError, SignatureError, StaleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.core.checkpoint import Checkpoint
    from byline.core.ports import NoteVerifier

NEWEST = "newest-head"
_BLOCK = 512


class HighWater:
    """The file in the log's `directory`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NEWEST

    def keep(self, note: str) -> None:
        """Keep the head that is about to be told.

        Raises:
            LedgerUnavailableError: The file cannot be written.
        """
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(handle, note.encode().ljust(_BLOCK, b"\n"), 0)
            finally:
                os.close(handle)
        except OSError as error:
            raise LedgerUnavailableError(f"cannot write {self._path}: {error.strerror}") from error

    def read(self, log: NoteVerifier) -> tuple[str, Checkpoint] | None:
        """Return the newest head that was told, as it is signed and as it reads; None if there is none yet.

        Raises:
            LedgerError: The file is damaged or cannot be read.
        """
        try:
            note = self._path.read_bytes().decode().rstrip("\n") + "\n"
            return (note, open_checkpoint(note, log)) if note.strip() else None  # made, and not written yet by who makes it
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerError(f"cannot read {self._path}: {error.strerror}") from error
        except (MalformedError, SignatureError, UnicodeDecodeError) as error:
            hint = "compare the log with what others saw of it (docs/operate.md); if nobody saw more, remove the file"
            raise LedgerError(f"{self._path} is not a checkpoint of this log", hint=hint) from error

    def check(self, log: NoteVerifier, head: Callable[[], tuple[str, Checkpoint]]) -> None:
        """Check that what `head` returns, the newest head as it is signed and as it reads, is not behind what was told.

        Raises:
            StaleError: It is: the database was set back.
            LogForkError: It is another history of the same size.
            LedgerError: As `read`.
        """
        told = self.read(log)  # before the head, which other processes may move on meanwhile
        note, now = head()
        if told is None:
            return
        if told[1].size > now.size:
            what = f"the ledger was set back: it told of {told[1].size} entries and holds {now.size}"
            raise StaleError(what, hint="restore a newer backup, or go on with another key (docs/operate.md)")
        if is_behind(told[1], size=now.size, root=now.root):
            raise LogForkError(f"the ledger told of another root for its {now.size} entries", old=told[0], new=note, begins=now.root)


def is_behind(told: Checkpoint, *, size: int, root: bytes) -> bool:
    """Whether a log of `size` entries with this `root` is not what it told of: it has fewer, or as many and another root."""
    return size < told.size or (size == told.size and root != told.root)

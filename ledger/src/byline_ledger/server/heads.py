# SPDX-License-Identifier: Apache-2.0
"""How large the log is, and who waits for it to grow.

Nobody is sent a list: who is slow finds only the newest when they come back.
"""

from __future__ import annotations

import asyncio
import time

from byline.core.checkpoint import parse_checkpoint
from byline.core.note import parse_note
from byline.errors import LedgerUnavailableError

AWAY_SECONDS = 1.0


class Heads:
    """Checkpoints as they come; the newest covers `size` entries and is here `since` some time (seconds since 1970).

    `leaving` is set when the server goes down, for whoever must end what lasts.
    """

    def __init__(self, note: str) -> None:
        self.size = size_of(note)
        self.since = time.time()
        self._changed = asyncio.Event()
        self.leaving = asyncio.Event()

    def publish(self, note: str) -> None:
        """Tell all who wait of `note`, if it is newer."""
        size = size_of(note)
        if size > self.size:
            self.size = size
            self.since = time.time()
            self._wake()

    def leave(self) -> None:
        """Say that the server goes down."""
        self.leaving.set()
        self._wake()

    async def beyond(self, size: int) -> None:
        """Return once the log is larger than `size`.

        Raises:
            LedgerUnavailableError: The server goes down.
        """
        while self.size <= size or self.leaving.is_set():
            self.check()
            await self._changed.wait()

    def check(self) -> None:
        """Check that the server stays.

        Raises:
            LedgerUnavailableError: It goes down.
        """
        if self.leaving.is_set():
            raise LedgerUnavailableError("the server goes down", retry_after=AWAY_SECONDS)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def size_of(note: str) -> int:
    """Return the size of the tree that `note` signs."""
    return parse_checkpoint(parse_note(note).text).size

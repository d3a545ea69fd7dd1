# SPDX-License-Identifier: Apache-2.0
"""When a server seals the index of its log, and what it does for it between other work.

It seals when somebody asks for a proof and something came since the last seal, or that is old; at most every `PAUSE_SECONDS`, so that
a crowd of readers shares one, and by itself when `MOST_NEW` entries are not covered. Between flushes it merges runs, a piece at a time.
All of it runs in the writer's thread (`Appends.aside`).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from byline.errors import BylineError
from byline_ledger.engine.sealing import MAX_AGE_MS
from byline_ledger.server.heads import size_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from byline_ledger.engine.sealing import SealedIndex
    from byline_ledger.server.appends import Appends
    from byline_ledger.server.heads import Heads

PAUSE_SECONDS = 0.3
LOOK_SECONDS = 2.0
MOST_NEW = 4096


class Seals:
    """Seals `index` for those who ask; `heads` tells how long the log is, and is told of each seal.

    Where others write to the log as well, `refresh` tells `heads` of what they wrote.
    """

    def __init__(self, index: SealedIndex, appends: Appends, heads: Heads, refresh: Callable[[], Awaitable[None]] | None = None) -> None:
        self._index = index
        self._appends = appends
        self._heads = heads
        self._refresh = refresh
        self._end = 0
        self._next = 0.0
        self._old = 0.0
        self._sealing: asyncio.Task[None] | None = None

    async def cover(self) -> None:
        """Return once a seal that is not old covers all that was logged before.

        Raises:
            LedgerUnavailableError: The log takes none now.
            LedgerError: The store is broken.
        """
        if self._refresh is not None:
            await self._refresh()
        size = self._heads.size
        while self._end < size or asyncio.get_running_loop().time() > self._old:
            if self._sealing is None or self._sealing.done():
                self._sealing = asyncio.get_running_loop().create_task(self._seal())
            await asyncio.shield(self._sealing)

    async def keep(self) -> None:
        """Seal now and then, and merge, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(BylineError):  # said by whoever appends, and tried again
                if self._heads.size >= self._end + MOST_NEW:
                    await self._seal()
                has_more = True
                while has_more:
                    has_more = await self._appends.aside(self._index.keep)

    async def _seal(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next - loop.time()))
        self._next = loop.time() + PAUSE_SECONDS
        note = await self._appends.aside(self._index.seal)
        self._old = loop.time() + MAX_AGE_MS / 1000
        self._heads.publish(note)
        self._end = size_of(note)

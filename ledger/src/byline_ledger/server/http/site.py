# SPDX-License-Identifier: Apache-2.0
"""What the doors of HTTP stand on: the log as readers see it, the thread in which they read, and the service behind gRPC."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from byline_ledger.engine.records import RekorDoor

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from byline_ledger.engine.log import Log
    from byline_ledger.engine.publishing import Publisher
    from byline_ledger.server.appends import Appends
    from byline_ledger.server.reception import Reception
    from byline_ledger.server.service import LedgerService

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`log`, whose files are in `directory`, is read in `readers` alone; `service` answers gRPC's calls.

    `appends` takes what is to be logged and knows if it can. `reception` is where calls come in and are counted;
    `rekor` says what Rekor's door takes. `publisher` knows how witnesses do, where some are asked.
    """

    directory: Path
    log: Log
    readers: Executor
    service: LedgerService
    appends: Appends
    reception: Reception
    rekor: RekorDoor = RekorDoor.CLOSED
    publisher: Publisher | None = None

    async def read(self, ask: Callable[[], T]) -> T:
        """Return what `ask` says, without holding up the loop."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, ask)

# SPDX-License-Identifier: Apache-2.0
"""The writing half of a server over a log, without the server."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from byline_ledger.engine.access import Access, Caller
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.identities import Door, Identity, open_identities
from byline_ledger.engine.sequencer import Sequencer
from byline_ledger.server.appends import Appends
from byline_ledger.server.checks import Checks
from byline_ledger.server.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from byline_ledger.engine.access import Visit
    from byline_ledger.engine.log import Log

NOBODY = Caller()


def visit(identity: Identity | None = None, caller: Caller = NOBODY) -> Visit:
    """Return a caller inside, as `identity`; by default as anybody on loopback."""
    return Access([identity] if identity else open_identities(append=True), clock=lambda: 0.0).enter(caller, Door.APPEND)


@contextlib.asynccontextmanager
async def appending(log: Log, *, capacity: int = 2048, processes: int = 0) -> AsyncIterator[Appends]:
    checks = Checks(Admission(), processes=processes)
    with ThreadPoolExecutor(1) as writer:
        yield Appends(checks=checks, sequencer=Sequencer(log), writer=writer, publish=lambda _: None, metrics=Metrics(), capacity=capacity)
    await checks.close()

# SPDX-License-Identifier: Apache-2.0
"""A log of raw bytes over our engine, for load generators that know no statements: the doors for readers, and `POST /add`.

    python rawlog.py FOLDER        prints its URL; ends on SIGTERM

`/add` logs its body as a leaf and answers the index. Nothing checks who sends what: this is for tests alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from byline.core.entry import Submission
from byline.core.facets import Facets
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, load_log
from byline_ledger.engine.sequencer import Sequencer
from byline_ledger.engine.sqlite import SqliteStore
from byline_ledger.server.appends import Appends
from byline_ledger.server.checks import Checks
from byline_ledger.server.http import tiles
from byline_ledger.server.http.listen import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request


async def main(place: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    opened = load_log(place)
    appends = Appends(
        checks=Checks(Admission()), sequencer=Sequencer(opened.log), writer=ThreadPoolExecutor(1), publish=lambda _: None, capacity=8192
    )
    readers = ThreadPoolExecutor(1)
    log = opened.log.over(SqliteStore(place / DATABASE))

    async def read(ask: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(readers, ask)

    async def add(request: Request) -> Response:
        leaf = await request.body()
        made = Submission(identity=hashlib.sha256(leaf).digest(), leaf=leaf, payload=None, facets=Facets(key=bytes(32)))
        return PlainTextResponse(f"{(await appends.log(made)).index}\n")

    site: Any = SimpleNamespace(log=log, read=read)
    app = Starlette(routes=[*tiles.routes(site), Route("/add", add, methods=["POST"])])
    async with listening(app, "127.0.0.1:0", None) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

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
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from byline.core.entry import Submission
from byline.core.facets import Facets
from byline_ledger.engine.files import load_log
from byline_ledger.server.http import tiles
from byline_ledger.server.http.listen import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request


async def main(place: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    log = load_log(place).log
    # One thread has the store, and what comes while it writes is the next batch.
    thread = ThreadPoolExecutor(1)
    waiting: asyncio.Queue[tuple[Submission, asyncio.Future[int]]] = asyncio.Queue()

    async def read(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is asked
        return await asyncio.get_running_loop().run_in_executor(thread, ask)

    async def write() -> None:
        while True:
            batch = [await waiting.get(), *(waiting.get_nowait() for _ in range(min(waiting.qsize(), 255)))]
            receipts = await read(lambda batch=batch: log.append([made for made, _ in batch]))  # type: ignore[misc]  # bound to this round
            for (_, answer), receipt in zip(batch, receipts, strict=True):
                answer.set_result(receipt.index)

    async def add(request: Request) -> Response:
        leaf = await request.body()
        made = Submission(identity=hashlib.sha256(leaf).digest(), leaf=leaf, payload=None, facets=Facets(key=bytes(32)))
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting.put_nowait((made, answer))
        return PlainTextResponse(f"{await answer}\n")

    app = Starlette(routes=[*tiles.routes(log, read), Route("/add", add, methods=["POST"])])
    writing = asyncio.create_task(write())
    async with listening(app, "127.0.0.1:0", None) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await stop.wait()
    writing.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

# SPDX-License-Identifier: Apache-2.0
"""A mirror's folder (`byline.log.mirror`) over HTTP, read-only: the door for readers, as the log itself has it.

Any web server can serve the folder. This one also cuts a full tile to every width that it had, as those want it who hold an older
checkpoint. Nobody has to believe a mirror, so nobody is asked who they are. It answers in a thread of its own until the block ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from byline.core.tiles import WIDTH, cut_tile, tile_path
from byline.core.value import replace
from byline.errors import LedgerError, LedgerUnavailableError
from byline.log.tiled import CHECKPOINT
from byline_ledger.server.config import check_address
from byline_ledger.server.http import tiles
from byline_ledger.server.http.app import HANDLERS
from byline_ledger.server.http.listen import listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.tiles import Tile


class MirroredLog:
    """The log whose copy is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> str:
        """Return the checkpoint that the mirror proved last.

        Raises:
            LedgerUnavailableError: It has proven none yet.
            LedgerError: The folder cannot be read.
        """
        data = self._read(CHECKPOINT)
        if data is None:
            raise LedgerUnavailableError("this mirror is not complete yet")
        return data.decode()

    def tile(self, tile: Tile) -> bytes | None:
        """Return the bytes of `tile`, cut from the full one where that is what is left; None if neither is here.

        Raises:
            LedgerError: The folder cannot be read.
        """
        data = self._read(tile_path(tile))
        if data is not None:
            return data
        full = self._read(tile_path(replace(tile, width=WIDTH)))
        return None if full is None else cut_tile(full, tile)

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerError(f"the mirror cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def serving_mirror(folder: Path, listen: str) -> Iterator[str]:
    """Serve the mirror in `folder` on `listen` (`HOST:PORT`) while the block runs, and give the URL.

    Raises:
        ConfigError: It cannot listen there.
    """
    check_address(listen, has_tls=False)
    began: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Event, str] | Exception] = queue.Queue()

    async def answer() -> None:
        stop = asyncio.Event()
        app = Starlette(routes=list(tiles.routes(MirroredLog(folder), asyncio.to_thread)), exception_handlers=HANDLERS)
        app.router.redirect_slashes = False
        async with listening(app, listen, None) as url:
            began.put((asyncio.get_running_loop(), stop, url))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(answer())
        except Exception as error:  # noqa: BLE001 - nothing is hidden: who began it is told
            began.put(error)

    thread = threading.Thread(target=run, name="byline-mirror", daemon=True)
    thread.start()
    found = began.get()
    if isinstance(found, Exception):
        raise found
    loop, stop, url = found
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()

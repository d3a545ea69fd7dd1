# SPDX-License-Identifier: Apache-2.0
"""The door for readers: C2SP tlog-tiles, and the same under `/api/v2`, where Sigstore's clients look.

    /checkpoint                              text/plain; charset=utf-8      kept for a second
    /tile/<level>/<index>[.p/<width>]        application/octet-stream       kept for ever
    /tile/entries/<index>[.p/<width>]        application/octet-stream       kept for ever, gzip for those who take it

A path has one spelling (`core.tiles`). A tile that is not full yet is served in every width that it had; it stays there when it
is full. What the newest checkpoint does not cover is not there (404), and nobody may keep that answer.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from byline.core.tiles import parse_tile_path
from byline.errors import MalformedError
from byline_ledger.server.http.answer import IMMUTABLE, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from byline.core.tiles import Tile

PREFIXES = ("", "/api/v2")
_NEW = "public, max-age=1"
# Most of the gain for a tenth of the time: leaves are JSON with base64 of what cannot be made smaller.
_LEVEL = 1


class Tiles(Protocol):
    """What this door shows: a log, or a copy of one."""

    def checkpoint(self) -> str:
        """Return the newest checkpoint for readers."""
        ...

    def tile(self, tile: Tile) -> bytes | None:
        """Return the bytes of `tile`, None if they are not there."""
        ...


class Read(Protocol):
    """Runs what reads in a thread where it may wait."""

    async def __call__(self, ask: Callable[[], Any], /) -> Any:  # noqa: ANN401 - whatever is asked
        """Return what `ask` says."""
        ...


def routes(log: Tiles, read: Read) -> Iterator[Route]:
    """Give the routes of this door."""

    async def checkpoint(_request: Request) -> Response:
        return PlainTextResponse(await read(log.checkpoint), headers={"Cache-Control": _NEW})

    async def tile(request: Request) -> Response:
        try:
            asked = parse_tile_path(f"tile/{request.path_params['path']}")
        except MalformedError as error:
            return refuse(grpc.StatusCode.NOT_FOUND, str(error))
        packed = asked.level is None and "gzip" in request.headers.get("Accept-Encoding", "")
        data = await read(lambda: _load(log, asked, packed=packed))
        if data is None:
            return refuse(grpc.StatusCode.NOT_FOUND, "the log does not reach that far")
        headers = {"Cache-Control": IMMUTABLE}
        if asked.level is None:
            headers["Vary"] = "Accept-Encoding"
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(data, media_type="application/octet-stream", headers=headers)

    for prefix in PREFIXES:
        yield Route(f"{prefix}/checkpoint", checkpoint)
        yield Route(f"{prefix}/tile/{{path:path}}", tile)


def _load(log: Tiles, tile: Tile, *, packed: bool) -> bytes | None:
    """Return the bytes of `tile`, in the thread of readers: reading and packing may take milliseconds."""
    data = log.tile(tile)
    return data if data is None or not packed else gzip.compress(data, _LEVEL, mtime=0)

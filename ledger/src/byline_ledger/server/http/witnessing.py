# SPDX-License-Identifier: Apache-2.0
"""What a witness answers over HTTP (C2SP tlog-witness).

POST /add-checkpoint                             cosigns a checkpoint (`engine.witness`)
GET /<hex SHA-256 of an origin>/checkpoint       the last one of that log that it cosigned
GET /healthz                                     whether it is there
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from byline.core.tlog_witness import MAX_REQUEST
from byline.errors import BylineError
from byline_ledger.server.http.answer import NEVER_KEPT
from byline_ledger.server.http.body import read_body

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from starlette.requests import Request

    from byline_ledger.engine.witness import Witness

_RETRY_SECONDS = 1


def application(witness: Witness, worker: Executor) -> Starlette:
    """Return the application of `witness`, which is asked in `worker`."""
    origins = {hashlib.sha256(each.encode()).hexdigest(): each for each in witness.origins}

    async def add_checkpoint(request: Request) -> Response:
        body = await read_body(request, MAX_REQUEST)
        answer = await asyncio.get_running_loop().run_in_executor(worker, witness.add_checkpoint, body)
        return Response(answer.text, answer.status, {"Cache-Control": NEVER_KEPT, "Content-Type": answer.kind})

    async def checkpoint(request: Request) -> Response:
        origin = origins.get(request.path_params["origin"], "")
        note = await asyncio.get_running_loop().run_in_executor(worker, witness.latest, origin)
        if note is None:
            return PlainTextResponse("this witness has cosigned no checkpoint of such a log\n", 404, {"Cache-Control": NEVER_KEPT})
        return PlainTextResponse(note, headers={"Cache-Control": "public, max-age=1"})

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("SERVING\n", headers={"Cache-Control": NEVER_KEPT})

    async def failed(_request: Request, error: Exception) -> Response:
        what = f"{error}\n" if isinstance(error, BylineError) else "the witness failed\n"
        return PlainTextResponse(what, 503, {"Cache-Control": NEVER_KEPT, "Retry-After": str(_RETRY_SECONDS)})

    app = Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{origin}/checkpoint", checkpoint),
            Route("/healthz", healthz),
        ],
        exception_handlers={BylineError: failed, Exception: failed},
    )
    app.router.redirect_slashes = False
    return app

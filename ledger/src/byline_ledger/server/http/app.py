# SPDX-License-Identifier: Apache-2.0
"""The ledger's HTTP application: the doors side by side, `/healthz`, `/metrics`, and what is answered where no door is.

Every refusal is JSON (`answer`), whatever failed; what is no error of Byline's is logged and not told. A path has one spelling: no
slash is added or taken away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from byline.errors import BylineError
from byline_ledger.server.http import calls, page, rekor, tiles
from byline_ledger.server.http.answer import NEVER_KEPT, code_of_status, refuse, refuse_status
from byline_ledger.server.http.guard import Guard
from byline_ledger.server.metrics import MEDIA_TYPE
from byline_ledger.server.status import write_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ExceptionHandler

    from byline_ledger.server.http.site import Site


def application(site: Site) -> Starlette:
    """Return the application over `site`."""

    async def healthz(_request: Request) -> Response:
        try:
            size = await site.read(lambda: site.log.size)
        except BylineError:
            size = None
        serving = size is not None and not site.appends.failing.is_set()
        body = {"status": "SERVING" if serving else "NOT_SERVING", "reads": size is not None, "appends": serving}
        return JSONResponse(body, 200 if serving else 503, {"Cache-Control": NEVER_KEPT})

    async def metrics(_request: Request) -> Response:
        return Response(site.reception.metrics.text(), media_type=MEDIA_TYPE, headers={"Cache-Control": NEVER_KEPT})

    own = (Route("/healthz", healthz), Route("/metrics", metrics))
    app = Starlette(
        routes=[*tiles.routes(site.log, site.read), *rekor.routes(site), *calls.routes(site), *page.routes(site), *own],
        middleware=[Middleware(Guard, site.reception)],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False
    return app


async def _no_door(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    answer = refuse(code_of_status(error.status_code), error.detail, status=error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _refused(_request: Request, error: Exception) -> Response:
    return refuse_status(write_status(error))


async def _ended(_request: Request, error: Exception) -> Response:
    assert isinstance(error, calls.Refused)  # noqa: S101 - registered for it
    return refuse_status(error.status)


async def _failed(_request: Request, _error: Exception) -> Response:
    # Starlette raises it again after the answer, and the server logs it.
    return refuse(grpc.StatusCode.INTERNAL, "the ledger failed")


# What is answered instead of an error, at every door.
HANDLERS: Mapping[type[Exception], ExceptionHandler] = {
    HTTPException: _no_door,
    calls.Refused: _ended,
    BylineError: _refused,
    Exception: _failed,
}

# SPDX-License-Identifier: Apache-2.0
"""The operator's door: HTTP on a unix socket (mode 0600), so that nobody but the server's own user and root comes in.

GET  /stats        how the log and the server are, as `byline ledger stats --json` prints it
GET  /metrics      for Prometheus
POST /reload       read admission.toml and certificates again, as SIGHUP does; a file that cannot be read changes nothing
POST /freeze       take no new entries, also after a restart; what is there is answered as before
POST /unfreeze     take them again

curl --unix-socket admin.sock http://ledger/stats
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from byline.errors import ConfigError
from byline_ledger.server.http.app import HANDLERS
from byline_ledger.server.metrics import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request

    from byline_ledger.server.operator import Operator


def administration(operator: Operator) -> Starlette:
    """Return the application with which `operator` is asked."""

    async def metrics(_request: Request) -> Response:
        return Response(operator.metrics(), media_type=MEDIA_TYPE)

    async def stats(_request: Request) -> Response:
        return JSONResponse(await operator.stats())

    async def reload(_request: Request) -> Response:
        return JSONResponse({"identities": operator.reload()})

    async def freeze(_request: Request) -> Response:
        await operator.freeze(frozen=True)
        return JSONResponse({"frozen": True})

    async def unfreeze(_request: Request) -> Response:
        await operator.freeze(frozen=False)
        return JSONResponse({"frozen": False})

    routes = [Route("/metrics", metrics), Route("/stats", stats)]
    routes += [Route(f"/{each.__name__}", each, methods=["POST"]) for each in (reload, freeze, unfreeze)]
    return Starlette(routes=routes, exception_handlers=HANDLERS)


@contextlib.contextmanager
def private_socket(path: Path) -> Iterator[socket.socket]:
    """Listen on a unix socket at `path` that its owner alone can open; what a server that is gone left there is replaced.

    Raises:
        ConfigError: It cannot be made there, or a server answers on it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        try:
            _remove_stale(path)
            # Made with its mode, and not changed to it: nobody slips in between.
            old = os.umask(0o177)
            try:
                bound.bind(str(path))
            finally:
                os.umask(old)
            bound.listen()
        except OSError as error:
            raise ConfigError(f"cannot listen on {path}: {error.strerror or error}", hint="name another under [listen] admin") from error
        try:
            yield bound
        finally:
            path.unlink(missing_ok=True)


def _remove_stale(path: Path) -> None:
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise ConfigError(f"a server is answering on {path} already", hint="stop it first, or name another under [listen] admin")

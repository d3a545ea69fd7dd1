# SPDX-License-Identifier: Apache-2.0
"""HTTP on a port, in the loop that is running: uvicorn without its signal handlers, its log set-up and its trust in proxies."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

from byline.errors import ConfigError
from byline_ledger.server.http.connection import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette

    from byline_ledger.server.certificates import Certificates

_GRACE_SECONDS = 10
_MAX_CONNECTIONS = 1024


class _Server(uvicorn.Server):
    """A server that is stopped by whoever started it, and by no signal."""

    capture_signals = staticmethod(contextlib.nullcontext)  # type: ignore[assignment]  # a context manager that does nothing


@contextlib.asynccontextmanager
async def listening(app: Starlette, listen: str, certificates: Certificates | None) -> AsyncIterator[str]:
    """Answer on `listen` (`HOST:PORT`) while the block runs, and give the URL; who is being answered when it ends is answered.

    Raises:
        ConfigError: It cannot listen there.
    """
    try:
        config = _config(app, certificates)
        host, _, port = listen.rpartition(":")
        bound = _bind(host.strip("[]"), int(port))
    except OSError as error:
        raise ConfigError(f"cannot answer HTTP on {listen}: {error.strerror or error}", hint="choose another port") from error
    with bound:
        async with _serving(config, bound):
            yield f"http{'s' if certificates else ''}://{host}:{bound.getsockname()[1]}"


@contextlib.asynccontextmanager
async def answering(app: Starlette, bound: socket.socket) -> AsyncIterator[None]:
    """Answer on the socket `bound`, as `listening` does and without TLS."""
    async with _serving(_config(app, None), bound):
        yield


@contextlib.asynccontextmanager
async def _serving(config: uvicorn.Config, bound: socket.socket) -> AsyncIterator[None]:
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _config(app: Starlette, certificates: Certificates | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    config.load()
    config.ssl = certificates.for_http() if certificates else None
    return config


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens: whoever comes before the server has begun waits for it."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # The loop turns off Nagle's wait, 40 ms for each answer, for sockets that say that they speak TCP.
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_MAX_CONNECTIONS)
    except OSError:
        bound.close()
        raise
    return bound

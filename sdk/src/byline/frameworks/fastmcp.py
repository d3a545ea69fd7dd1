# SPDX-License-Identifier: Apache-2.0
r"""FastMCP: a middleware of a server that watches each tool call; `byline wrap mcp` does the same for any server.

    server.add_middleware(BylineMiddleware(paths={"write_file": "path"}))

The agent is the client, as it calls itself, and all clients of one name share a session as long as the server runs: the protocol need
not have any. The call's id is that of the request, and the model is None: no client tells a server. A call that the rules for agents do not
allow is answered as one that failed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("fastmcp"):
    from fastmcp.exceptions import ToolError
    from fastmcp.server.middleware import Middleware

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from byline.flow.tools import PathsOf, StrPath


class BylineMiddleware(Middleware):
    """Watches the tools of a server; the arguments are those of `byline.flow.tool_calls.ToolCalls`."""

    def __init__(self, *, paths: Mapping[str, PathsOf] | None = None, agent: str | None = None, root: StrPath | None = None) -> None:
        self._agent = agent
        self._run = os.urandom(16).hex()
        self._calls = ToolCalls("mcp-client", root=root, paths=paths)

    async def on_call_tool(self, context: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        """Watch a call.

        Raises:
            ToolError: The rules for agents do not allow it.
        """
        told, here = context.message, context.fastmcp_context
        call_id = None if here is None else str(here.request_id)
        agent = self._agent or _client(here)
        run = f"{self._run}-{agent}" if agent else self._run
        try:
            async with self._calls.awatch(told.name, told.arguments or {}, call_id=call_id, agent=agent, run=run):
                return await call_next(context)
        except RefusedError as refused:
            raise ToolError(str(refused)) from refused


def _client(here: Any) -> str | None:
    """Return what the client calls itself."""
    told = getattr(getattr(here, "session", None), "client_params", None)
    info = getattr(told, "client_info", None) or getattr(told, "clientInfo", None)
    return getattr(info, "name", None)

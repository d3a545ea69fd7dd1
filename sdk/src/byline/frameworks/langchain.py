# SPDX-License-Identifier: Apache-2.0
r"""LangChain and LangGraph: a middleware that watches each tool call.

    agent = create_agent(model, tools, name="coder", middleware=[BylineMiddleware(paths={"write_file": "path"})])
    node = tool_node(tools, paths={"write_file": "path"})         # for a graph of one's own

The call's id is that of the message which asked for it, the model what that message's metadata name. A thread (`thread_id`) is a
session; without one a run is that was given a `run_id`, or else the middleware. The agent is called as `create_agent(name=...)` says.
A call that the rules for agents do not allow is answered as one that failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("langchain"):
    from langchain.agents.middleware import AgentMiddleware
    from langchain.messages import ToolMessage
    from langgraph.prebuilt import ToolNode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from byline.flow.tools import PathsOf, StrPath


class BylineMiddleware(AgentMiddleware):
    """Watches the tools of an agent; one may serve many agents. The arguments are those of `byline.flow.tool_calls.ToolCalls`."""

    def __init__(self, *, paths: Mapping[str, PathsOf] | None = None, agent: str | None = None, root: StrPath | None = None) -> None:
        super().__init__()
        self._calls = ToolCalls("langchain", agent=agent, root=root, paths=paths)

    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Watch a call."""
        try:
            with self._calls.watch(**_told(request)):
                return handler(request)
        except RefusedError as refused:
            return _answer(request, refused)

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Watch a call."""
        try:
            async with self._calls.awatch(**_told(request)):
                return await handler(request)
        except RefusedError as refused:
            return _answer(request, refused)


def tool_node(
    tools: Sequence[Any],
    *,
    paths: Mapping[str, PathsOf] | None = None,
    agent: str | None = None,
    root: StrPath | None = None,
    **options: Any,
) -> Any:
    """Return LangGraph's `ToolNode`, made with `options`, whose calls are watched."""
    watcher = BylineMiddleware(paths=paths, agent=agent, root=root)
    return ToolNode(tools, wrap_tool_call=watcher.wrap_tool_call, awrap_tool_call=watcher.awrap_tool_call, **options)


def _answer(request: Any, refused: RefusedError) -> Any:
    return ToolMessage(str(refused), tool_call_id=request.tool_call["id"], name=request.tool_call["name"], status="error")


def _told(request: Any) -> dict[str, Any]:
    """Return what the framework knows of a call, as `ToolCalls.watch` takes it."""
    call = request.tool_call
    config = getattr(request.runtime, "config", None) or {}
    thread = config.get("configurable", {}).get("thread_id")
    run = thread or getattr(getattr(request.runtime, "execution_info", None), "run_id", None)
    return {
        "tool": call["name"],
        "arguments": call["args"],
        "call_id": call["id"],
        "agent": config.get("metadata", {}).get("lc_agent_name"),
        "model": _model_of(call["id"], request.state),
        "run": None if run is None else str(run),
        "prompt": next((message.text for message in reversed(_messages(request.state)) if message.type == "human"), None),
    }


def _messages(state: Any) -> list[Any]:
    """Return the conversation."""
    if isinstance(state, list):
        return state
    found: list[Any] = state.get("messages", []) if isinstance(state, dict) else getattr(state, "messages", [])
    return found


def _model_of(call_id: str | None, state: Any) -> str | None:
    """Return the model whose message asked for the call."""
    for message in reversed(_messages(state)):
        if any(call["id"] == call_id for call in getattr(message, "tool_calls", ())):
            name: str | None = message.response_metadata.get("model_name") or message.response_metadata.get("model")
            return name
    return None

# SPDX-License-Identifier: Apache-2.0
r"""Microsoft Agent Framework: middleware that watches each tool call.

    agent = Agent(client, name="coder", tools=[write_file], middleware=middleware(paths={"write_file": "path"}))

The call's id is the framework's, the model that whose answer asked for the call. The agent is called as `Agent(name=...)` says; where
its answer is streamed, as `agent` says, for the framework does not tell then. An `AgentSession` is a session, a run is without one.
What the rules for agents do not allow is not called, and the model is told why.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("agent-framework"):
    from agent_framework import AgentMiddleware, ChatMiddleware, FunctionMiddleware

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from byline.flow.tools import PathsOf, StrPath

    Next = Callable[[], Awaitable[None]]

MOST_REMEMBERED = 10_000  # calls that were asked for, and perhaps not made

# The agent that is at work where the program is now.
_NAME: ContextVar[tuple[str | None, str | None]] = ContextVar("byline_agent_framework", default=(None, None))  # and what it was asked


def middleware(*, paths: Mapping[str, PathsOf] | None = None, agent: str | None = None, root: StrPath | None = None) -> list[Any]:
    """Return the middleware for any number of agents; the arguments are those of `byline.flow.tool_calls.ToolCalls`."""
    models: dict[str, str] = {}
    return [_Names(), _Models(models), _Calls(ToolCalls("agent-framework", agent=agent, root=root, paths=paths), models)]


class _Names(AgentMiddleware):
    """Notes who is at work, and at what."""

    async def process(self, context: Any, call_next: Next) -> None:
        asked = [message.text for message in context.messages if message.role == "user"]
        token = _NAME.set((context.agent.name, asked[-1] if asked else None))
        try:
            await call_next()
        finally:
            _NAME.reset(token)


class _Models(ChatMiddleware):
    """Notes which model asked for which call."""

    def __init__(self, models: dict[str, str]) -> None:
        self._models = models

    async def process(self, context: Any, call_next: Next) -> None:
        if context.stream:
            context.stream_result_hooks.append(self._note)
        await call_next()
        if not context.stream:
            self._note(context.result)

    def _note(self, response: Any) -> Any:
        asked = [each.call_id for message in response.messages for each in message.contents if each.type == "function_call"]
        if response.model and len(self._models) < MOST_REMEMBERED:
            self._models.update(dict.fromkeys(asked, response.model))
        return response


class _Calls(FunctionMiddleware):
    """Watches the calls."""

    def __init__(self, calls: ToolCalls, models: dict[str, str]) -> None:
        self._calls = calls
        self._models = models

    async def process(self, context: Any, call_next: Next) -> None:
        given, told = context.arguments, context.metadata.get("call_id")
        name, prompt = _NAME.get()
        try:
            async with self._calls.awatch(
                context.function.name,
                dict(given) if hasattr(given, "keys") else given.model_dump(),
                call_id=told,
                agent=name,
                model=self._models.pop(told, None),
                run=context.session.session_id if context.session else None,
                prompt=prompt,
            ):
                await call_next()
        except RefusedError as refused:
            context.result = str(refused)

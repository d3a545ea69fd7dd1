# SPDX-License-Identifier: Apache-2.0
r"""The OpenAI Agents SDK: hooks of a run that watch each tool call.

    with BylineHooks(paths={"write_file": "path"}) as hooks:
        await Runner.run(agent, "...", hooks=hooks)           # or run_sync, run_streamed
        # reviewer.as_tool(..., hooks=hooks) for agents that are tools

What the rules for agents do not allow ends the run with `RefusedError`. A tool with our guardrail is not called then, and the model is
told why:

    function_tool(write_file, tool_input_guardrails=[hooks.guardrail])

The SDK says that a tool ended, but not that it failed for good (`failure_error_function=None`) or that its run was cancelled: such a call
ends where the `with` does, or else when Python collects what is left of it; hooks for each run, in a `with`, are exact. A trace is a
session, one pair of hooks is where nothing is traced; agents that are handed to, or called as tools, have sessions below the first one's.
Tools run outside these hooks' context: `byline.current()` in a tool is the session of a `with byline.session(...)` around the run, if
there is one.
"""

from __future__ import annotations

import json
import weakref
from asyncio import to_thread
from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING, Any

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("openai-agents"):
    from agents import (
        FunctionTool,
        RunHooks,
        ToolGuardrailFunctionOutput,
        ToolInputGuardrail,
        ToolOriginType,
        get_current_trace,
    )
    from agents.tool import get_function_tool_origin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from byline.flow.tools import PathsOf, StrPath

    # A tool call: its context, which a function tool has of its own and others share, and its tool.
    Key = tuple[int, str]


class BylineHooks(RunHooks):
    """Watches the tools of a run; the arguments are those of `byline.flow.tool_calls.ToolCalls`."""

    def __init__(self, *, paths: Mapping[str, PathsOf] | None = None, root: StrPath | None = None) -> None:
        self._calls = ToolCalls("openai-agents", root=root, paths=paths)
        self._open: dict[Key, list[ExitStack]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End what tools that failed left open."""
        while self._open:
            _close(self._open.popitem()[1])

    async def on_agent_start(self, context: Any, agent: Any) -> None:  # noqa: ARG002 - the framework's signature
        """Note who is first."""
        self._calls.session(agent=agent.name, run=_run())

    @property
    def guardrail(self) -> Any:
        """What lets the model know of a call that the rules for agents do not allow, for the tools of the agents in the run."""
        return ToolInputGuardrail(self._judge, name="byline")

    async def _judge(self, data: Any) -> Any:
        try:
            await to_thread(self._calls.check, **_told(data.context, data.agent, data.context.tool_name))
        except RefusedError as refused:
            return ToolGuardrailFunctionOutput.reject_content(str(refused))
        return ToolGuardrailFunctionOutput.allow()

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
        """Begin to watch."""
        if isinstance(tool, FunctionTool) and (origin := get_function_tool_origin(tool)) and origin.type is ToolOriginType.AGENT_AS_TOOL:
            return  # its own calls are watched
        stack = ExitStack()
        await to_thread(stack.enter_context, self._calls.watch(**_told(context, agent, tool.name)))
        key = id(context), tool.name
        if key not in self._open:
            weakref.finalize(context, self._forget, key).atexit = False
        self._open.setdefault(key, []).append(stack)

    async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: object) -> None:  # noqa: ARG002 - the framework's signature
        """Look what changed."""
        key = id(context), tool.name
        if calls := self._open.get(key):
            stack = calls.pop()
            if not calls:
                self._open.pop(key, None)
            await to_thread(stack.close)

    def _forget(self, key: Key) -> None:
        """End what a call left open whose context is gone: another one may have its id from now on."""
        if calls := self._open.pop(key, None):
            Thread(target=_close, args=(calls,)).start()  # whoever let go of it may hold any lock


def _close(calls: list[ExitStack]) -> None:
    for stack in reversed(calls):
        stack.close()


def _run() -> str | None:
    trace = get_current_trace()
    name = trace.trace_id if trace else ""
    return name if name.startswith("trace_") else None


def _told(context: Any, agent: Any, tool: str) -> dict[str, Any]:
    """Return what the SDK knows of a call, as `ToolCalls.watch` takes it."""
    return {
        "tool": tool,
        "arguments": _arguments(context),
        "call_id": getattr(context, "tool_call_id", None),
        "agent": agent.name,
        "model": _model_of(context, agent),
        "run": _run(),
        "prompt": _prompt(context),
    }


def _prompt(context: Any) -> str | None:
    """Return what the run was asked last; None where that is no plain text."""
    told = [each.get("content") for each in context.turn_input if isinstance(each, dict) and each.get("role") == "user"]
    return told[-1] if told and isinstance(told[-1], str) else None


def _arguments(context: Any) -> object:
    try:
        return json.loads(context.tool_arguments)
    except (AttributeError, TypeError, ValueError):
        return None


def _model_of(context: Any, agent: Any) -> str | None:
    """Return the model that the run or the agent names; None where it is the SDK's default."""
    asked = getattr(getattr(context, "run_config", None), "model", None) or agent.model
    name = asked if isinstance(asked, str) else getattr(asked, "model", None)
    return name if isinstance(name, str) else None

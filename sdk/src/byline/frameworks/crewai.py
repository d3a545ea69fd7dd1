# SPDX-License-Identifier: Apache-2.0
r"""CrewAI: what the tools of all crews and agents that run within a `with` write.

    with BylineHooks(paths={"write_file": "path"}):
        crew.kickoff()

CrewAI's hooks are the process's, and come in pairs around a tool: both are called in the context in which the tool is at work, also
where calls run side by side in threads, so that what the first one opens is the tool's own. A hook gets no id of the call: it is that
of the one call of the model's message with this tool and these arguments; None where there are two, where the model asks in text
(ReAct), and for an agent that runs without a crew. The crew is a session, and so is an agent that runs without one; whom an agent
delegates to has a session below its own. What the rules for agents do not allow is not called, and the model is told why.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("crewai"):
    from crewai.hooks import (
        register_after_tool_call_hook,
        register_before_tool_call_hook,
        unregister_after_tool_call_hook,
        unregister_before_tool_call_hook,
    )

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from byline.flow.tools import PathsOf, StrPath

    Open = tuple[tuple[object, AbstractContextManager[Any] | RefusedError], ...]

DELEGATES = ("delegate_work_to_coworker", "ask_question_to_coworker")  # they write nothing: whom they ask does


class BylineHooks:
    """Watch every tool call while the `with` lasts. The arguments are those of `byline.flow.tool_calls.ToolCalls`."""

    def __init__(self, *, paths: Mapping[str, PathsOf] | None = None, agent: str | None = None, root: StrPath | None = None) -> None:
        self._calls = ToolCalls("crewai", agent=agent, root=root, paths={**dict.fromkeys(DELEGATES, ()), **(paths or {})})
        self._open: ContextVar[Open] = ContextVar("byline_crewai_calls", default=())

    def __enter__(self) -> Self:
        """Begin."""
        register_before_tool_call_hook(self._before)
        register_after_tool_call_hook(self._after)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End, and with it what a call left open that did not end: a person interrupted it."""
        for _, watch in reversed(self._open.get()):
            if not isinstance(watch, RefusedError):
                watch.__exit__(None, None, None)
        self._open.set(())
        unregister_before_tool_call_hook(self._before)
        unregister_after_tool_call_hook(self._after)

    def _before(self, call: Any) -> bool | None:
        """Begin to watch a call; False where it may not be made."""
        watch = self._calls.watch(
            call.tool_name,
            call.tool_input,
            call_id=_call_id(call),
            agent=getattr(call.agent, "role", None),
            model=getattr(getattr(call.agent, "llm", None), "model", None),
            run=str((call.crew or call.agent).id) if call.crew or call.agent else None,
        )
        opened: AbstractContextManager[Any] | RefusedError = watch
        try:
            watch.__enter__()
        except RefusedError as refused:
            opened = refused
        self._open.set((*self._open.get(), (call.tool_input, opened)))
        return False if opened is not watch else None

    def _after(self, call: Any) -> str | None:
        """End the call, and those inside it that were left without a word; return what the model is told of one that was not made."""
        opened = self._open.get()
        mine = next((number for number, (asked, _) in enumerate(opened) if asked is call.tool_input), len(opened))
        self._open.set(opened[:mine])
        for _, watch in reversed(opened[mine:]):
            if not isinstance(watch, RefusedError):
                watch.__exit__(None, None, None)
        last = opened[mine][1] if opened[mine:] else None
        return str(last) if isinstance(last, RefusedError) else None


def _call_id(call: Any) -> str | None:
    """Return the id that the model's last message gives to this call of a tool."""
    at_work = getattr(call.agent, "agent_executor", None)
    if at_work is None or at_work.task is not call.task:
        return None  # an agent without a crew does not tell what it hears
    asked = next((message["tool_calls"] for message in reversed(at_work.messages) if message.get("tool_calls")), ())
    ids = [name for name, tool, arguments in _told(asked) if (tool, arguments) == (call.tool_name, call.tool_input)]
    return ids[0] if len(ids) == 1 else None


def _told(asked: Any) -> Iterator[tuple[str, str, Any]]:
    for each in asked:
        arguments = each["function"]["arguments"]
        try:
            yield each["id"], each["function"]["name"], json.loads(arguments) if isinstance(arguments, str) else arguments
        except ValueError:
            continue

# SPDX-License-Identifier: Apache-2.0
r"""smolagents: an agent, with those it manages, whose tool calls are watched.

    agent = watched(ToolCallingAgent([write_file], model, name="coder"), paths={"write_file": "path"})
    agent = watched(CodeAgent([], model))                     # each piece of code it runs may change any file

The framework passes no id to what it calls: it is that of the one call of the model's message with this tool and these arguments, None
where there are two. A piece of code has none, and only code that runs on this machine is seen. The recorded agent is a session.
What the rules for agents do not allow is not called, and the model is told why; what a piece of code does is not known before.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("smolagents"):
    from smolagents import CodeAgent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from byline.flow.tools import PathsOf, StrPath

AnyAgent = TypeVar("AnyAgent")

CODE = "python_interpreter"  # what a CodeAgent calls its only tool


def watched(
    agent: AnyAgent, *, paths: Mapping[str, PathsOf] | None = None, name: str | None = None, root: StrPath | None = None
) -> AnyAgent:
    """Watch what `agent` and the agents it manages call, and return it. `name` is for one that has none.

    The other arguments are those of `byline.flow.tool_calls.ToolCalls`.
    """
    _watch(agent, ToolCalls("smolagents", agent=name, root=root, paths=paths))
    return agent


def _watch(agent: Any, calls: ToolCalls) -> None:
    if isinstance(agent, CodeAgent):
        agent.python_executor = _Executor(agent, calls)
    else:
        _watch_calls(agent, calls)
    for managed in agent.managed_agents.values():
        _watch(managed, calls)


def _told(agent: Any) -> dict[str, str | None]:
    return {"agent": agent.name, "model": getattr(agent.model, "model_id", None), "prompt": getattr(agent, "task", None)}


def _watch_calls(agent: Any, calls: ToolCalls) -> None:
    process, execute = agent.process_tool_calls, agent.execute_tool_call
    asked: list[Any] = []

    def process_tool_calls(chat_message: Any, memory_step: Any) -> Iterator[Any]:
        asked[:] = chat_message.tool_calls or []
        return process(chat_message, memory_step)  # type: ignore[no-any-return]  # the framework's own

    def execute_tool_call(tool_name: str, arguments: Any) -> Any:
        ids = [call.id for call in asked if (call.function.name, call.function.arguments or {}) == (tool_name, arguments)]
        try:
            with calls.watch(tool_name, arguments, call_id=ids[0] if len(ids) == 1 else None, **_told(agent)):
                return execute(tool_name, arguments)
        except RefusedError as refused:
            return str(refused)

    agent.process_tool_calls, agent.execute_tool_call = process_tool_calls, execute_tool_call


class _Executor:
    """An agent's executor, each piece of code watched; what the code calls knows in whose session it is.

    The local executor runs code in a thread of its own, which has no context.
    """

    def __init__(self, agent: Any, calls: ToolCalls) -> None:
        self._agent, self._calls, self._executor = agent, calls, agent.python_executor
        self._context: Context | None = None

    def __call__(self, code_action: str) -> Any:
        with self._calls.watch(CODE, None, **_told(self._agent)):
            self._context = copy_context()
            return self._executor(code_action)

    def send_tools(self, tools: dict[str, Any]) -> None:
        is_local = self._agent.executor_type == "local"  # others take the source of the tools with them
        self._executor.send_tools({name: self._in_context(tool) for name, tool in tools.items()} if is_local else tools)

    def _in_context(self, tool: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: object, **kwargs: object) -> Any:
            return self._context.copy().run(tool, *args, **kwargs) if self._context else tool(*args, **kwargs)

        return called

    def __getattr__(self, name: str) -> Any:
        """Return whatever else the executor has."""
        return getattr(self._executor, name)

# SPDX-License-Identifier: Apache-2.0
r"""Google's Agent Development Kit: a plugin that watches each tool call.

    runner = InMemoryRunner(agent, app_name="demo", plugins=[BylinePlugin(paths={"write_file": "path"})])

Call id and agent are the framework's, the model is the version that answered last to this agent. A session of the ADK is a session. A
call that fails or is cancelled is recorded as well; one that the rules for agents do not allow is answered as one that failed.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("google-adk"):
    from google.adk.plugins.base_plugin import BasePlugin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.flow.tools import PathsOf, StrPath

MOST_REMEMBERED = 10_000  # agents in runs, of which is known what model they have


class BylinePlugin(BasePlugin):
    """Watches the tools of all agents of a runner; the arguments are those of `byline.flow.tool_calls.ToolCalls`."""

    def __init__(self, *, paths: Mapping[str, PathsOf] | None = None, agent: str | None = None, root: StrPath | None = None) -> None:
        super().__init__("byline")
        self._calls = ToolCalls("google-adk", agent=agent, root=root, paths=paths)
        self._models: dict[tuple[str, str], str] = {}
        self._open: dict[tuple[str, str], AsyncExitStack] = {}

    async def after_model_callback(self, *, callback_context: Any, llm_response: Any) -> None:
        """Note the model."""
        if llm_response.model_version:
            if len(self._models) >= MOST_REMEMBERED:
                self._models.clear()
            self._models[callback_context.invocation_id, callback_context.agent_name] = llm_response.model_version

    async def before_tool_callback(self, *, tool: Any, tool_args: dict[str, Any], tool_context: Any) -> dict[str, str] | None:
        """Begin to watch; a call that is not allowed is answered."""
        stack = AsyncExitStack()
        watch = self._calls.awatch(
            tool.name,
            tool_args,
            call_id=tool_context.function_call_id,
            agent=tool_context.agent_name,
            model=self._models.get((tool_context.invocation_id, tool_context.agent_name)),
            run=tool_context.session.id,
            prompt="\n".join(part.text for part in tool_context.user_content.parts or () if part.text)
            if tool_context.user_content
            else None,
        )
        try:
            await stack.enter_async_context(watch)
        except RefusedError as refused:
            return {"error": str(refused)}
        self._open[_key(tool_context)] = stack
        return None

    async def after_tool_callback(self, *, tool: Any, tool_args: dict[str, Any], tool_context: Any, result: Any) -> None:  # noqa: ARG002 - the framework's signature
        """Look what changed."""
        await self._end(tool_context)

    async def on_tool_error_callback(self, *, tool: Any, tool_args: dict[str, Any], tool_context: Any, error: Exception) -> None:  # noqa: ARG002 - the framework's signature
        """Look what changed."""
        await self._end(tool_context)

    async def _end(self, tool_context: Any) -> None:
        stack = self._open.pop(_key(tool_context), None)
        if stack is not None:
            await stack.aclose()


def _key(tool_context: Any) -> tuple[str, str]:
    return tool_context.invocation_id, tool_context.function_call_id

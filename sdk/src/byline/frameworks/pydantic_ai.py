# SPDX-License-Identifier: Apache-2.0
r"""Pydantic AI: a capability that watches each tool call.

    agent = Agent(model, tools=[write_file], capabilities=[capability(paths={"write_file": "path"})], name="coder")

Call id, agent and arguments (validated) are the framework's, the model is what answered, also where one stood in for another
(`FallbackModel`). A conversation is a session. What the rules for agents do not allow is not called, and the model is told why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byline.errors import RefusedError
from byline.flow.tool_calls import ToolCalls
from byline.frameworks.extras import wanted

with wanted("pydantic-ai"):
    from pydantic_ai import ModelResponse
    from pydantic_ai.capabilities import Hooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from byline.flow.tools import PathsOf, StrPath


def capability(*, paths: Mapping[str, PathsOf] | None = None, agent: str | None = None, root: StrPath | None = None) -> Any:
    """Return a capability for any number of agents; the arguments are those of `byline.flow.tool_calls.ToolCalls`."""
    calls = ToolCalls("pydantic-ai", agent=agent, root=root, paths=paths)

    async def watched(ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:  # noqa: ARG001 - the framework's signature
        try:
            async with calls.awatch(
                call.tool_name,
                args,
                call_id=call.tool_call_id,
                agent=ctx.agent.name if ctx.agent else None,
                model=_model_of(ctx),
                run=ctx.conversation_id or ctx.run_id,
                prompt=ctx.prompt if isinstance(ctx.prompt, str) else None,
            ):
                return await handler(args)
        except RefusedError as refused:
            return str(refused)

    return Hooks(tool_execute=watched)


def _model_of(ctx: Any) -> str | None:
    """Return the model that answered last: it asked for the call."""
    answers = (message.model_name for message in reversed(ctx.messages) if isinstance(message, ModelResponse))
    name: str | None = next(answers, None) or getattr(ctx.model, "model_name", None)
    return name

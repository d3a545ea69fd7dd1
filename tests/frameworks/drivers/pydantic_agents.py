# SPDX-License-Identifier: Apache-2.0
"""Pydantic AI's agents, driven by its function model: `python pydantic_agents.py run_sync|run|run_stream`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from pydantic_ai import Agent, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ModelRequest
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.tools import Tool
from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, fails, shell, turn, write_file

from byline.frameworks.pydantic_ai import capability


def model(turns: tuple[Any, ...], name: str) -> FunctionModel:
    def asked(messages: list[Any]) -> tuple[Any, ...]:
        return turn(turns, sum(isinstance(message, ModelRequest) for message in messages) - 1)

    def whole(messages: list[Any], _info: object) -> ModelResponse:
        calls = [ToolCallPart(each.tool, each.arguments, each.id) for each in asked(messages)]
        return ModelResponse(parts=calls or [TextPart("done")])

    async def streamed(messages: list[Any], _info: object) -> Any:
        calls = asked(messages)
        for number, each in enumerate(calls):
            yield {number: DeltaToolCall(name=each.tool, json_args=json.dumps(each.arguments), tool_call_id=each.id)}
        if not calls:
            yield "done"

    return FunctionModel(whole, stream_function=streamed, model_name=name)


async def main(how: str) -> None:
    watched = capability(paths=PATHS)
    inner = Agent(model(INNER, INNER_MODEL), tools=[write_file], capabilities=[watched], name="tester")

    async def delegate(task: str) -> str:
        """Let another agent do it."""
        return (await inner.run(task)).output

    tools = [write_file, shell, Tool(fails, max_retries=2), delegate]
    agent = Agent(model(TURNS, MODEL), tools=tools, capabilities=[watched, forgiving()], name="coder")
    if how == "run":
        await agent.run("hi")
    elif how == "run_stream":
        async with agent.run_stream("hi") as said:
            await said.get_output()
    else:
        await asyncio.to_thread(agent.run_sync, "hi")


def forgiving() -> Any:
    """Make what a tool raises its answer."""
    from pydantic_ai.capabilities import Hooks

    async def said(_ctx: object, *, error: Exception, **_what: object) -> str:
        return str(error)

    return Hooks(tool_execute_error=said)


asyncio.run(main(sys.argv[1]))

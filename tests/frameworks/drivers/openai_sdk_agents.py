# SPDX-License-Identifier: Apache-2.0
"""Agents of the OpenAI Agents SDK, driven by a model of ours.

python openai_sdk_agents.py run|run_sync|run_streamed|handoff|raises|cancelled
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import threading
from pathlib import Path
from typing import Any

from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage, function_tool
from openai.types.responses import Response, ResponseCompletedEvent, ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, Asked, fails, shell, turn, write_file

from byline.frameworks.openai_agents import BylineHooks

HANDOFF = ((Asked(id="h1", tool="transfer_to_tester"),),)
RAISES = (TURNS[3],)


class Fake(Model):
    """Says what its turns say, whole or streamed."""

    def __init__(self, turns: tuple[Any, ...], name: str) -> None:
        self.model = name
        self.turns = turns
        self.number = -1

    async def get_response(self, *_said: object, **_options: object) -> ModelResponse:
        self.number += 1
        calls = [
            ResponseFunctionToolCall(type="function_call", call_id=each.id, name=each.tool, arguments=json.dumps(each.arguments))
            for each in turn(self.turns, self.number)
        ]
        text = ResponseOutputText(type="output_text", text="done", annotations=[])
        done = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[*calls] or [done], usage=Usage(), response_id="r1")

    async def stream_response(self, *said: object, **options: object) -> Any:
        whole = await self.get_response(*said, **options)
        response = Response(
            id="r1",
            created_at=0,
            model=self.model,
            object="response",
            output=whole.output,
            tool_choice="auto",
            tools=[],
            parallel_tool_calls=True,
        )
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)


async def main(how: str) -> None:
    with BylineHooks(paths=PATHS) as hooks:
        writes, runs = (function_tool(each, tool_input_guardrails=[hooks.guardrail]) for each in (write_file, shell))
        inner = Agent(name="tester", model=Fake(INNER, INNER_MODEL), tools=[writes])
        delegate = inner.as_tool(tool_name="delegate", tool_description="Let another agent do it.", hooks=hooks)
        # As the SDK has it, an agent that is a tool takes `input`.
        asked = tuple(
            tuple(Asked(id=c.id, tool=c.tool, arguments={"input": "write"}) if c.tool == "delegate" else c for c in t) for t in TURNS
        )
        fatal = function_tool(fails, failure_error_function=None)
        tools = [writes, runs, fatal if how == "raises" else function_tool(fails), delegate]
        turns = HANDOFF if how == "handoff" else RAISES if how == "raises" else PersonTypes(asked)
        agent = Agent(name="coder", model=Fake(turns, MODEL), tools=tools, handoffs=[inner])
        quiet = {"run_config": RunConfig(tracing_disabled=how != "run"), "hooks": hooks}
        if how == "run_sync":
            await asyncio.to_thread(in_new_loop, agent, quiet)
        elif how == "run_streamed":
            said = Runner.run_streamed(agent, "hi", **quiet)
            async for _ in said.stream_events():
                pass
        else:
            with contextlib.suppress(Exception) if how == "raises" else contextlib.nullcontext():
                await Runner.run(agent, "hi", **quiet)


async def cancelled() -> None:
    """Cancel a run in the middle of a tool."""
    begun = asyncio.Event()

    @function_tool
    async def slow() -> str:
        await asyncio.to_thread(Path("half.py").write_text, "half = 1\n")
        begun.set()
        await asyncio.Event().wait()
        return ""

    agent = Agent(name="coder", model=Fake(((Asked(id="c1", tool="slow"),),), MODEL), tools=[slow])
    run = asyncio.create_task(Runner.run(agent, "hi", hooks=BylineHooks(), run_config=RunConfig(tracing_disabled=True)))
    await begun.wait()
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run


def type_later() -> None:
    """Type once nothing is left of the run."""
    gc.collect()
    for each in threading.enumerate():
        if each is not threading.current_thread():
            each.join(60)
    Path("human.py").write_text("typed = 1\n")


class PersonTypes(tuple[Any, ...]):
    """The turns, at the second of which a person types."""

    __slots__ = ()

    def __getitem__(self, number: Any) -> Any:
        if number == 1:
            turn(TURNS, 1)
        return super().__getitem__(number)


def in_new_loop(agent: Any, options: Any) -> None:
    asyncio.set_event_loop(asyncio.new_event_loop())
    Runner.run_sync(agent, "hi", **options)


if sys.argv[1] == "cancelled":
    asyncio.run(cancelled())
    type_later()
else:
    asyncio.run(main(sys.argv[1]))

# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex' agents, driven by a model of ours: `python llama_agents.py run|workflow`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse, LLMMetadata, MockLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, Asked, fails, shell, turn, write_file

from byline.frameworks.llama_index import watched

HANDOFF = (
    (Asked(id="c1", tool="write_file", arguments=TURNS[0][0].arguments),),
    (Asked(id="h1", tool="handoff", arguments={"to_agent": "tester", "reason": "tests"}),),
)


class Fake(MockLLM, FunctionCallingLLM):
    """Says what its turns say."""

    turns: Any = ()
    called: str = MODEL
    number: int = -1

    def __init__(self, turns: Any, called: str = MODEL) -> None:
        super().__init__()
        self.turns, self.called = turns, called

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_function_calling_model=True, model_name=self.called)

    def _prepare_chat_with_tools(self, *_said: object, **_options: object) -> dict[str, Any]:
        return {"messages": []}

    async def astream_chat_with_tools(self, *_said: object, **_options: object) -> Any:
        self.number += 1
        asked = turn(self.turns, self.number)
        selected = [ToolSelection(tool_id=each.id, tool_name=each.tool, tool_kwargs=dict(each.arguments)) for each in asked]
        blocks = [ToolCallBlock(tool_call_id=each.tool_id, tool_name=each.tool_name, tool_kwargs=each.tool_kwargs) for each in selected]
        message = ChatMessage(role="assistant", content="" if asked else "done")
        message.blocks = [*message.blocks, *blocks]

        async def said() -> Any:
            yield ChatResponse(message=message, delta="", raw={"calls": selected})

        return said()

    def get_tool_calls_from_response(self, response: Any, **_options: object) -> list[ToolSelection]:
        return list(response.raw["calls"])


async def main(how: str) -> None:
    coder = watched(FunctionAgent, paths=PATHS)
    if how == "workflow":
        first = FunctionAgent(name="coder", description="codes", tools=[write_file], llm=Fake(HANDOFF))
        second = FunctionAgent(name="tester", description="tests", tools=[write_file], llm=Fake(INNER, INNER_MODEL))
        await watched(AgentWorkflow, paths=PATHS)(agents=[first, second], root_agent="coder").run("hi")
        return
    inner = coder(name="tester", tools=[write_file], llm=Fake(INNER, INNER_MODEL))

    async def delegate(task: str) -> str:
        """Let another agent do it."""
        return str(await inner.run(task))

    handler = coder(name="coder", tools=[write_file, shell, fails, delegate], llm=Fake(TURNS)).run("hi")
    async for _ in handler.stream_events():
        pass
    await handler


asyncio.run(main(sys.argv[1]))

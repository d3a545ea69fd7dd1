# SPDX-License-Identifier: Apache-2.0
"""Microsoft Agent Framework's agents, driven by a client that says what the script says: `python microsoft_agents.py run`."""

from __future__ import annotations

import asyncio
from typing import Any

from agent_framework import Agent, BaseChatClient, ChatMiddlewareLayer, ChatResponse, Content, FunctionInvocationLayer, Message, tool
from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, fails, shell, turn, write_file

from byline.frameworks.agent_framework import middleware


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    """A client whose model says what the script says."""

    def __init__(self, turns: tuple[Any, ...], name: str) -> None:
        super().__init__()
        self._turns, self._name, self._asked = turns, name, 0

    async def _inner_get_response(self, **_: object) -> ChatResponse:
        self._asked += 1
        asked = turn(self._turns, self._asked - 1)
        calls = [Content.from_function_call(each.id, each.tool, arguments=each.arguments) for each in asked]
        return ChatResponse(messages=[Message("assistant", calls or [Content.from_text("done")])], model=self._name)


async def main() -> None:
    watched = middleware(paths=PATHS)
    inner = Agent(Scripted(INNER, INNER_MODEL), name="tester", tools=[tool(write_file)], middleware=watched)

    async def delegate(task: str) -> str:
        """Let another agent do it."""
        return (await inner.run(task)).text

    tools = [tool(each) for each in (write_file, shell, fails, delegate)]
    await Agent(Scripted(TURNS, MODEL), name="coder", tools=tools, middleware=watched).run("hi")


asyncio.run(main())

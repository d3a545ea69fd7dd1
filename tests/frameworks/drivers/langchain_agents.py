# SPDX-License-Identifier: Apache-2.0
"""LangChain's agents, driven by its fake model: `python langchain_agents.py invoke|ainvoke|stream|astream|graph`."""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import tools_condition
from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, fails, shell, turn, write_file

from byline.frameworks.langchain import BylineMiddleware, tool_node

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = "00000000-0000-0000-0000-000000000007"


class Fake(GenericFakeChatModel):
    """LangChain's fake, which does not look at tools."""

    def bind_tools(self, _tools: object, **_options: object) -> Fake:
        return self

    def _stream(self, *_said: object, **_options: object) -> Iterator[ChatGenerationChunk]:
        whole = next(self.messages)
        calls = [tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"]) for call in whole.tool_calls]
        for call in calls or [None]:
            part = AIMessageChunk(content="" if call else "done", tool_call_chunks=[call] if call else [])
            yield ChatGenerationChunk(message=part)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=whole.response_metadata, chunk_position="last"))


def model(turns: tuple[Any, ...], name: str) -> Fake:
    return Fake(messages=(_message(turn(turns, number), name) for number in count()))


def _message(asked: tuple[Any, ...], name: str) -> AIMessage:
    calls = [{"name": each.tool, "args": each.arguments, "id": each.id} for each in asked]
    return AIMessage("" if calls else "done", tool_calls=calls, response_metadata={"model_name": name})


@wrap_tool_call
def forgiving(request: Any, handler: Any) -> Any:
    try:
        return handler(request)
    except ValueError as error:
        return ToolMessage(str(error), tool_call_id=request.tool_call["id"], status="error")


@wrap_tool_call
async def forgiving_later(request: Any, handler: Any) -> Any:
    try:
        return await handler(request)
    except ValueError as error:
        return ToolMessage(str(error), tool_call_id=request.tool_call["id"], status="error")


def main(how: str) -> None:
    is_async = how.startswith("a")
    watched = BylineMiddleware(paths=PATHS)
    around = [forgiving_later if is_async else forgiving, watched]
    inner = create_agent(model(INNER, INNER_MODEL), [write_file], middleware=[watched], name="tester")
    said = {"messages": [("user", "hi")]}

    def delegate(task: str) -> str:
        """Let another agent do it."""
        return str(inner.invoke({"messages": [("user", task)]})["messages"][-1].content)

    async def delegate_later(task: str) -> str:
        """Let another agent do it."""
        return str((await inner.ainvoke({"messages": [("user", task)]}))["messages"][-1].content)

    delegate_later.__name__ = "delegate"
    tools = [write_file, shell, fails, delegate_later if is_async else delegate]
    thread = {"configurable": {"thread_id": "thread-1"}, "metadata": {"lc_agent_name": "coder"}}
    if how == "stream":
        thread = {"run_id": UUID(RUN), "metadata": thread["metadata"]}
    if how == "graph":
        speaker = model(TURNS, MODEL)
        graph = StateGraph(MessagesState)
        graph.add_node("model", lambda state: {"messages": [speaker.invoke(state["messages"])]})
        graph.add_node("tools", tool_node(tools, paths=PATHS, handle_tool_errors=True))
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", tools_condition)
        graph.add_edge("tools", "model")
        graph.compile().invoke(said, thread)
        return
    agent = create_agent(model(TURNS, MODEL), tools, middleware=around, name="coder")
    if how == "invoke":
        agent.invoke(said, thread)
    elif how == "stream":
        for _ in agent.stream(said, thread, stream_mode="messages"):
            pass
    elif how == "ainvoke":
        asyncio.run(agent.ainvoke(said, thread))
    else:

        async def streamed() -> None:
            async for _ in agent.astream(said, thread, stream_mode="messages"):
                pass

        asyncio.run(streamed())


main(sys.argv[1])

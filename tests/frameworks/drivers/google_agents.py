# SPDX-License-Identifier: Apache-2.0
"""Google ADK's agents, driven by a model that says what the script says: `python google_agents.py run`."""

from __future__ import annotations

import asyncio
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.runners import InMemoryRunner
from google.genai import types
from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, fails, shell, turn, write_file

from byline.frameworks.google_adk import BylinePlugin


class Scripted(BaseLlm):
    """A model that says what the script says."""

    asked: int = 0

    async def generate_content_async(self, _request: object, stream: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 - the framework's signature
        self.asked += 1
        calls = [
            types.Part(function_call=types.FunctionCall(id=each.id, name=each.tool, args=named(each)))
            for each in turn(TURNS if self.model == MODEL else INNER, self.asked - 1)
        ]
        parts = calls or [types.Part(text="done")]
        yield LlmResponse(content=types.Content(role="model", parts=parts), model_version=self.model)


def named(each: Any) -> dict[str, str]:
    """Return the arguments as an agent that is a tool takes them."""
    return {"request": each.arguments["task"]} if each.tool == "delegate" else dict(each.arguments)


class Forgiving(BasePlugin):
    """Makes what a tool raises its answer."""

    async def on_tool_error_callback(self, *, error: Exception, **_what: object) -> dict[str, str]:
        return {"error": str(error)}


async def main() -> None:
    inner = LlmAgent(name="tester", model=Scripted(model=INNER_MODEL), tools=[write_file])

    async def delegate(request: str) -> str:
        """Let another agent do it."""
        runner = InMemoryRunner(inner, app_name="inner", plugins=[watched])
        await runner.run_debug(request, quiet=True)
        return "done"

    watched = BylinePlugin(paths=PATHS)
    coder = LlmAgent(name="coder", model=Scripted(model=MODEL), tools=[write_file, shell, fails, delegate])
    runner = InMemoryRunner(coder, app_name="demo", plugins=[watched, Forgiving("forgiving")])
    await runner.run_debug("hi", quiet=True)


asyncio.run(main())

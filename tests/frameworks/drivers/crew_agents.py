# SPDX-License-Identifier: Apache-2.0
"""CrewAI's agents, driven by a model of ours: `python crew_agents.py kickoff|async|managed|text|alone`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true", "CREWAI_TRACING_ENABLED": "false"}

from crewai import Agent, BaseLLM, Crew, Process, Task
from crewai.tools import tool
from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, Asked, fails, shell, turn, write_file

from byline.frameworks.crewai import BylineHooks

DELEGATED = {"task": "write inner.py", "context": "none", "coworker": "tester"}


class Fake(BaseLLM):
    """Says what its turns say: calls of tools, or, where it has no calls, text that asks for one tool after the other."""

    turns: Any  # as they are: a copy would be another script
    calls: bool = True
    number: int = -1

    def call(self, *_said: object, **_options: object) -> Any:
        self.number += 1
        asked = [(each.id, *named(each)) for each in turn(self.turns, self.number)]
        if not asked:
            return "done" if self.calls else "Thought: done\nFinal Answer: done"
        if not self.calls:
            ((_, name, arguments),) = asked
            return f"Thought: go\nAction: {name}\nAction Input: {json.dumps(arguments)}"
        return [
            {"id": name, "type": "function", "function": {"name": what, "arguments": json.dumps(arguments)}}
            for name, what, arguments in asked
        ]

    async def acall(self, *said: object, **options: object) -> Any:
        return self.call(*said, **options)

    def supports_function_calling(self) -> bool:
        return self.calls


def named(asked: Asked) -> tuple[str, dict[str, str]]:
    """Return the tool and the arguments; CrewAI has a tool of its own for another agent."""
    return ("delegate_work_to_coworker", DELEGATED) if asked.tool == "delegate" else (asked.tool, asked.arguments)


def _agent(role: str, llm: BaseLLM, tools: list[Any], **more: Any) -> Agent:
    return Agent(role=role, goal="code", backstory="a coder", llm=llm, tools=tools, **more)


def main(how: str) -> None:
    tools = [tool(each.__name__)(each) for each in (write_file, shell, fails)]
    script = tuple((each,) for several in TURNS for each in several) if how == "text" else TURNS
    inner = _agent("tester", Fake(model=INNER_MODEL, turns=INNER, calls=how != "text"), tools[:1])
    model = Fake(model=MODEL, turns=script, calls=how != "text")
    if how == "managed":
        model.turns = ((Asked(id="c1", tool="delegate"),),)
        task = Task(description="write it", expected_output="a word")
        crew = Crew(agents=[inner], tasks=[task], process=Process.hierarchical, manager_llm=model)
    else:
        outer = _agent("coder", model, tools, allow_delegation=how != "alone")
        if how == "alone":
            model.turns = TURNS[:1]
            with BylineHooks(paths=PATHS):
                outer.kickoff("write it")
            return
        task = Task(description="write it", expected_output="a word", agent=outer)
        crew = Crew(agents=[outer, inner], tasks=[task])
    with BylineHooks(paths=PATHS):
        asyncio.run(crew.akickoff()) if how == "async" else crew.kickoff()


main(sys.argv[1])

# SPDX-License-Identifier: Apache-2.0
"""smolagents' agents, driven by a model of ours: `python smol_agents.py run|stream|code`."""

from __future__ import annotations

import sys
from typing import Any

from script import INNER, INNER_MODEL, MODEL, PATHS, TURNS, Asked, fails, shell, turn, write_file
from smolagents import CodeAgent, ToolCallingAgent, tool
from smolagents.models import ChatMessage, ChatMessageToolCall, ChatMessageToolCallFunction, Model

from byline.frameworks.smolagents import watched

END = (Asked(id="end", tool="final_answer", arguments={"answer": "done"}),)
CODE = (
    "write_file('a.py', 'x = 1\\n')",
    "with open('a.py', 'a') as file:\n    file.write('y = 2\\n')\nopen('made.py', 'w').write('made = 1\\n')",
    "write_file('half.py', 'half = 1\\n')\nraise ValueError('on fire')",
    "delegate(task='write inner.py')",
    "final_answer('done')",
)


class Fake(Model):
    """Says what its turns say: calls of tools, or code."""

    def __init__(self, turns: tuple[Any, ...], name: str) -> None:
        super().__init__(model_id=name)
        self.turns = turns
        self.number = -1

    def generate(self, *_said: object, **_options: object) -> ChatMessage:
        self.number += 1
        if self.turns is CODE:
            return ChatMessage(role="assistant", content=f"Thought: go\n<code>\n{CODE[self.number]}\n</code>")
        asked = turn(self.turns, self.number) or END
        functions = [(each.id, ChatMessageToolCallFunction(name=each.tool, arguments=dict(each.arguments))) for each in asked]
        calls = [ChatMessageToolCall(id=name, type="function", function=function) for name, function in functions]
        return ChatMessage(role="assistant", content="", tool_calls=calls)


def main(how: str) -> None:
    quiet = {"verbosity_level": 0, "name": "coder", "description": "codes"}
    model = Fake(INNER, INNER_MODEL)
    inner = ToolCallingAgent([tool(write_file)], model, verbosity_level=0, name="delegate", description="tests")
    if how == "code":
        agent = CodeAgent(
            [tool(write_file)],
            Fake(CODE, MODEL),
            managed_agents=[inner],
            additional_authorized_imports=["posix"],
            executor_kwargs={"additional_functions": {"open": open}},
            **quiet,
        )
        watched(agent, paths=PATHS).run("hi")
        return
    tools = [tool(write_file), tool(shell), tool(fails)]
    agent = watched(ToolCallingAgent(tools, Fake(TURNS, MODEL), managed_agents=[inner], **quiet), paths=PATHS)
    said = agent.run("hi", stream=how == "stream")
    if how == "stream":
        for _ in said:
            pass


main(sys.argv[1])

# SPDX-License-Identifier: Apache-2.0
"""`byline wrap acp` between an editor made with the protocol's own package and a real agent, driven by a scripted model."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from byline.core.attribution import Agent
from installed import PROGRAM, Installed
from model_server import ModelServer, Turn
from real_agents import GEMINI
from tools import python_environment
from wrapping import recorded

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

ACP = "agent-client-protocol==0.12.1"
SECONDS = 120

# An editor: it says yes to what is asked, but for the file `denied.py`; before each yes a person types a line of their own.
EDITOR = """
import asyncio, os, pathlib, sys
import acp
from acp.schema import AllowedOutcome, ClientCapabilities, FileSystemCapabilities, Implementation
from acp.schema import RequestPermissionResponse, TextContentBlock

class Editor(acp.Client):
    async def write_text_file(self, session_id, path, content, **kwargs):
        pathlib.Path(path).write_text(content)

    async def session_update(self, session_id, update, **kwargs):
        pass

    async def request_permission(self, session_id, tool_call, options, **kwargs):
        with open("typed.py", "a") as file:
            file.write("typed = 1\\n")
        wanted = "reject" if "denied" in str(tool_call) else "allow_once"
        option = next(each.option_id for each in options if each.kind.startswith(wanted))
        return RequestPermissionResponse(outcome=AllowedOutcome(option_id=option, outcome="selected"))

async def main():
    words = sys.argv[1:]
    async with acp.spawn_agent_process(Editor(), *words, env=dict(os.environ), cwd=os.getcwd()) as (agent, process):
        files = FileSystemCapabilities(read_text_file=False, write_text_file=True)
        await agent.initialize(1, ClientCapabilities(fs=files), Implementation(name="an-editor", version="1"))
        session = await agent.new_session(cwd=os.getcwd(), mcp_servers=[])
        said = await agent.prompt(session.session_id, [TextContentBlock(type="text", text="Write app.py please")])
        print(session.session_id, said.stop_reason)

asyncio.run(main())
"""


def test_what_a_real_agent_writes_for_an_editor_is_its_own(repository: Scratch, tmp_path: Path, home: Path) -> None:
    """It writes through the editor, replaces a line, runs a command, and is refused a file; who types meanwhile is nobody."""
    python, program = python_environment(ACP), GEMINI.path()
    clone = Installed.create(repository)
    repository.write("human.py", "x = 1\ny = 2\n")
    clone.commit()
    editor = tmp_path / "editor.py"
    editor.write_text(EDITOR)
    turns = (
        Turn(GEMINI.writes(repository.path / "app.py", "def add(a, b):\n    return a + b\n")),
        Turn(GEMINI.replaces(repository.path / "human.py", "x = 1", "x = 2")),
        Turn(GEMINI.runs("echo z = 3 >> human.py; echo made > made.py")),
        Turn(GEMINI.writes(repository.path / "denied.py", "no\n")),
    )
    with ModelServer({"": turns}) as model:
        environ = {**os.environ, **GEMINI.settle(home, repository.path, model.url)}
        agent = [str(program), "--acp", "--skip-trust", "--model", GEMINI.models[0]]
        command = [str(python), str(editor), *PROGRAM, "wrap", "acp", "--", *agent]
        done = subprocess.run(command, cwd=repository.path, env=environ, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    session = done.stdout.split()[0]
    edits = recorded(repository)
    assert [(each.path, each.tool) for each in edits] == [
        (b"app.py", "fs/write_text_file"),
        (b"human.py", "fs/write_text_file"),
        (b"human.py", "execute"),
        (b"made.py", "execute"),
    ]
    assert {each.by for each in edits} == {Agent(name="gemini-cli", version="0.61.0", model="gemini-2.5-pro")}
    assert {each.session for each in edits} == {session}
    assert None not in {each.call for each in edits}
    assert clone.owners("human.py") == ["ai", "human", "ai"]
    assert clone.owners("app.py") == ["ai", "ai"]
    assert "ai" not in clone.owners("typed.py")

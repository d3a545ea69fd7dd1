# SPDX-License-Identifier: Apache-2.0
r"""An editor made with the Agent Client Protocol's own package, and the real agents that speak with it, each behind `byline wrap acp`.

with ModelServer({"": turns}) as model:
    work_in_editor(repository, OPENCODE_IN_EDITOR, model)      # one prompt, as a person types it -> "ses_...", the session

The editor writes files for the agent and says yes to what it is asked, but for files that are called `denied`; before each yes the
person types a line into `typed.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installed import PROGRAM
from real_agents import CLAUDE, CODEX, COPILOT, GEMINI, OPENCODE, RealAgent
from tools import node_packages, python_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from model_server import ModelServer
    from scratch import Scratch

PACKAGE: Final = "agent-client-protocol==0.12.1"
SECONDS: Final = 300

PROGRAM_TEXT: Final = """
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
        said = await agent.prompt(session.session_id, [TextContentBlock(type="text", text=os.environ["WHAT"])])
        print(session.session_id, said.stop_reason)

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InEditor:
    """How an agent is started for an editor; `asks` changes its settings so that it asks before it writes or runs something, if it can."""

    agent: RealAgent
    words: Callable[[], Sequence[str | Path]]
    asks: Callable[[Path], Mapping[str, str]] = lambda _home: {}

    def __str__(self) -> str:
        return self.agent.package


def _opencode_asks(home: Path) -> Mapping[str, str]:
    place = home / ".config/opencode/opencode.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "permission": {"edit": "ask", "bash": "ask"}}))
    return {}


def _bridge(maker: str, name: str, version: str) -> Path:
    return node_packages(f"{name}-{version}", f"{maker}/{name}@{version}", scripts=True) / ".bin" / name


def _codex_settles(home: Path) -> Mapping[str, str]:
    place = home / ".codex/config.toml"
    place.write_text(f'model = "{CODEX.models[0]}"\n{place.read_text()}')
    return {"CODEX_PATH": str(CODEX.path()), "CODEX_CONFIG": json.dumps({"bypass_hook_trust": True})}


GEMINI_IN_EDITOR: Final = InEditor(agent=GEMINI, words=lambda: (GEMINI.path(), "--acp", "--skip-trust", "--model", GEMINI.models[0]))
OPENCODE_IN_EDITOR: Final = InEditor(agent=OPENCODE, words=lambda: (OPENCODE.path(), "acp"), asks=_opencode_asks)
CODEX_IN_EDITOR: Final = InEditor(agent=CODEX, words=lambda: (_bridge("@agentclientprotocol", "codex-acp", "2.6.0"),), asks=_codex_settles)
COPILOT_IN_EDITOR: Final = InEditor(agent=COPILOT, words=lambda: (COPILOT.path(), "--acp", "--model", COPILOT.models[0]))
CLAUDE_IN_EDITOR: Final = InEditor(
    agent=CLAUDE,
    words=lambda: ("env", f"CLAUDE_CODE_EXECUTABLE={CLAUDE.path()}", _bridge("@zed-industries", "claude-agent-acp", "0.23.1")),
    asks=lambda _home: {"IS_SANDBOX": ""},  # or else it wants to be let do everything, which Claude Code lets no root do
)


def work_in_editor(repository: Scratch, which: InEditor, model: ModelServer, what: str = "Write app.py please") -> str:
    """Let a person ask the agent once, and return the session."""
    python, words = python_environment(PACKAGE), which.words()
    editor = repository.path.parent / "editor.py"
    editor.write_text(PROGRAM_TEXT)
    home = Path(os.environ["HOME"])
    environ = {**os.environ, **which.agent.settle(home, repository.path, model.url), **which.asks(home), "WHAT": what}
    command = [python, editor, *PROGRAM, "wrap", "acp", "--", *words]
    done = subprocess.run(command, cwd=repository.path, env=environ, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    session, stop = done.stdout.split()
    assert stop == "end_turn"
    return session

# SPDX-License-Identifier: Apache-2.0
"""Stories of real agents that not every agent has: sub-agents, their own permissions, the background, tools of MCP servers, company.

`WHY_NOT` says of each agent that runs here which of these stories it has not, and why; docs/agents.md says the same to people.
"""

from __future__ import annotations

import json
import os
import shlex
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from model_server import Call, Turn
from real_agents import AGENTS, CLAUDE, CLINE, CODEX, COPILOT, DROID, GEMINI, OPENCODE, PI, QWEN, SECONDS, RealAgent, Work, droid_runs
from tools import node_packages
from until import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scratch import Scratch

PERSON = ("human", None)
NOBODY = ("unknown", None)
FILES_SERVER = "@modelcontextprotocol/server-filesystem@2026.8.31"

DELEGATES: Final[Mapping[RealAgent, Call]] = {
    COPILOT: Call("task", {"description": "a part", "prompt": "SUBAGENT writes", "agent_type": "general-purpose", "name": "part"}),
    GEMINI: Call("invoke_agent", {"agent_name": "generalist", "prompt": "SUBAGENT writes"}),
    OPENCODE: Call("task", {"description": "a part", "prompt": "SUBAGENT writes", "subagent_type": "general"}),
    CLINE: Call("spawn_agent", {"systemPrompt": "You write", "task": "SUBAGENT writes"}),
    QWEN: Call(
        "agent",
        {"description": "a part", "prompt": "SUBAGENT writes", "subagent_type": "general-purpose", "run_in_background": False},
    ),
}
BACKGROUND: Final[Mapping[RealAgent, Callable[[str], Call]]] = {
    CLAUDE: lambda command: Call("Bash", {"command": command, "description": "takes long", "run_in_background": True}),
    CODEX: lambda command: Call("exec_command", {"cmd": command, "yield_time_ms": 250}),
    COPILOT: lambda command: Call("bash", {"command": command, "description": "takes long", "mode": "async"}),
    GEMINI: lambda command: Call("run_shell_command", {"command": command, "description": "takes long", "is_background": True}),
    QWEN: lambda command: Call("run_shell_command", {"command": command, "description": "takes long", "is_background": True}),
    DROID: lambda command: droid_runs(command, fireAndForget=True),
}
WHY_NOT: Final[Mapping[tuple[str, str], str]] = {
    ("factory-droid", "sub-agents"): "it asks its makers' service for them",
    ("codex", "sub-agents"): "0.169.0 offers none to models that it does not know",
    ("pi", "sub-agents"): "it has none",
    ("pi", "denied"): "it asks for nothing",
    ("cline", "denied"): "its command line says yes to everything",
    ("opencode", "background"): "it has none",
    ("pi", "background"): "it has none",
    ("cline", "background"): "it has none",
    ("codex", "left running"): "it ends what a command leaves running",
}
RUN: Final[Mapping[str, tuple[RealAgent, ...]]] = {
    "sub-agents": (CLAUDE, *DELEGATES),
    "denied": (CLAUDE, CODEX, COPILOT, GEMINI, OPENCODE, QWEN, DROID),
    "background": tuple(BACKGROUND),
    "left running": (CLAUDE, COPILOT, GEMINI, OPENCODE, PI, CLINE, QWEN, DROID),
}


def test_each_agent_has_each_story_or_a_reason() -> None:
    told = {(agent.name, story) for story, those in RUN.items() for agent in those}
    assert told.isdisjoint(WHY_NOT)
    assert told | WHY_NOT.keys() == {(agent.name, story) for agent in AGENTS for story in RUN}


@pytest.mark.parametrize("agent", DELEGATES, ids=str)
def test_what_a_subagent_writes_is_its_own(repository: Scratch, agent: RealAgent) -> None:
    """Gemini CLI does not tell which of its agents called; Cline's are conversations of their own, and it does not tell their model."""
    work = Work.begin(repository, agent)
    main = (Turn(work.runs("echo main = 1 > main.py")), Turn(DELEGATES[agent]), Turn(work.runs("echo later = 1 > later.py")), Turn())
    ends = Turn(Call("complete_task", {"response": "done"})) if agent is GEMINI else Turn()
    part = (Turn(work.runs("echo part = 1 > part.py"), before=lambda: work.types("human.py", "typed = 'meanwhile'")), ends)
    with work.model(*main, SUBAGENT=part) as model:
        work.asks(model, "Write main.py, let another write part.py")
    work.clone.commit()

    model_name = f"scripted/{agent.models[0]}" if agent is OPENCODE else agent.models[0]
    assert work.lines("main.py") == work.lines("later.py") == [("ai", model_name)]
    assert work.lines("part.py") == [("ai", None if agent is CLINE else model_name)]
    assert work.lines("human.py")[2] == PERSON
    (whole,), (its,) = work.sessions("main.py"), work.sessions("part.py")
    if agent is GEMINI:
        assert its == whole
    elif agent is CLINE:
        assert its.partition("/")[0] != whole
    else:
        assert its.startswith(f"{whole}/")
    assert work.clone.losses() == []


def strict(agent: RealAgent) -> RealAgent:
    """Return `agent` as one that may not write, and where nobody is who could be asked."""

    def settle(home: Path, top: Path, url: str) -> dict[str, str]:
        environ = dict(agent.settle(home, top, url))
        if agent is OPENCODE:
            place = home / ".config/opencode/opencode.json"
            place.write_text(json.dumps({**json.loads(place.read_text()), "permission": {"edit": "deny", "bash": "deny"}}))
        if agent is CODEX:
            place = home / ".codex/config.toml"
            place.write_text(place.read_text().replace("danger-full-access", "read-only"))
        return {**environ, "COPILOT_ALLOW_ALL": ""}

    def command(what: str, model: str, *, more: bool) -> list[str]:
        words = list(agent.command(what, model, more=more))
        replaced = {"acceptEdits": "default", "Write,Edit,Bash,Read,NotebookEdit,Agent,Task": "Read", "yolo": "default"}
        denied = ["--deny-tool", "write", "--deny-tool", "shell"] if agent is COPILOT else []
        return [
            *(replaced.get(word, word) for word in words if word not in ("--allow-all-tools", "--allow-all-paths", "--auto", "high")),
            *denied,
        ]

    # Droid takes the model's word for it that a command does no harm.
    runs = partial(droid_runs, riskLevel="high") if agent is DROID else agent.runs
    return replace(agent, settle=settle, command=command, runs=runs)


@pytest.mark.parametrize("agent", RUN["denied"], ids=str)
def test_what_the_agent_itself_forbids_leaves_no_claim(repository: Scratch, agent: RealAgent) -> None:
    work = Work.begin(repository, strict(agent))
    turns = (
        Turn(work.writes("never.py", "never = 1\n")),
        Turn(work.replaces("human.py", "x = 1", "x = 2")),
        Turn(work.runs("echo never = 1 > shell.py")),
        Turn(),
    )
    with work.model(*turns) as model:
        work.asks(model, "Write please", code=int(agent is DROID))  # it ends where a command is denied
    work.types("human.py", "typed = 'after that'")
    work.clone.commit()
    assert not any((work.path / name).exists() for name in ("never.py", "shell.py"))
    assert work.lines("human.py") == [NOBODY, NOBODY, PERSON]
    assert work.clone.losses() == []


def waiting(work: Work) -> tuple[str, Callable[[], None]]:
    """Return a command that writes late.py when it is let, and what lets it and waits for its end."""
    go, done = (work.path.parent / name for name in ("go", "done"))
    for each in (go, done):
        os.mkfifo(each)

    def release() -> None:
        go.write_text("\n")
        done.read_text()

    return "read x < ../go; echo late = 1 > late.py; echo > ../done", release


@pytest.mark.parametrize("agent", BACKGROUND, ids=str)
def test_what_an_agent_leaves_to_its_background_is_its_own(repository: Scratch, agent: RealAgent) -> None:
    """It ends between two calls, while the model thinks."""
    work = Work.begin(repository, agent)
    command, release = waiting(work)
    late = BACKGROUND[agent](command)
    with work.model(Turn(late), Turn(work.runs("true"), before=release), Turn()) as model:
        work.asks(model, "Run something long")
    work.clone.commit()
    assert work.lines("late.py") == [("ai", agent.models[0])]


@pytest.mark.parametrize("agent", RUN["left running"], ids=str)
def test_what_a_command_leaves_running_is_the_agents(repository: Scratch, agent: RealAgent) -> None:
    """It writes when its command has ended, and ends between two calls."""
    work = Work.begin(repository, agent)
    command, release = waiting(work)
    late = work.runs(f"({command}) > /dev/null 2>&1 &")
    with work.model(Turn(late), Turn(work.runs("true"), before=release), Turn()) as model:
        work.asks(model, "Run something long")
    work.types("human.py", "typed = 'after that'")
    work.clone.commit()
    model_name = f"scripted/{agent.models[0]}" if agent in (OPENCODE, PI) else agent.models[0]
    assert work.lines("late.py") == [("ai", model_name)]
    assert work.lines("human.py")[2] == PERSON


def _of_server(top: Path) -> Path:
    return top.parent / "said-by-the-server"


def _with_server(agent: RealAgent, server: Path, top: Path) -> RealAgent:
    """Return `agent` as one that has the MCP server `files`."""
    words = [str(server), str(top)]
    plain = {"command": words[0], "args": words[1:]}
    told = f"{shlex.join(words)} | tee {shlex.quote(str(_of_server(top)))}"  # for Droid does not wait for its servers
    configured: Mapping[RealAgent, tuple[str, object]] = {
        CLINE: (
            ".cline/data/settings/cline_mcp_settings.json",
            {"mcpServers": {"files": {"timeout": 300, "transport": {"type": "stdio", **plain}}}},
        ),
        COPILOT: (".copilot/mcp-config.json", {"mcpServers": {"files": {"type": "local", "tools": ["*"], **plain}}}),
        GEMINI: (".gemini/settings.json", {"mcpServers": {"files": {"trust": True, **plain}}}),
        QWEN: (".qwen/settings.json", {"mcpServers": {"files": {"trust": True, **plain}}}),
        DROID: (".factory/mcp.json", {"mcpServers": {"files": {"type": "stdio", "command": "sh", "args": ["-c", told]}}}),
        OPENCODE: (".config/opencode/opencode.json", {"mcp": {"files": {"type": "local", "command": words, "enabled": True}}}),
    }

    def settle(home: Path, top: Path, url: str) -> Mapping[str, str]:
        environ = agent.settle(home, top, url)
        if agent is CODEX:
            with (home / ".codex/config.toml").open("a") as file:
                file.write(f'[mcp_servers.files]\ncommand = "{server}"\nargs = ["{top}"]\ndefault_tools_approval_mode = "approve"\n')
        if agent in configured:
            name, settings = configured[agent]
            place = home / name
            place.parent.mkdir(parents=True, exist_ok=True)
            there = json.loads(place.read_text()) if place.exists() else {}
            place.write_text(json.dumps(there | settings))
        return environ

    def command(what: str, model: str, *, more: bool) -> list[str]:
        words = list(agent.command(what, model, more=more))
        if agent is not CLAUDE:
            return words
        words[words.index("--allowedTools") + 1] += ",mcp__files__write_file,mcp__files__edit_file"
        return [*words, "--mcp-config", json.dumps({"mcpServers": {"files": plain}}), "--strict-mcp-config"]

    return replace(agent, settle=settle, command=command)


OF_SERVER: Final[Mapping[RealAgent, str]] = {
    CLAUDE: "mcp__files__{}",
    CODEX: "{}",
    COPILOT: "files-{}",
    GEMINI: "mcp_files_{}",
    OPENCODE: "files_{}",
    CLINE: "files__{}",
    QWEN: "mcp__files__{}",
    DROID: "files___{}",
}
# What an agent must have done that is to call them.
LOOKS: Final[Mapping[RealAgent, Call]] = {
    CLAUDE: Call("WaitForMcpServers", {}),
    DROID: Call("ToolSearch", {"query": "select:files___write_file,files___edit_file"}),
}


@pytest.mark.parametrize("agent", OF_SERVER, ids=str)
def test_what_tools_of_an_mcp_server_write_is_the_agents_and_the_rules_are_about_it(repository: Scratch, agent: RealAgent) -> None:
    server = node_packages(f"server-filesystem-{FILES_SERVER.rpartition('@')[2]}", FILES_SERVER) / ".bin/mcp-server-filesystem"
    work = Work.begin(repository, _with_server(agent, server, repository.path))

    def calls(tool: str, given: Mapping[str, object]) -> Call:
        return Call(OF_SERVER[agent].format(tool), given, "mcp__files" if agent is CODEX else "")

    def offered() -> None:
        wait_until(lambda: _of_server(work.path).exists() and b'"tools":[' in _of_server(work.path).read_bytes())

    edited = {"path": str(work.path / "human.py"), "edits": [{"oldText": "x = 1", "newText": "x = 2"}]}
    turns = (
        Turn(LOOKS.get(agent, work.runs("true")), before=offered if agent is DROID else None),
        Turn(calls("write_file", {"path": str(work.path / "app.py"), "content": "app = 1\n"})),
        Turn(calls("edit_file", edited), before=lambda: work.types("human.py", "typed = 'meanwhile'")),
        Turn(calls("write_file", {"path": str(work.path / ".byline/mine.py"), "content": "mine = 1\n"})),
        Turn(),
    )
    with work.model(*turns) as model:
        work.asks(model, "Write app.py")
    assert not (work.path / ".byline/mine.py").exists()
    work.clone.commit()
    ai = ("ai", f"scripted/{agent.models[0]}" if agent is OPENCODE else agent.models[0])
    assert work.lines("app.py") == [ai]
    assert work.lines("human.py") == [ai, NOBODY, PERSON]
    assert work.clone.losses() == []


def test_two_agents_at_once_have_each_their_own(repository: Scratch) -> None:
    """Each writes by its own tools while the other writes, or runs a command. Two commands at once would be either's."""
    works = [Work.begin(repository, CLAUDE)]
    assert works[0].clone.byline("init", "--agent", GEMINI.name, "--yes").code == 0
    works.append(Work(agent=GEMINI, program=GEMINI.path(), clone=works[0].clone))
    meet = threading.Barrier(2)

    def together() -> None:
        meet.wait(SECONDS)

    def run(work: Work, number: int) -> None:
        mine = work.agent.program
        replaces = work.replaces("human.py", ("x = 1", "y = 2")[number], f"{mine} = 2")
        appends = work.runs(f"echo {mine} = 3 >> {mine}.py")
        turns = (
            Turn(work.writes(f"{mine}.py", f"{mine} = 1\n"), before=together),
            Turn(work.runs("true") if number else Call("Read", {"file_path": str(work.path / "human.py")})),
            Turn(replaces, before=together if number else None),
            Turn(appends, before=together),
            Turn(before=None if number else together),
        )
        with work.model(*turns) as model:
            work.asks(model, "Write please")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, works, (0, 1)))
    clone = works[0]
    clone.clone.commit()
    claude, gemini = ("ai", CLAUDE.models[0]), ("ai", GEMINI.models[0])
    assert clone.lines("claude.py") == [claude] * 2
    assert clone.lines("gemini.py") == [gemini] * 2
    assert clone.lines("human.py") == [claude, gemini]

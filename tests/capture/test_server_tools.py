# SPDX-License-Identifier: Apache-2.0
"""Tools that are not an agent's own: what one writes is the agent's, whatever its hooks call it, and the rules are about it."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from byline.capture.agents import Kind
from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.door import take_hook
from byline.capture.journal import read_events
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.core.edit import Edit
from byline.core.tool_arguments import reads_only, tool_of_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from byline.capture.agents import Adapter, Call
    from scratch import Scratch


def _claude(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:
    common = {"session_id": "s-1", "tool_use_id": "t-1", "hook_event_name": event, "transcript_path": "", "cwd": cwd}
    return {**common, "tool_name": tool, "tool_input": asked}


def _vscode(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:
    return _claude(event, tool, asked, cwd) | {"hookEventName": event}


def _plugin(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:
    return {"event": {"type": event, "toolName": tool, "toolCallId": "t-1", "input": asked}, "cwd": cwd, "sessionId": "s-1"}


def _cline(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:
    told = {"server_name": "files", "tool_name": tool, "arguments": json.dumps(asked)}
    name = event[:1].lower() + event[1:]
    return {"taskId": "s-1", "hookName": event, "workspaceRoots": [cwd], name: {"toolName": "use_mcp_tool", "parameters": told}}


def _cursor(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:
    common = {"conversation_id": "s-1", "tool_use_id": "t-1", "cursor_version": "2.0", "workspace_roots": [cwd]}
    return {**common, "hook_event_name": event, "tool_name": tool, "tool_input": json.dumps(asked)}


def _goose(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:
    return {"event": event, "session_id": "s-1", "tool_call_id": "t-1", "tool_name": tool, "tool_input": asked, "working_dir": cwd}


def _crush(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:
    return {"event": event, "session_id": "s-1", "cwd": cwd, "tool_name": tool, "tool_input": asked}


def _windsurf(event: str, tool: str, asked: Mapping[str, str], cwd: str) -> dict[str, Any]:  # noqa: ARG001 - it tells none
    told = {"mcp_server_name": "files", "mcp_tool_name": tool, "mcp_tool_arguments": asked}
    return {"agent_action_name": event, "trajectory_id": "s-1", "model_name": "Unknown", "tool_info": told}


# How an agent calls a tool of the server `files`, and the form of its payloads.
CALLS: Final[Mapping[str, tuple[str, Callable[[str, str, Mapping[str, str], str], dict[str, Any]]]]] = {
    "amp": ("mcp__files__{}", _plugin),
    "claude-code": ("mcp__files__{}", _claude),
    "cline": ("{}", _cline),
    "codex": ("mcp__files__{}", _claude),
    "continue-cli": ("{}", _claude),
    "copilot-cli": ("my-files-{}", _claude),
    "copilot-vscode": ("mcp_files_{}", _vscode),
    "crush": ("mcp_files_{}", _crush),
    "cursor": ("MCP:{}", _cursor),
    "factory-droid": ("files___{}", _claude),
    "gemini-cli": ("mcp_files_{}", _claude),
    "goose": ("files__{}", _goose),
    "kiro": ("@files/{}", _claude),
    "opencode": ("files_{}", _plugin),
    "pi": ("{}", _plugin),
    "qwen-code": ("mcp__files__{}", _claude),
    "windsurf": ("{}", _windsurf),
}


def _hooks(adapter: Adapter, tool: str, *, guards: bool = False) -> list[Call]:
    """Return the calls of our hook before the tool and after it, as the agent's settings ask for them."""
    calls = find_adapter(adapter.shares).hooks if adapter.shares else adapter.hooks
    about = re.compile(r"(pre|before|post|after).*tool|tool_(call|result)", re.IGNORECASE)
    found = [each for each in calls if about.match(each.event) and each.guard == guards and "Failure" not in each.event]
    return [each for each in found if re.search(f"^(?:{each.matcher})$" if each.matcher else "", tool)]


@pytest.mark.parametrize("agent", AGENTS)
def test_what_a_servers_tool_writes_is_the_agents_and_what_is_typed_after_it_is_not(agent: str, repository: Scratch) -> None:
    adapter, (name, form) = find_adapter(agent), CALLS[agent]
    tool, told_to = name.format("write_file"), adapter.shares or agent
    before, *after = [call for call in _hooks(adapter, "use_mcp_tool" if agent == "cline" else tool) if call.scan]
    assert len(after) == (agent != "crush")  # which tells of no end

    def hears(event: str, tool: str = tool) -> None:
        payload = form(event, tool, {"path": str(repository.path / "app.py")}, str(repository.path))
        take_hook(told_to, json.dumps(payload).encode(), environ=os.environ, cwd=repository.path)

    hears(before.event)
    repository.write("app.py", "app = 1\n")
    hears(after[0].event if after else before.event, *([] if after else ["view"]))
    repository.write("typed.py", "typed = 1\n")
    events = read_events(repository_dir(repository.path / ".git")).events
    edits = [(each.path, each.by.name if each.by else None) for each in events if isinstance(each, Edit)]
    assert edits == [(b"app.py", agent)]
    assert read_losses(inbox_dir(os.environ)) == read_losses(repository_dir(repository.path / ".git")) == ()


@pytest.mark.parametrize("agent", AGENTS)
def test_a_servers_tool_is_judged_by_the_names_of_its_arguments(agent: str) -> None:
    adapter, (name, form) = find_adapter(agent), CALLS[agent]
    tool = name.format("write_file")
    guard, *_ = _hooks(adapter, "use_mcp_tool" if agent == "cline" else tool, guards=True)

    def attempt(event: str, tool: str, **asked: str) -> tuple[tuple[str, ...], str | None] | None:
        assert adapter.parse_attempt
        told = adapter.parse_attempt(json.dumps(form(event, name.format(tool), asked, "/repo")).encode(), {})
        return (told.paths, told.command) if told else None

    path = "infra/db.tf" if agent == "windsurf" else "/repo/infra/db.tf"  # it tells no folder
    assert attempt(guard.event, "write_file", path="infra/db.tf", content="x") == ((path,), None)
    assert attempt(guard.event, "run_thing", command="make") == ((), "make")
    assert attempt(guard.event, "read_file", path="infra/db.tf") is None
    for done in (call for call in adapter.hooks if call.event != guard.event and call in _hooks(adapter, tool)):
        assert attempt(done.event, "write_file", path="infra/db.tf") is None


@pytest.mark.parametrize(
    ("agent", "tool"),
    [
        *(("opencode", tool) for tool in ("read", "task")),
        *(("pi", tool) for tool in ("grep", "subagent")),
        *(("amp", tool) for tool in ("Read", "Task")),
        *(("copilot-cli", tool) for tool in ("view", "Agent")),
        *(("cline", tool) for tool in ("spawn_agent", "team_run_task")),
        *(("continue-cli", tool) for tool in ("Read", "Subagent")),
        ("goose", "todo__todo_write"),
        ("gemini-cli", "invoke_agent"),
    ],
)
def test_a_tool_that_changes_nothing_itself_has_no_window(agent: str, tool: str) -> None:
    """What a sub-agent does it tells by its own calls: a window around all of them would take what a person types meanwhile."""
    adapter, form = find_adapter(agent), CALLS[agent][1]
    event = next(call.event for call in adapter.hooks if call.guard)
    payload = form(event, tool, {"path": "/repo/a"}, "/repo")
    if agent == "cline":
        payload["preToolUse"] = {"toolName": tool, "parameters": {}}
    else:
        assert not [call for call in _hooks(adapter, tool) if call.scan and not (agent == "goose" and "__" in tool)]
    assert adapter.parse_payload(json.dumps(payload).encode(), {}).kind is Kind.NOTHING


def test_a_tool_of_a_server_is_told_from_its_server_by_what_stands_between_or_by_what_it_does() -> None:
    names = (
        "mcp__a__read_file",
        "@a/read_file",
        "MCP:read_file",
        "a__read_file",
        "mcp_my_files_read_file",
        "my-files-read_file",
        "read_file",
    )
    assert {tool_of_server(name) for name in names} == {"read_file"}
    assert not reads_only(tool_of_server("mcp_search_server_wipe"))
    assert tool_of_server("thing") == "thing"

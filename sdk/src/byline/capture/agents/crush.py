# SPDX-License-Identifier: Apache-2.0
"""Crush (hooks from 0.63): payloads built from the schema in its source (0.90).

    PreToolUse  edit, multiedit, write {file_path}    opens a window in which that file may change
    PreToolUse  bash {command}, lsp_rename, mcp_*     opens a window in which any file may change
    PreToolUse  view, ls, glob, grep, ...             one of the tools that follow each other: the call before it has ended

    {"event": "PreToolUse", "session_id": "s", "cwd": "/repo", "tool_name": "edit", "tool_input": {"file_path": "a.py", ...}}

It has this one event. So a window ends where the session's next call begins, where a person commits, or with Crush. Tools that it runs
side by side (`fetch`, `download`, `agent`) tell nothing of others. Calls have no id, nothing names the model, and sub-agents call no hook.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Call, Kind, Observed
from byline.capture.agents.claude_like import BROUGHT, attempt_of, attempt_of_tool, deny_by_status, observe
from byline.capture.agents.members import members_in, object_in, optional_in, parser, path_in, string_in, text_in
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

NAME: Final = "crush"
_FILES: Final = ("edit", "multiedit", "write")
_ANY: Final = ("bash", "lsp_rename", "lsp_replace_symbol")
_OTHERS: Final = ("view", "ls", "glob", "grep", "todos", "job_output", "job_kill")
_WRITERS: Final = f"^({'|'.join((*_FILES, *_ANY, 'mcp_.*'))})$"


def _attempt(payload: dict[str, Any]) -> Attempt | None:
    observed, asked, cwd = _observed(payload), members_in(payload, "tool_input"), optional_in(payload, "cwd") or ""
    tool = optional_in(payload, "tool_name") or ""
    if tool.startswith(BROUGHT):
        return attempt_of_tool(observed, tool, asked, cwd=cwd)
    command = text_in(asked, "command") if tool == "bash" else None
    folder = text_in(asked, "working_dir") if command is not None else None
    return attempt_of(observed, cwd=folder or cwd, command=command)


def _observed(payload: dict[str, Any]) -> Observed:
    tool, agent = optional_in(payload, "tool_name"), Agent(name=NAME)
    is_servers = tool is not None and tool.startswith(BROUGHT)
    if string_in(payload, "event") != "PreToolUse" or not (tool in (*_FILES, *_ANY, *_OTHERS) or is_servers):
        return observe(payload, agent, kind=Kind.NOTHING)
    if tool in _OTHERS:
        return observe(payload, agent, kind=Kind.STOPS)
    only = (path_in(object_in(payload, "tool_input"), "file_path", payload),) if tool in _FILES else ()
    return observe(payload, agent, kind=Kind.OPENS, only=only, ends=False)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Crush",
    parse_payload=parser(_observed),
    parse_attempt=parser(_attempt),
    format_denial=deny_by_status,
    hooks=(
        Call(event="PreToolUse", matcher=_WRITERS, guard=True),
        Call(event="PreToolUse", matcher=f"{_WRITERS}|^({'|'.join(_OTHERS)})$", scan=True),
    ),
    exact="edits, shell commands and MCP tools: scans before the call and before the next one",
    lost="the end of a turn's last call: what you change then, until its next call or your commit, is its (of an edit in that file only); "
    "the model; what downloads write",
)

# SPDX-License-Identifier: Apache-2.0
"""Goose, by the hooks of its plugins (from 1.38): payloads built from the schema in its source.

    PreToolUse, PostToolUse, PostToolUseFailure  developer__write, developer__edit {path}: a window in which that file may change
    PreToolUse, PostToolUse, PostToolUseFailure  developer__shell {command}: a window in which any file may change
    PreToolUse, PostToolUse, PostToolUseFailure  EXTENSION__TOOL: a tool of an MCP server: so is this
    Stop, SessionEnd                             closes the windows that no Post event closed
    UserPromptSubmit                             has the prompt as `message`

    {"event": "PreToolUse", "session_id": "s", "tool_name": "developer__edit", "tool_input": {...}, "working_dir": "/repo",
     "tool_call_id": "c"}

A tool has its extension's name before its own, or only its own; up to some version the editor was one tool, `text_editor`, and calls
had no id. Nothing names the model. Extensions of Goose's own that only arrange its work write nothing.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Kind, Observed, watched
from byline.capture.agents.claude_like import PROMPT, WINDOWS, attempt_of, attempt_of_tool, deny_by_status, observe, rest_or_nothing
from byline.capture.agents.members import object_in, optional_in, parser, path_in, string_in, text_in
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "goose"
_SHELL: Final = "shell"
_TOOLS: Final = ("write", "edit", "text_editor", _SHELL)
_AS_CLAUDE: Final = {"cwd": "working_dir", "tool_use_id": "tool_call_id", "prompt": "message"}
_QUIET: Final = (
    "analyze",
    "apps",
    "chatrecall",
    "extensionmanager",
    "platform",
    "skills",
    "subagent",
    "summon",
    "todo",
    "tom",
)
_MATCHER: Final = f"^((developer__)?({'|'.join(_TOOLS)})|.+__.+)$"


def _attempt(payload: dict[str, Any]) -> Attempt | None:
    observed, tool, cwd = _observed(payload), _tool(payload), optional_in(payload, "working_dir") or ""
    if observed.kind is not Kind.OPENS:
        return None
    asked = object_in(payload, "tool_input")
    if tool not in _TOOLS:
        return attempt_of_tool(observed, tool, asked, cwd=cwd)
    return attempt_of(observed, cwd=cwd, command=text_in(asked, "command") if tool == _SHELL else None)


def _observed(payload: dict[str, Any]) -> Observed:
    payload = payload | {ours: payload.get(theirs) for ours, theirs in _AS_CLAUDE.items()}
    event, tool = string_in(payload, "event"), _tool(payload)
    extension, is_brought, _ = tool.partition("__")
    if event not in WINDOWS or (tool not in _TOOLS and (not is_brought or extension in _QUIET)):
        return observe(payload, Agent(name=NAME), kind=rest_or_nothing(event))
    only = () if is_brought or tool == _SHELL else (path_in(object_in(payload, "tool_input"), "path", payload),)
    return observe(payload, Agent(name=NAME), kind=WINDOWS[event], only=only)


def _tool(payload: Mapping[str, Any]) -> str:
    return (optional_in(payload, "tool_name") or "").removeprefix("developer__")


ADAPTER: Final = Adapter(
    name=NAME,
    title="Goose",
    parse_payload=parser(_observed),
    parse_attempt=parser(_attempt),
    format_denial=deny_by_status,
    hooks=watched(_MATCHER, after=("PostToolUse", "PostToolUseFailure")),
    prompts=PROMPT,
    exact="edits, shell commands and MCP tools: scans",
    lost="the model; what a command in the background writes after the agent rests",
)

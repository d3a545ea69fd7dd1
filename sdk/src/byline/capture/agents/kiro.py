# SPDX-License-Identifier: Apache-2.0
"""Kiro, the editor (from 1.0) and its command line (from 3.0): payloads built from the documented schema of its hooks.

    preToolUse, postToolUse  fs_write, fs_append, str_replace, write  tool_input {path}: a window in which that file may change
    preToolUse, postToolUse  execute_bash, shell                      tool_input {command}: a window in which any file may change
    preToolUse, postToolUse  @SERVER/TOOL                             so is this
    stop                                                              closes the windows that no Post event closed

Tools and events are spelled in several ways (`fs_write`, `fsWrite`; `preToolUse`, `PreToolUse`). `fs_write` has a `command`, too, which
is none of a shell's. Calls have no id, and nothing names the model.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Observed, watched
from byline.capture.agents.claude_like import (
    BROUGHT,
    PROMPT,
    WINDOWS,
    attempt_of,
    attempt_of_tool,
    deny_by_status,
    observe,
    rest_or_nothing,
)
from byline.capture.agents.members import members_in, optional_in, parser, paths_in, string_in, text_in
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "kiro"
_FILES: Final = ("write", "fswrite", "fsappend", "strreplace", "deletefile", "editcode")
_SHELLS: Final = ("shell", "executebash", "executepwsh", "controlbashprocess")
_PATHS: Final = ("path", "targetFile", "filePath")
_SERVERS: Final = ("@", *BROUGHT)
_TOOLS: Final = "@.*|mcp_.*|.*([wW]rite|[aA]ppend|[rR]eplace|[dD]elete|[eE]dit|[sS]hell|[eE]xecute|[cC]ontrol).*"


def _attempt(payload: dict[str, Any]) -> Attempt | None:
    observed, asked, cwd = _observed(payload), members_in(payload, "tool_input"), optional_in(payload, "cwd") or ""
    if (name := optional_in(payload, "tool_name") or "").startswith(_SERVERS):
        return attempt_of_tool(observed, name, asked, cwd=cwd)
    return attempt_of(observed, cwd=cwd, command=text_in(asked, "command") if _tool(payload) in _SHELLS else None)


def _observed(payload: dict[str, Any]) -> Observed:
    said, tool = string_in(payload, "hook_event_name"), _tool(payload)
    event = said[:1].upper() + said[1:]
    is_servers = (optional_in(payload, "tool_name") or "").startswith(_SERVERS)
    if event in WINDOWS and (tool in (*_FILES, *_SHELLS) or is_servers):
        only = paths_in(members_in(payload, "tool_input"), _PATHS, payload) if tool in _FILES else ()
        return observe(payload, Agent(name=NAME), kind=WINDOWS[event], only=only)
    return observe(payload, Agent(name=NAME), kind=rest_or_nothing(event))


def _tool(payload: Mapping[str, Any]) -> str:
    return (optional_in(payload, "tool_name") or "").replace("_", "").lower()


ADAPTER: Final = Adapter(
    name=NAME,
    title="Kiro",
    parse_payload=parser(_observed),
    parse_attempt=parser(_attempt),
    format_denial=deny_by_status,
    hooks=watched(_TOOLS),
    prompts=PROMPT,
    exact="edits, shell commands and MCP tools: scans",
    lost="the model; which call it was: calls have no id; everything before editor 1.0 and command line 3.0",
)

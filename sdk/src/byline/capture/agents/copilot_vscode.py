# SPDX-License-Identifier: Apache-2.0
"""GitHub Copilot in VS Code: payloads built from the documented schema of its hooks (a preview).

    PreToolUse  create_file, replace_string_in_file, ...  tool_input {filePath}, {files: []}, {replacements: [{filePath}]}
    PreToolUse  apply_patch                               tool_input {input}: a window in which the files may change that are named
    PreToolUse, PostToolUse  run_in_terminal              tool_input {command}: a window in which any file may change
    PreToolUse, PostToolUse  mcp_*                        so is this
    Stop, SubagentStop                                    closes the windows that are still open

PostToolUse of an edit comes before the file is on disk: so the session's next call, or its rest, closes the window. It runs the hooks
of `copilot_cli`, and those of Claude Code, for every tool; older versions spell the common members `hookEventName` and `sessionId`.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Kind, Observed
from byline.capture.agents.claude_like import (
    BROUGHT,
    VSCODE_FILES,
    VSCODE_SHELLS,
    WINDOWS,
    attempt_of,
    attempt_of_tool,
    deny_or_ask,
    end_or_nothing,
    observe,
    rest_or_nothing,
)
from byline.capture.agents.members import absolute_path, members_in, optional_in, parse_members, patched_in, paths_in, string_in, text_in
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "copilot-vscode"
_SPELLINGS: Final = {"hookEventName": "hook_event_name", "sessionId": "session_id"}
_FILES: Final = (*VSCODE_FILES, "apply_patch", "delete_file", "rename_file", "createFile", "editFiles", "deleteFile")
_PATHS: Final = ("filePath", "path", "oldPath", "newPath")


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what VS Code sends.
    """
    return _observed(_spelled(data))


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    payload = _spelled(data)
    observed, tool, asked, cwd = _observed(payload), payload.get("tool_name"), payload["tool_input"], optional_in(payload, "cwd") or ""
    if isinstance(tool, str) and tool.startswith(BROUGHT):
        return attempt_of_tool(observed, tool, asked, cwd=cwd)
    return attempt_of(observed, cwd=cwd, command=text_in(asked, "command") if tool in VSCODE_SHELLS else None)


def _spelled(data: bytes) -> dict[str, Any]:
    payload = {_SPELLINGS.get(name, name): value for name, value in parse_members(data).items()}
    return {**payload, "tool_input": members_in(payload, "tool_input")}


def _observed(payload: dict[str, Any]) -> Observed:
    event, tool, asked = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name"), payload["tool_input"]
    kind, only = rest_or_nothing(event), tuple[str, ...]()
    if tool in _FILES and event == "PreToolUse":
        kind, only = Kind.OPENS, _named_files(asked, payload)
    elif tool and (tool in VSCODE_SHELLS or tool.startswith(BROUGHT)) and event in WINDOWS:
        kind = end_or_nothing(WINDOWS[event], runs_on=asked.get("isBackground"))
    return observe(payload, Agent(name=NAME), kind=kind, only=only, ends=tool not in _FILES)


def _named_files(asked: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    found = [*paths_in(asked, _PATHS, payload)]
    files, parts = asked.get("files"), asked.get("replacements")
    found += [absolute_path(path, payload) for path in files if isinstance(path, str)] if isinstance(files, list) else []
    for part in parts if isinstance(parts, list) else ():
        found += paths_in(part, _PATHS, payload) if isinstance(part, dict) else ()
    return tuple(dict.fromkeys((*found, *patched_in(asked, payload))))


ADAPTER: Final = Adapter(
    name=NAME,
    title="GitHub Copilot in VS Code",
    parse_payload=parse_payload,
    parse_attempt=parse_attempt,
    format_denial=deny_or_ask,
    shares="copilot-cli",
    exact="set up with `copilot-cli`; edits, commands and MCP tools: scans",
    lost="the model; completions in the editor; what a command in the background writes after the agent rests",
)

# SPDX-License-Identifier: Apache-2.0
"""GitHub Copilot in VS Code: payloads built from the documented schema of its hooks (a preview).

    PreToolUse  create_file, replace_string_in_file, ...  tool_input {filePath}, {files: []}, {replacements: [{filePath}]}
    PreToolUse  apply_patch                               tool_input {input}: a window in which the files may change that are named
    PreToolUse, PostToolUse  run_in_terminal              tool_input {command}: a window in which any file may change
    Stop, SubagentStop                                    closes the windows that are still open

PostToolUse of an edit comes before the file is on disk: so the session's next call, or its rest, closes the window. It runs the hooks
of `copilot_cli`, and those of Claude Code, for every tool; older versions spell the common members `hookEventName` and `sessionId`.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Kind, Observed
from byline.capture.agents.claude_like import WINDOWS, attempt_of, deny_or_ask, observe, rest_or_nothing
from byline.capture.agents.members import absolute_path, optional_in, parse_members, paths_in, string_in, text_in
from byline.core.attribution import Agent
from byline.core.patch_names import patched_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "copilot-vscode"
_SPELLINGS: Final = {"hookEventName": "hook_event_name", "sessionId": "session_id"}
_FILES: Final = (
    *("create_file", "replace_string_in_file", "multi_replace_string_in_file", "insert_edit_into_file", "edit_notebook_file"),
    *("apply_patch", "delete_file", "rename_file", "createFile", "editFiles", "deleteFile"),
)
_SHELLS: Final = ("run_in_terminal", "runTerminalCommand", "create_and_run_task", "run_task", "run_notebook_cell")
TOOLS: Final = (*_FILES, *_SHELLS)
_STORED: Final = "/workspaceStorage/"
_PATHS: Final = ("filePath", "path", "oldPath", "newPath")


def is_own(payload: Mapping[str, Any]) -> bool:
    """Say whether VS Code sent the `payload` that came to another agent's hook."""
    return (
        "hookEventName" in payload or payload.get("tool_name") in (*_FILES[:5], *_SHELLS) or _STORED in str(payload.get("transcript_path"))
    )


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
    command = text_in(payload["tool_input"], "command") if payload.get("tool_name") in _SHELLS else None
    return attempt_of(_observed(payload), cwd=optional_in(payload, "cwd") or "", command=command)


def _spelled(data: bytes) -> dict[str, Any]:
    payload = {_SPELLINGS.get(name, name): value for name, value in parse_members(data).items()}
    asked = payload.get("tool_input")
    return {**payload, "tool_input": asked if isinstance(asked, dict) else {}}


def _observed(payload: dict[str, Any]) -> Observed:
    event, tool, asked = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name"), payload["tool_input"]
    kind, only = rest_or_nothing(event), tuple[str, ...]()
    if tool in _FILES and event == "PreToolUse":
        kind, only = Kind.OPENS, _named_files(asked, payload)
    elif tool in _SHELLS and event in WINDOWS:
        # What runs in the background has only started; Stop will close its window.
        kind = Kind.NOTHING if event != "PreToolUse" and asked.get("isBackground") else WINDOWS[event]
    return observe(payload, Agent(name=NAME), kind=kind, only=only, ends=tool in _SHELLS)


def _named_files(asked: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    found = [*paths_in(asked, _PATHS, payload)]
    files, parts = asked.get("files"), asked.get("replacements")
    found += [absolute_path(path, payload) for path in files if isinstance(path, str)] if isinstance(files, list) else []
    for part in parts if isinstance(parts, list) else ():
        found += paths_in(part, _PATHS, payload) if isinstance(part, dict) else ()
    found += [absolute_path(path, payload) for path in patched_paths(text_in(asked, "input") or "")]
    return tuple(dict.fromkeys(found))


ADAPTER: Final = Adapter(
    name=NAME,
    title="GitHub Copilot in VS Code",
    parse_payload=parse_payload,
    parse_attempt=parse_attempt,
    format_denial=deny_or_ask,
    shares="copilot-cli",
    exact="set up with `copilot-cli`; edits and commands: scans, of an edit only the files that it names",
    lost="the model; completions in the editor; what a command in the background writes after the agent rests",
)

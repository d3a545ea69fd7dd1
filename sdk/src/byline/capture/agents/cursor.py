# SPDX-License-Identifier: Apache-2.0
"""Cursor, the editor and its command line: payloads built from the documented schema of its hooks.

    preToolUse, postToolUse, postToolUseFailure  Write, StrReplace, Delete {path}: a window in which that file may change
    preToolUse, postToolUse, postToolUseFailure  ApplyPatch: a window in which the files may change that the patch names
    preToolUse, postToolUse, postToolUseFailure  Shell {command}: a window in which any file may change
    afterTabFileEdit {file_path, edits [{old_string, new_string, old_line, new_line}]}: completions that were taken
    stop, sessionEnd: closes the windows that no Post event closed

A completion is in the editor before it is on disk: its text is the agent's where the disk has it once, and what else was typed is not. The
folder is `workspace_roots`. Every payload names the model and the version. Cursor runs the hooks of Claude Code, too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents import Adapter, Attempt, Call, Denial, FileText, Kind, Observed
from byline.capture.agents.claude_like import WINDOWS, attempt_of, observe, rest_or_nothing
from byline.capture.agents.members import absolute_path, optional_in, parse_members, path_in, paths_in, string_in, text_in, word_in
from byline.core.attribution import Agent
from byline.core.edit import UNSEEN
from byline.core.patch_names import patched_paths
from byline.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from byline.core.access import Effect

NAME: Final = "cursor"
_FILES: Final = ("Write", "StrReplace", "Delete", "EditNotebook", "ApplyPatch", "Edit", "MultiEdit", "NotebookEdit")
_SHELLS: Final = ("Shell", "Bash")
_TOOLS: Final = "|".join((*_FILES, *_SHELLS))
_PATHS: Final = ("file_path", "path", "filePath", "target_notebook", "notebook_path")


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Cursor sends.
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


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not ask before a tool
    """Return its own form of an answer: it is denied, and told to ask itself."""
    return Denial(output=json.dumps({"permission": "deny", "user_message": message, "agent_message": message}).encode())


def _spelled(data: bytes) -> dict[str, Any]:
    """Return the payload as the agents have it whose hooks are like Claude Code's."""
    payload = parse_members(data)
    roots, event, asked = payload.get("workspace_roots"), string_in(payload, "hook_event_name"), payload.get("tool_input")
    first = roots[0] if isinstance(roots, list) and roots else None
    return {
        **payload,
        "hook_event_name": event[:1].upper() + event[1:],
        "session_id": payload.get("conversation_id", payload.get("session_id")),
        "cwd": optional_in(payload, "cwd") or (first if isinstance(first, str) else None),
        "tool_input": asked if isinstance(asked, dict) else {"patch": asked},
    }


def _observed(payload: dict[str, Any]) -> Observed:
    event, tool = payload["hook_event_name"], optional_in(payload, "tool_name")
    agent = Agent(name=NAME, version=word_in(payload, "cursor_version"), model=word_in(payload, "model"))
    if event == "AfterTabFileEdit":
        return observe(payload, agent, kind=Kind.EDIT, files=tuple(_completions(payload)))
    if event in WINDOWS and tool in (*_FILES, *_SHELLS):
        return observe(payload, agent, kind=WINDOWS[event], only=() if tool in _SHELLS else _named_files(payload))
    return observe(payload, agent, kind=rest_or_nothing(event))


def _named_files(payload: dict[str, Any]) -> tuple[str, ...]:
    asked = payload["tool_input"]
    patched = patched_paths(text_in(asked, "patch") or text_in(asked, "input") or "")
    return paths_in(asked, _PATHS, payload) or tuple(absolute_path(path, payload) for path in patched)


def _completions(payload: dict[str, Any]) -> Iterator[FileText]:
    path, edits = path_in(payload, "file_path", payload), payload.get("edits")
    for edit in edits if isinstance(edits, list) else ():
        if not isinstance(edit, dict):
            raise PayloadError("an edit is not an object")
        replaced = string_in(edit, "old_string"), string_in(edit, "new_string")
        lines = text_in(edit, "old_line"), text_in(edit, "new_line")
        if lines[0] is not None and lines[1] and "\n" not in replaced[1]:  # the whole line is seldom there twice
            replaced = lines[0], lines[1]
        yield FileText(path=path, before=UNSEEN, after=None, replaced=replaced)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Cursor",
    parse_payload=parse_payload,
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=(
        Call(event="preToolUse", matcher=_TOOLS, guard=True),
        Call(event="preToolUse", matcher=_TOOLS, scan=True),
        Call(event="postToolUse", matcher=_TOOLS, scan=True),
        Call(event="postToolUseFailure", matcher=_TOOLS, scan=True),
        Call(event="afterTabFileEdit"),
        Call(event="stop", scan=True),
    ),
    exact="edits, patches and shell commands: scans before and after, of an edit only the file that it names; completions: their text",
    lost="which words of a completion are its own once you changed it: then all that is new in the file is its",
)

# SPDX-License-Identifier: Apache-2.0
"""Cursor, the editor and its command line: payloads built from the documented schema of its hooks.

    preToolUse, postToolUse, postToolUseFailure  Write, StrReplace, Delete {path}: a window in which that file may change
    preToolUse, postToolUse, postToolUseFailure  ApplyPatch: a window in which the files may change that the patch names
    preToolUse, postToolUse, postToolUseFailure  Shell {command}, MCP:*: a window in which any file may change
    afterTabFileEdit {file_path, edits [{old_string, new_string, old_line, new_line}]}: completions that were taken
    stop, sessionEnd: closes the windows that no Post event closed

A completion is in the editor before it is on disk: its text is the agent's where the disk has it once, and what else was typed is not. The
folder is `workspace_roots`. Every payload names the model and the version. Cursor runs the hooks of Claude Code, too.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Call, Denial, FileText, Kind, Observed, watched
from byline.capture.agents.claude_like import BROUGHT, WINDOWS, attempt_of, attempt_of_tool, observe, rest_or_nothing
from byline.capture.agents.members import optional_in, parser, patched_in, path_in, paths_in, string_in, text_in, word_in
from byline.core.authors import Agent
from byline.core.plain_json import json_text, json_value
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from byline.core.access import Effect

NAME: Final = "cursor"
_FILES: Final = ("Write", "StrReplace", "Delete", "EditNotebook", "ApplyPatch", "Edit", "MultiEdit", "NotebookEdit")
_SHELLS: Final = ("Shell", "Bash")
_SERVERS: Final = ("MCP:", *BROUGHT)
_TOOLS: Final = "|".join((*_FILES, *_SHELLS, "MCP:.*"))
_PATHS: Final = ("file_path", "path", "filePath", "target_notebook", "notebook_path")


def _attempt(payload: dict[str, Any]) -> Attempt | None:
    payload = _spelled(payload)
    observed, tool, asked, cwd = _observed(payload), payload.get("tool_name"), payload["tool_input"], optional_in(payload, "cwd") or ""
    if isinstance(tool, str) and tool.startswith(_SERVERS):
        return attempt_of_tool(observed, tool, _told(asked), cwd=cwd)
    return attempt_of(observed, cwd=cwd, command=text_in(asked, "command") if tool in _SHELLS else None)


def _told(asked: dict[str, Any]) -> object:
    """Return the arguments of a server's tool, also where Cursor wrote them as text."""
    try:
        return json_value(text.encode("utf-8", "replace")) if isinstance(text := asked.get("patch"), str) else asked
    except (ValueError, RecursionError):
        return asked


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not ask before a tool
    """Return its own form of an answer: it is denied, and told to ask itself."""
    return Denial(output=json_text({"permission": "deny", "user_message": message, "agent_message": message}).encode())


def _spelled(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload as the agents have it whose hooks are like Claude Code's; once more changes nothing."""
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
    payload = _spelled(payload)
    event, tool = payload["hook_event_name"], optional_in(payload, "tool_name")
    agent = Agent(name=NAME, version=word_in(payload, "cursor_version"), model=word_in(payload, "model"))
    if event == "AfterTabFileEdit":
        return observe(payload, agent, kind=Kind.EDIT, files=tuple(_completions(payload)))
    if event in WINDOWS and tool and (tool in (*_FILES, *_SHELLS) or tool.startswith(_SERVERS)):
        return observe(payload, agent, kind=WINDOWS[event], only=_named_files(payload) if tool in _FILES else ())
    return observe(payload, agent, kind=Kind.PROMPT if event == "BeforeSubmitPrompt" else rest_or_nothing(event))


def _named_files(payload: dict[str, Any]) -> tuple[str, ...]:
    asked = payload["tool_input"]
    return paths_in(asked, _PATHS, payload) or patched_in(asked, payload)


def _completions(payload: dict[str, Any]) -> Iterator[FileText]:
    from byline.core.edit import UNSEEN  # not for the guard, for which the agent waits

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
    parse_payload=parser(_observed),
    parse_attempt=parser(_attempt),
    format_denial=deny,
    hooks=(
        *watched(_TOOLS, before="preToolUse", after=("postToolUse", "postToolUseFailure"), rests=("stop",)),
        Call(event="afterTabFileEdit"),
    ),
    prompts=Call(event="beforeSubmitPrompt"),
    exact="edits, patches, shell commands and MCP tools: scans; completions: their text",
    lost="which words of a completion are its own once you changed it: then all that is new in the file is its",
)

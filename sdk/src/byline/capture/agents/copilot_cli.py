# SPDX-License-Identifier: Apache-2.0
"""GitHub Copilot on the command line: what its hooks say (seen with 1.0.102). Its agent in the cloud says the same.

    PreToolUse, PostToolUse  Write, Edit   tool_input {path}: a window in which that file may change
    PreToolUse, PostToolUse  apply_patch   a window in which the files may change that the patch names
    PreToolUse, PostToolUse  Bash          tool_input {command}: a window in which any file may change
    Stop, SessionEnd                       closes the windows that no Post event closed

An event whose name begins small (`preToolUse`) has members and tools of other names (`toolName` create, edit, bash; `toolArgs`, an
object or its JSON) and does not say which it is: its members do. Calls have no id, and no payload names the model: the last answer
before it in `~/.copilot/session-state/<session>/events.jsonl` does.

Copilot runs the hooks of Claude Code, too, and Copilot in VS Code runs those of this agent: a payload of that goes to `copilot_vscode`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from byline.capture.agents import Adapter, Attempt, Call, Denial, Kind, Observed, clean, copilot_vscode
from byline.capture.agents.claude_like import WINDOWS, attempt_of, observe, rest_or_nothing
from byline.capture.agents.members import absolute_path, optional_in, parse_members, paths_in, text_in
from byline.core.attribution import Agent
from byline.core.patch_names import patched_paths
from byline.core.value import replace
from byline.errors import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.core.access import Effect

NAME: Final = "copilot-cli"
_SPELLINGS: Final = {
    "sessionId": "session_id",
    "toolName": "tool_name",
    "toolArgs": "tool_input",
    "toolResult": "tool_result",
    "stopReason": "stop_reason",
}
_FILES: Final = ("create", "edit", "Write", "Edit")
_PATCHES: Final = ("apply_patch", "ApplyPatch")
_SHELLS: Final = ("bash", "Bash", "write_bash")
_TOOLS: Final = "|".join((*_FILES, *_PATCHES, *_SHELLS, *copilot_vscode.TOOLS))
_SESSION: Final = re.compile(r"[\w-]{1,99}", re.ASCII)
_MODELS: Final = {"assistant.message": "model", "session.model_change": "newModel", "session.start": "selectedModel"}


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Copilot sends.
    """
    payload = parse_members(data)
    if copilot_vscode.is_own(payload):
        return copilot_vscode.parse_payload(data, environ)
    return _observed(_spelled(payload))


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    if copilot_vscode.is_own(payload := parse_members(data)):
        return copilot_vscode.parse_attempt(data, environ)
    payload = _spelled(payload)
    command = text_in(payload["tool_input"], "command") if payload.get("tool_name") in _SHELLS else None
    return attempt_of(_observed(payload), cwd=optional_in(payload, "cwd") or "", command=command)


def _observed(payload: dict[str, Any]) -> Observed:
    event, tool, asked = payload["hook_event_name"], optional_in(payload, "tool_name"), payload["tool_input"]
    kind, only = rest_or_nothing(event), tuple[str, ...]()
    if event in WINDOWS and tool in (*_FILES, *_PATCHES, *_SHELLS):
        # What runs in the background has only started; Stop will close its window.
        kind = Kind.NOTHING if event != "PreToolUse" and asked.get("mode") == "async" else WINDOWS[event]
        only = () if tool in _SHELLS else _named_files(tool, asked, payload)
    observed = observe(payload, Agent(name=NAME), kind=kind, only=only)
    session = observed.session if observed.session and _SESSION.fullmatch(observed.session) else None
    return replace(observed, transcript=f"~/.copilot/session-state/{session}/events.jsonl" if session else None)


def _spelled(payload: dict[str, Any]) -> dict[str, Any]:
    """Return `payload` in the spelling of the events whose names begin big."""
    found = {_SPELLINGS.get(name, name): value for name, value in payload.items()}
    asked = found.get("tool_input")
    if isinstance(asked, str):
        try:
            asked = json.loads(asked)
        except (ValueError, RecursionError):
            asked = {"input": asked}
    event = optional_in(found, "hook_event_name")
    moment = found.get("timestamp")
    if isinstance(moment, int):
        found["timestamp"] = _iso(moment)
    return {**found, "tool_input": asked if isinstance(asked, dict) else {}, "hook_event_name": event or _event(found)}


def _event(payload: Mapping[str, Any]) -> str:
    if "hookName" in payload or "agentName" in payload:
        return ""  # a question for permission, or the rest of a sub-agent
    if "tool_name" in payload:
        return "PostToolUse" if "tool_result" in payload or "error" in payload else "PreToolUse"
    return "Stop" if "stop_reason" in payload or "reason" in payload else ""


def _named_files(tool: str | None, asked: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    if tool in _PATCHES:
        return tuple(absolute_path(path, payload) for path in patched_paths(text_in(asked, "input") or text_in(asked, "patch") or ""))
    return paths_in(asked, ("path",), payload)


def _iso(milliseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise PayloadError("timestamp is no time") from error
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model of the last answer in the (end of the) `transcript` that is no younger than what was observed."""
    for line in reversed(transcript.splitlines()):
        try:
            record = json.loads(line)
            moment, model = record["timestamp"], record["data"][_MODELS[record["type"]]]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # it names no model, or is a line cut at the tail's start
        if isinstance(model, str) and str(moment) <= (observed.moment or str(moment)):
            return clean(model) or None
    return None


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer: it is denied, and told to ask itself."""
    return Denial(output=json.dumps({"permissionDecision": "deny", "permissionDecisionReason": message}).encode())


ADAPTER: Final = Adapter(
    name=NAME,
    title="GitHub Copilot CLI",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher=_TOOLS, guard=True),
        Call(event="PreToolUse", matcher=_TOOLS, scan=True),
        Call(event="PostToolUse", matcher=_TOOLS, scan=True),
        Call(event="Stop", scan=True),
    ),
    tested="1.0.102",
    exact="edits, patches and shell commands: scans before and after, of an edit only the file that it names",
    lost="everything in a folder that it does not trust; in the cloud everything: no hook of yours is there",
)

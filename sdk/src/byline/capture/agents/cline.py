# SPDX-License-Identifier: Apache-2.0
"""Cline: what its hooks say (command line seen with 3.0.65; the extension of editors from its documentation).

    tool_call, tool_result   apply_patch, editor  {id, name, input}: a window in which the files may change that are named
    tool_call, tool_result   run_commands         input {commands: []}: a window in which any file may change
    agent_end, session_shutdown                   closes the windows that no result closed

The extension's `hookName` is the event's name (PreToolUse, PostToolUse, TaskComplete, TaskCancel); its calls have no id and other tools
(write_to_file, replace_in_file, execute_command), and its payloads may name the model. On the command line the message that made the
call does, in `~/.cline/data/sessions/<root session>/`. A denial ends the whole task: Cline knows no other.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents import Adapter, Attempt, Call, Denial, Kind, Observed, clean
from byline.capture.agents.claude_like import attempt_of
from byline.capture.agents.members import absolute_path, optional_in, parse_members, paths_in, string_in, text_in, word_in
from byline.core.attribution import Agent
from byline.core.patch_names import patched_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.core.access import Effect

NAME: Final = "cline"
_FILES: Final = ("apply_patch", "editor", "write_to_file", "replace_in_file", "new_rule", "delete_file")
_SHELLS: Final = ("run_commands", "execute_command")
_PATHS: Final = ("path", "absolutePath", "file_path", "filePath")
_SESSION: Final = re.compile(r"[\w-]{1,99}", re.ASCII)
_MODEL: Final = re.compile(rb'"modelInfo":\s*\{[^{}]*?"id":\s*"([^"\\]{1,512})"')
_KINDS: Final = {
    "tool_call": Kind.OPENS,
    "PreToolUse": Kind.OPENS,
    "tool_result": Kind.CLOSES,
    "PostToolUse": Kind.CLOSES,
    **dict.fromkeys(("agent_end", "agent_abort", "session_shutdown", "TaskComplete", "TaskCancel", "SessionShutdown"), Kind.STOPS),
}


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Cline sends.
    """
    return _observed(parse_members(data))


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    payload = parse_members(data)
    tool, asked, _ = _call(payload)
    several = asked.get("commands")
    lines = [line for line in several if isinstance(line, str)] if isinstance(several, list) else [text_in(asked, "command") or ""]
    return attempt_of(_observed(payload), cwd=_folder(payload), command="\n".join(lines) if tool in _SHELLS else None)


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model whose message made the call, by the (end of the) `transcript`; None where it does not say."""
    if observed.call is None:
        return None
    made = re.search(rb'"id":\s*' + re.escape(json.dumps(observed.call).encode()), transcript)
    found = _MODEL.search(transcript, made.end()) if made else None
    return clean(found[1].decode(errors="replace")) or None if found else None


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer, which ends the task: it is denied, and told to ask itself."""
    return Denial(output=json.dumps({"cancel": True, "errorMessage": message}).encode())


def _observed(payload: dict[str, Any]) -> Observed:
    tool, asked, call = _call(payload)
    kind = _KINDS.get(string_in(payload, "hookName"), Kind.NOTHING)
    if kind is not Kind.STOPS and tool not in (*_FILES, *_SHELLS):
        kind = Kind.NOTHING
    session, within = word_in(payload, "taskId"), word_in(payload, "agent_id") if payload.get("parent_agent_id") else None
    return Observed(
        kind=kind,
        agent=Agent(name=NAME, version=word_in(payload, "clineVersion"), model=_model(payload)),
        session=f"{session}/{within}" if session and within else session,
        call=call,
        only=_named_files(asked, _folder(payload)) if tool in _FILES else (),
        transcript=_transcript(payload),
        moment=word_in(payload, "timestamp"),
    )


def _call(payload: Mapping[str, Any]) -> tuple[str | None, dict[str, Any], str | None]:
    """Return the tool, what it is asked for, and the call's id."""
    for name in ("tool_call", "tool_result"):
        if isinstance(told := payload.get(name), dict):
            asked = told.get("input")
            return optional_in(told, "name"), asked if isinstance(asked, dict) else {"input": asked}, word_in(told, "id")
    for name in ("preToolUse", "postToolUse"):
        if isinstance(told := payload.get(name), dict):
            asked = told.get("parameters")
            return optional_in(told, "toolName"), asked if isinstance(asked, dict) else {}, None
    return None, {}, None


def _named_files(asked: Mapping[str, Any], folder: str) -> tuple[str, ...]:
    from_here = {"cwd": folder}
    patched = patched_paths(text_in(asked, "input") or text_in(asked, "patch") or "")
    return paths_in(asked, _PATHS, from_here) or tuple(absolute_path(path, from_here) for path in patched)


def _folder(payload: Mapping[str, Any]) -> str:
    roots = payload.get("workspaceRoots")
    first = roots[0] if isinstance(roots, list) and roots else None
    return first if isinstance(first, str) else ""


def _transcript(payload: Mapping[str, Any]) -> str | None:
    context = payload.get("sessionContext")
    root = context.get("rootSessionId") if isinstance(context, dict) else None
    is_named = isinstance(root, str) and _SESSION.fullmatch(root)
    return f"~/.cline/data/sessions/{root}/{root}.messages.json" if is_named else None


def _model(payload: Mapping[str, Any]) -> str | None:
    model = payload.get("model")
    named = word_in(model, "slug") if isinstance(model, dict) else None
    return None if named == "unknown" else named


ADAPTER: Final = Adapter(
    name=NAME,
    title="Cline",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", guard=True),
        Call(event="PreToolUse", scan=True),
        Call(event="PostToolUse", scan=True),
        Call(event="TaskComplete", scan=True),
        Call(event="TaskCancel", scan=True),
        Call(event="SessionShutdown", scan=True),
    ),
    tested="3.0.65",
    exact="edits, patches and shell commands: scans before and after, of an edit only the files that it names",
    lost="which model a sub-agent had, on the command line; and a denied call ends the whole task",
)

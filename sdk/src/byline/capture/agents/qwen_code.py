# SPDX-License-Identifier: Apache-2.0
"""Qwen Code: what its hooks say (seen with 0.15.10). Claude Code's events, Gemini CLI's tools.

    PostToolUse write_file, edit  tool_response {returnDisplay {originalContent, newContent}}: both texts
    PreToolUse, PostToolUse  run_shell_command: a window in which any file may change
    Stop, SubagentStop, SessionEnd: closes the windows that no Post event closed

`originalContent` of a new file is null or empty, and what the model is told says that it is new. A person may change what `write_file`
proposes; `tool_input` then has `modified_by_user`, and the proposal in `ai_proposed_content`. The payload names no model, and its
`tool_use_id` is not the model's: the transcript's last answer before the payload's `timestamp` names the model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents import Adapter, Attempt, Call, FileText, Kind, Observed, clean
from byline.capture.agents.claude_like import WINDOWS, deny, observe, read_attempt, rest_or_nothing
from byline.capture.agents.members import object_in, optional_in, parse_members, path_in, string_in, text_in
from byline.core.attribution import Agent

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "qwen-code"


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Qwen Code sends.
    """
    payload = parse_members(data)
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    agent = Agent(name=NAME)
    if tool == "run_shell_command" and event in WINDOWS:
        kind = WINDOWS[event]
        # What runs in the background has only started; Stop will close its window.
        started = kind is Kind.CLOSES and object_in(payload, "tool_input").get("is_background")
        return observe(payload, agent, kind=Kind.NOTHING if started else kind)
    shown = payload.get("tool_response")
    display = shown.get("returnDisplay") if isinstance(shown, dict) else None
    if event == "PostToolUse" and tool in ("write_file", "edit") and isinstance(display, dict):
        return observe(payload, agent, kind=Kind.EDIT, files=(_edited(payload, display),))
    return observe(payload, agent, kind=rest_or_nothing(event))


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model of the last answer in the (end of the) `transcript` that is no younger than what was observed."""
    for line in reversed(transcript.splitlines()):
        try:
            record = json.loads(line)
            moment, model = record["timestamp"], record["model"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # not an answer, or a line cut at the tail's start
        if record.get("type") == "assistant" and isinstance(model, str) and str(moment) <= (observed.moment or str(moment)):
            return clean(model)
    return None


def _edited(payload: dict[str, Any], display: dict[str, Any]) -> FileText:
    asked = object_in(payload, "tool_input")
    before, after = text_in(display, "originalContent"), text_in(display, "newContent")
    is_new = not before and "new file" in str(payload["tool_response"].get("llmContent", "")).partition(":")[0]
    proposed = text_in(asked, "ai_proposed_content") if asked.get("modified_by_user") and payload.get("tool_name") == "write_file" else None
    return FileText(
        path=path_in(asked, "file_path", payload),
        before=None if is_new else before,
        after=after,
        proposed=proposed if proposed != after else None,
    )


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    return read_attempt(data, parse_payload(data, environ))


ADAPTER: Final = Adapter(
    name=NAME,
    title="Qwen Code",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher="write_file|edit|run_shell_command", guard=True),
        Call(event="PostToolUse", matcher="write_file|edit"),
        Call(event="PreToolUse", matcher="run_shell_command", scan=True),
        Call(event="PostToolUse", matcher="run_shell_command", scan=True),
        Call(event="PostToolUseFailure", matcher="run_shell_command", scan=True),
        Call(event="Stop", scan=True),
    ),
    tested="0.15.10",
    exact="edits: both texts are in the payload, also what a person changed of a whole file; shell commands: scans",
    lost="what a command in the background writes after the agent rests",
)

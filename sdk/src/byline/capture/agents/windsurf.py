# SPDX-License-Identifier: Apache-2.0
"""Windsurf's Cascade: payloads built from the documented schema of its hooks.

    pre_write_code, post_write_code    tool_info {file_path, edits}: a window in which that file may change
    pre_run_command, post_run_command  tool_info {command_line, cwd}: a window in which any file may change
    pre_mcp_tool_use, post_mcp_tool_use  tool_info {mcp_tool_name, mcp_tool_arguments}: so is this
    post_cascade_response              closes the windows that no Post event closed

`trajectory_id` is the session; `execution_id` is a turn's, not a call's. Every payload names the model, if only as "Unknown".
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Call, Kind, Observed, watched
from byline.capture.agents.claude_like import attempt_of, attempt_of_tool, deny_by_status
from byline.capture.agents.members import object_in, optional_in, parser, path_in, string_in, text_in, word_in
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

NAME: Final = "windsurf"
_KINDS: Final = {
    "pre_write_code": Kind.OPENS,
    "post_write_code": Kind.CLOSES,
    "pre_run_command": Kind.OPENS,
    "post_run_command": Kind.CLOSES,
    "pre_mcp_tool_use": Kind.OPENS,
    "post_mcp_tool_use": Kind.CLOSES,
    "post_cascade_response": Kind.STOPS,
    "pre_user_prompt": Kind.PROMPT,
}


def _attempt(payload: dict[str, Any]) -> Attempt | None:
    observed = _observed(payload)
    if observed.kind is not Kind.OPENS:
        return None
    told = object_in(payload, "tool_info")
    if (tool := optional_in(told, "mcp_tool_name")) is not None:
        return attempt_of_tool(observed, tool, told.get("mcp_tool_arguments"), cwd="")
    return attempt_of(observed, cwd=optional_in(told, "cwd") or "", command=None if observed.only else text_in(told, "command_line"))


def _observed(payload: dict[str, Any]) -> Observed:
    event = string_in(payload, "agent_action_name")
    model = word_in(payload, "model_name")
    return Observed(
        kind=_KINDS.get(event, Kind.NOTHING),
        agent=Agent(name=NAME, model=None if model == "Unknown" else model),
        session=word_in(payload, "trajectory_id"),
        call=None,
        only=_named_file(payload) if event.endswith("_write_code") else (),
        moment=word_in(payload, "timestamp"),
        prompt=text_in(object_in(payload, "tool_info"), "user_prompt") if event == "pre_user_prompt" else None,
    )


def _named_file(payload: dict[str, Any]) -> tuple[str, ...]:
    told = object_in(payload, "tool_info")
    return (path_in(told, "file_path", told),)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Windsurf",
    parse_payload=parser(_observed),
    parse_attempt=parser(_attempt),
    format_denial=deny_by_status,
    hooks=(
        *watched(before="pre_write_code", after=("post_write_code",), rests=()),
        *watched(before="pre_run_command", after=("post_run_command",), rests=()),
        *watched(before="pre_mcp_tool_use", after=("post_mcp_tool_use",), rests=("post_cascade_response",)),
    ),
    prompts=Call(event="pre_user_prompt"),
    exact="edits, shell commands and MCP tools: scans",
    lost="completions in the editor; which call it was: calls have no id; the model where Windsurf calls it unknown",
)

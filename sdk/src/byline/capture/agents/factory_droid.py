# SPDX-License-Identifier: Apache-2.0
"""Factory Droid: what its hooks say (seen with 0.225.2).

    PreToolUse, PostToolUse  Create, Edit    tool_input {file_path}: a window in which that file may change
    PreToolUse, PostToolUse  ApplyPatch      tool_input {input or patch}: a window in which the files may change that the patch names
    PreToolUse, PostToolUse  Execute         tool_input {command}: a window in which any file may change
    PreToolUse, PostToolUse  SERVER___TOOL   so is this, a tool of an MCP server (`mcp__SERVER__TOOL` in its documentation)
    Stop, SubagentStop, SessionEnd           closes the windows that no Post event closed

A call that fails, as each command does whose status is not 0, has no Post event; a command in the background (`fireAndForget`) has it when
it has started. No payload holds both texts, so that scans tell them. Some versions spell the common members `sessionId`. A payload has no
id of the call, and names no model: the transcript does, in the last answer before it.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Observed, watched
from byline.capture.agents.claude_like import PROMPT, WINDOWS, attempt_of_tool, deny, end_or_nothing, observe, read_attempt, rest_or_nothing
from byline.capture.agents.members import (
    absolute_path,
    members_in,
    object_in,
    optional_in,
    parse_members,
    parser,
    patched_in,
    path_in,
    string_in,
)
from byline.capture.agents.transcript import last_model
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "factory-droid"
_FILES: Final = ("Create", "Edit", "ApplyPatch")
_SERVERS: Final = "__"  # between the name of a server and that of its tool; in no name of its own tools
_TOOLS: Final = "|".join((*_FILES, "Execute", f".*{_SERVERS}.*"))
_SPELLINGS: Final = {
    "hookEventName": "hook_event_name",
    "sessionId": "session_id",
    "transcriptPath": "transcript_path",
    "toolName": "tool_name",
    "toolInput": "tool_input",
    "toolUseId": "tool_use_id",
}


def _observed(payload: dict[str, Any]) -> Observed:
    payload = _spelled(payload)
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    agent = Agent(name=NAME)
    if tool and (tool in (*_FILES, "Execute") or _SERVERS in tool) and event in WINDOWS:
        runs_on = tool == "Execute" and members_in(payload, "tool_input").get("fireAndForget")
        only = _named_files(tool, payload) if tool in _FILES else ()
        return observe(payload, agent, kind=end_or_nothing(WINDOWS[event], runs_on=runs_on), only=only)
    return observe(payload, agent, kind=rest_or_nothing(event))


def _parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
    observed, payload = ADAPTER.parse_payload(data, environ), _spelled(parse_members(data))
    tool = optional_in(payload, "tool_name") or ""
    if _SERVERS in tool:
        return attempt_of_tool(observed, tool, payload.get("tool_input"), cwd=absolute_path("", payload))
    return read_attempt(data, observed)


def _spelled(payload: dict[str, Any]) -> dict[str, Any]:
    return {_SPELLINGS.get(name, name): value for name, value in payload.items()}


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model of the last answer in the (end of the) `transcript` that is no younger than what was observed."""
    return last_model(transcript, observed, lambda record: record["message"]["modelId"])


def _named_files(tool: str, payload: dict[str, Any]) -> tuple[str, ...]:
    asked = object_in(payload, "tool_input")
    return patched_in(asked, payload) if tool == "ApplyPatch" else (path_in(asked, "file_path", payload),)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Factory Droid",
    parse_payload=parser(_observed),
    find_model=find_model,
    parse_attempt=_parse_attempt,
    format_denial=deny,
    hooks=watched(_TOOLS),
    prompts=PROMPT,
    tested="0.225.2",
    exact="edits, patches, shell commands and MCP tools: scans",
    lost="everything where a hooks.json stands beside its settings; which call it was: calls have no id; prompts to `droid exec`; what a "
    "command in the background writes after the agent rests",
)

# SPDX-License-Identifier: Apache-2.0
"""Qwen Code: what its hooks say (seen with 0.15.10 and 0.24.4). Claude Code's events, Gemini CLI's tools.

    PostToolUse write_file, edit  tool_response {returnDisplay {originalContent, newContent}}: both texts
    PreToolUse, PostToolUse  run_shell_command, mcp__*: a window in which any file may change
    Stop, SubagentStop, SessionEnd: closes the windows that no Post event closed

Texts and models: `gemini_like`; the payload's `tool_use_id` is not the model's. A sub-agent works beside its parent, which may rest
before it: `background_tasks` says so. What models answered it, its parent's transcript tells among what it tells of itself (`uiEvent`).
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Kind, Observed, gemini_like, watched
from byline.capture.agents.claude_like import PROMPT, WINDOWS, deny, read_attempts, rest_or_nothing
from byline.capture.agents.gemini_like import SCANNED, observe_call
from byline.capture.agents.members import parser, string_in
from byline.capture.agents.transcript import last_model, within
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "qwen-code"


def _observed(payload: dict[str, Any]) -> Observed:
    event = string_in(payload, "hook_event_name")
    rest = Kind.NOTHING if event == "Stop" and _has_agents_at_work(payload) else rest_or_nothing(event)
    return observe_call(payload, Agent(name=NAME), windows=WINDOWS, edits=("PostToolUse", "edit"), rest=rest)


def _has_agents_at_work(payload: Mapping[str, Any]) -> bool:
    tasks = payload.get("background_tasks")
    told = [each for each in tasks if isinstance(each, dict)] if isinstance(tasks, list) else []
    return any(each.get("status") == "running" and "agent_type" in each for each in told)


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model of the last answer to who acted in the (end of the) `transcript` that is no younger than what was observed."""

    def model_in(record: dict[str, Any]) -> object:
        told = record["systemPayload"]["uiEvent"]
        return told["model"] if told["subagent_id"] == within(observed) else None

    return last_model(transcript, observed, model_in) if within(observed) else gemini_like.find_model(transcript, observed)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Qwen Code",
    parse_payload=parser(_observed),
    find_model=find_model,
    parse_attempt=read_attempts(parser(_observed)),
    format_denial=deny,
    hooks=watched(SCANNED, reported="^(write_file|edit)$", after=("PostToolUse", "PostToolUseFailure")),
    prompts=PROMPT,
    tested="0.24.4",
    exact="edits: both texts are in the payload, also what a person changed of a whole file; shell commands and MCP tools: scans",
    lost="what a command in the background writes after the agent rests",
)

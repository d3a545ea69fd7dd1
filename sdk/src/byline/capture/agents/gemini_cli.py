# SPDX-License-Identifier: Apache-2.0
"""Gemini CLI: what its hooks say (seen with 0.61.0).

    AfterTool write_file, replace   tool_response {returnDisplay {originalContent, newContent, isNewFile}}: both texts
    BeforeTool, AfterTool  run_shell_command, mcp_*: a window in which any file may change
    AfterAgent, SessionEnd: closes the windows that no AfterTool closed

Calls have no id; a tool that was denied or fails has no AfterTool. The transcript names the model.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Call, Denial, Kind, Observed, watched
from byline.capture.agents.claude_like import read_attempts
from byline.capture.agents.gemini_like import SCANNED, find_model, observe_call
from byline.capture.agents.members import parser, string_in
from byline.core.authors import Agent
from byline.core.plain_json import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from byline.core.access import Effect

NAME: Final = "gemini-cli"

_WINDOWS: Final = {"BeforeTool": Kind.OPENS, "AfterTool": Kind.CLOSES}
_STOPS: Final = ("AfterAgent", "SessionEnd")
_PROMPT: Final = Call(event="BeforeAgent")


def _observed(payload: dict[str, Any]) -> Observed:
    event = string_in(payload, "hook_event_name")
    rest = Kind.STOPS if event in _STOPS else Kind.PROMPT if event == _PROMPT.event else Kind.NOTHING
    return observe_call(payload, Agent(name=NAME), windows=_WINDOWS, edits=("AfterTool", "replace"), rest=rest)


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer: it is denied, and told to ask itself."""
    return Denial(output=json_text({"decision": "deny", "reason": message}).encode())


ADAPTER: Final = Adapter(
    name=NAME,
    title="Gemini CLI",
    parse_payload=parser(_observed),
    find_model=find_model,
    parse_attempt=read_attempts(parser(_observed)),
    format_denial=deny,
    hooks=watched(SCANNED, reported="^(write_file|replace)$", before="BeforeTool", after=("AfterTool",), rests=("AfterAgent",)),
    prompts=_PROMPT,
    tested="0.61.0",
    exact="edits: both texts are in the payload, also what a person changed of a whole file; shell commands and MCP tools: scans",
    lost="which call it was: calls have no id; what a command in the background writes after the agent rests",
)

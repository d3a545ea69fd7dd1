# SPDX-License-Identifier: Apache-2.0
"""Gemini CLI: what its hooks say (seen with 0.61.0).

    AfterTool write_file, replace   tool_response {returnDisplay {originalContent, newContent, isNewFile}}: both texts
    BeforeTool, AfterTool  run_shell_command: a window in which any file may change
    AfterAgent, SessionEnd: closes the windows that no AfterTool closed

Calls have no id; a tool that was denied or fails has no AfterTool. The transcript names the model.
"""

from __future__ import annotations

import json

from byline.capture.agents import Adapter, Call, Denial, Kind, Observed
from byline.capture.agents.claude_like import read_attempts
from byline.capture.agents.gemini_like import SHELL, find_model, observe_call
from byline.capture.agents.members import parse_members, string_in
from byline.core.attribution import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from byline.core.access import Effect

NAME: Final = "gemini-cli"

_WINDOWS: Final = {"BeforeTool": Kind.OPENS, "AfterTool": Kind.CLOSES}
_STOPS: Final = ("AfterAgent", "SessionEnd")


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Gemini CLI sends.
    """
    payload = parse_members(data)
    rest = Kind.STOPS if string_in(payload, "hook_event_name") in _STOPS else Kind.NOTHING
    return observe_call(payload, Agent(name=NAME), windows=_WINDOWS, edits=("AfterTool", "replace"), rest=rest)


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer: it is denied, and told to ask itself."""
    return Denial(output=json.dumps({"decision": "deny", "reason": message}).encode())


ADAPTER: Final = Adapter(
    name=NAME,
    title="Gemini CLI",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=read_attempts(parse_payload),
    format_denial=deny,
    hooks=(
        Call(event="BeforeTool", matcher=f"write_file|replace|{SHELL}", guard=True),
        Call(event="AfterTool", matcher="write_file|replace"),
        Call(event="BeforeTool", matcher=SHELL, scan=True),
        Call(event="AfterTool", matcher=SHELL, scan=True),
        Call(event="AfterAgent", scan=True),
    ),
    tested="0.61.0",
    exact="edits: both texts are in the payload, also what a person changed of a whole file; shell commands: scans",
    lost="which call it was: calls have no id; what a command in the background writes after the agent rests",
)

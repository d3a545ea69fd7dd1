# SPDX-License-Identifier: Apache-2.0
"""Qwen Code: what its hooks say (seen with 0.15.10). Claude Code's events, Gemini CLI's tools.

    PostToolUse write_file, edit  tool_response {returnDisplay {originalContent, newContent}}: both texts
    PreToolUse, PostToolUse  run_shell_command: a window in which any file may change
    Stop, SubagentStop, SessionEnd: closes the windows that no Post event closed

Texts and models: `gemini_like`; the payload's `tool_use_id` is not the model's.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Call, Observed
from byline.capture.agents.claude_like import WINDOWS, deny, read_attempts, rest_or_nothing
from byline.capture.agents.gemini_like import SHELL, find_model, observe_call
from byline.capture.agents.members import parse_members, string_in
from byline.core.attribution import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

NAME: Final = "qwen-code"


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Qwen Code sends.
    """
    payload = parse_members(data)
    rest = rest_or_nothing(string_in(payload, "hook_event_name"))
    return observe_call(payload, Agent(name=NAME), windows=WINDOWS, edits=("PostToolUse", "edit"), rest=rest)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Qwen Code",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=read_attempts(parse_payload),
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher=f"write_file|edit|{SHELL}", guard=True),
        Call(event="PostToolUse", matcher="write_file|edit"),
        Call(event="PreToolUse", matcher=SHELL, scan=True),
        Call(event="PostToolUse", matcher=SHELL, scan=True),
        Call(event="PostToolUseFailure", matcher=SHELL, scan=True),
        Call(event="Stop", scan=True),
    ),
    tested="0.15.10",
    exact="edits: both texts are in the payload, also what a person changed of a whole file; shell commands: scans",
    lost="what a command in the background writes after the agent rests",
)

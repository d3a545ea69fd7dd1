# SPDX-License-Identifier: Apache-2.0
"""Factory Droid: payloads built from the documented schema of its hooks.

    PreToolUse, PostToolUse  Create, Edit    tool_input {file_path}: a window in which that file may change
    PreToolUse, PostToolUse  ApplyPatch      tool_input {input or patch}: a window in which the files may change that the patch names
    PreToolUse, PostToolUse  Execute         tool_input {command}: a window in which any file may change
    Stop, SubagentStop, SessionEnd           closes the windows that no Post event closed

What a tool answers is not documented, so that scans tell the texts. Some versions spell the common members `sessionId`. A payload may
have no id of the call, and names no model: beside the transcript lies `<transcript>.settings.json`, which does.
"""

from __future__ import annotations

import json

from byline.capture.agents import Adapter, Call, Observed, clean
from byline.capture.agents.claude_like import WINDOWS, deny, observe, read_attempts, rest_or_nothing
from byline.capture.agents.members import absolute_path, object_in, optional_in, parse_members, path_in, string_in, text_in
from byline.core.attribution import Agent
from byline.core.patch_names import patched_paths
from byline.core.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "factory-droid"
_TOOLS: Final = ("Create", "Edit", "ApplyPatch", "Execute")
_SPELLINGS: Final = {
    "hookEventName": "hook_event_name",
    "sessionId": "session_id",
    "transcriptPath": "transcript_path",
    "toolName": "tool_name",
    "toolInput": "tool_input",
    "toolUseId": "tool_use_id",
}


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Droid sends.
    """
    payload = {_SPELLINGS.get(name, name): value for name, value in parse_members(data).items()}
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    agent = Agent(name=NAME)
    if tool in _TOOLS and event in WINDOWS:
        observed = observe(payload, agent, kind=WINDOWS[event], only=_named_files(tool, payload))
    else:
        observed = observe(payload, agent, kind=rest_or_nothing(event))
    beside = observed.transcript.removesuffix(".jsonl") + ".settings.json" if observed.transcript else None
    return replace(observed, transcript=beside)


def find_model(transcript: bytes, observed: Observed) -> str | None:  # noqa: ARG001 - it knows one model
    """Return the model that the session's settings name."""
    try:
        model = json.loads(transcript)["model"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return clean(model) or None if isinstance(model, str) else None


def _named_files(tool: str, payload: dict[str, Any]) -> tuple[str, ...]:
    asked = object_in(payload, "tool_input")
    if tool == "ApplyPatch":
        return tuple(absolute_path(path, payload) for path in patched_paths(text_in(asked, "input") or text_in(asked, "patch") or ""))
    return (path_in(asked, "file_path", payload),) if tool != "Execute" else ()


ADAPTER: Final = Adapter(
    name=NAME,
    title="Factory Droid",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=read_attempts(parse_payload),
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher="|".join(_TOOLS), guard=True),
        Call(event="PreToolUse", matcher="|".join(_TOOLS), scan=True),
        Call(event="PostToolUse", matcher="|".join(_TOOLS), scan=True),
        Call(event="Stop", scan=True),
    ),
    exact="edits, patches and shell commands: scans before and after, of an edit only the file that it names",
    lost="everything where a hooks.json stands beside its settings; what a command in the background writes after the agent rests",
)

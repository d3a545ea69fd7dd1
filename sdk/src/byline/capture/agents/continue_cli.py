# SPDX-License-Identifier: Apache-2.0
"""Continue's command line agent: payloads built from the schema in its source.

    PreToolUse, PostToolUse  Write {filepath}, Edit, MultiEdit {file_path}: a window in which that file may change
    PreToolUse, PostToolUse, PostToolUseFailure  Bash {command}: a window in which any file may change
    PreToolUse, PostToolUse, PostToolUseFailure  a tool of an MCP server, under its own name: so is this
    Stop, SessionEnd: closes the windows that no Post event closed

It reads hooks in its own settings and in Claude Code's. `transcript_path` is empty and no payload of a tool names the model. Version
1.5.47 was run: it reads the settings and calls no hook yet; until it does, `byline record --agent continue-cli -- cn ...` records it.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Kind, watched
from byline.capture.agents.claude_like import PROMPT, WINDOWS, attempt_of_tool, deny, observe, read_attempt, rest_or_nothing
from byline.capture.agents.members import absolute_path, object_in, optional_in, parse_members, parser, path_in, string_in
from byline.core.authors import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.capture.agents import Observed

NAME: Final = "continue-cli"
_PATHS: Final = {"Write": "filepath", "Edit": "file_path", "MultiEdit": "file_path", "Bash": None}
_QUIET: Final = (
    *("Read", "List", "Search", "Fetch", "Diff", "Checklist", "Subagent", "Skills", "Status", "AskQuestion", "CheckBackgroundJob"),
    *("Exit", "ReportFailure", "UploadArtifact"),
)
_TOOLS: Final = f"^(?!({'|'.join(_QUIET)})$).+$"


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:  # noqa: ARG001 - it tells nothing
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    payload = parse_members(data)
    observed, tool = _observed(payload), optional_in(payload, "tool_name") or ""
    if tool in _PATHS or observed.kind is not Kind.OPENS:
        return read_attempt(data, observed)
    return attempt_of_tool(observed, tool, payload.get("tool_input"), cwd=absolute_path("", payload))


def _observed(payload: dict[str, Any]) -> Observed:
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    agent = Agent(name=NAME)
    if not tool or tool in _QUIET or event not in WINDOWS:
        return observe(payload, agent, kind=rest_or_nothing(event))
    name = _PATHS.get(tool)
    only = (path_in(object_in(payload, "tool_input"), name, payload),) if name else ()
    return observe(payload, agent, kind=WINDOWS[event], only=only)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Continue",
    parse_payload=parser(_observed),
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=watched(_TOOLS, after=("PostToolUse", "PostToolUseFailure")),
    prompts=PROMPT,
    exact="edits, shell commands and MCP tools: scans",
    lost="the model; and in 1.5.47 everything, for it reads the hooks and calls none",
)

# SPDX-License-Identifier: Apache-2.0
"""Continue's command line agent: payloads built from the schema in its source.

    PreToolUse, PostToolUse  Write {filepath}, Edit, MultiEdit {file_path}: a window in which that file may change
    PreToolUse, PostToolUse, PostToolUseFailure  Bash {command}: a window in which any file may change
    Stop, SessionEnd: closes the windows that no Post event closed

It reads hooks in its own settings and in Claude Code's. `transcript_path` is empty and no payload of a tool names the model. Version
1.5.47 was run: it reads the settings and calls no hook yet; until it does, `byline record --agent continue-cli -- cn ...` records it.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Call
from byline.capture.agents.claude_like import WINDOWS, deny, observe, read_attempts, rest_or_nothing
from byline.capture.agents.members import object_in, optional_in, parse_members, path_in, string_in
from byline.core.attribution import Agent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from byline.capture.agents import Observed

NAME: Final = "continue-cli"
_PATHS: Final = {"Write": "filepath", "Edit": "file_path", "MultiEdit": "file_path", "Bash": None}


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Continue sends.
    """
    payload = parse_members(data)
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    agent = Agent(name=NAME)
    if tool not in _PATHS or event not in WINDOWS:
        return observe(payload, agent, kind=rest_or_nothing(event))
    name = _PATHS[tool]
    only = (path_in(object_in(payload, "tool_input"), name, payload),) if name else ()
    return observe(payload, agent, kind=WINDOWS[event], only=only)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Continue",
    parse_payload=parse_payload,
    parse_attempt=read_attempts(parse_payload),
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher="^(Write|Edit|MultiEdit|Bash)$", guard=True),
        Call(event="PreToolUse", matcher="^(Write|Edit|MultiEdit|Bash)$", scan=True),
        Call(event="PostToolUse", matcher="^(Write|Edit|MultiEdit|Bash)$", scan=True),
        Call(event="PostToolUseFailure", matcher="^(Write|Edit|MultiEdit|Bash)$", scan=True),
        Call(event="Stop", scan=True),
    ),
    exact="edits and shell commands: scans before and after, of an edit only the file that it names",
    lost="the model; and in 1.5.47 everything, for it reads the hooks and calls none",
)

# SPDX-License-Identifier: Apache-2.0
"""Codex: what its hooks say (seen with 0.169.0).

    PreToolUse, PostToolUse  apply_patch  tool_input {command: the patch}: a window in which the files may change that it names
    PreToolUse, PostToolUse  Bash         tool_input {command: the shell line}: a window in which any file may change
    Stop, SubagentStop, SessionEnd        closes the windows that no Post event closed

A payload holds neither text, so each call has a scan before and after it. A patch in a shell line (`apply_patch <<'EOF'`) is applied by
Codex itself and has no Post event: the session's next event closes its window. Every payload names the model.
"""

from __future__ import annotations

import os

from byline.capture.agents import Adapter, Call
from byline.capture.agents.claude_like import WINDOWS, deny, observe, read_attempts, rest_or_nothing
from byline.capture.agents.members import absolute_path, object_in, optional_in, parse_members, string_in, word_in
from byline.capture.agents.patch import heredoc_folder
from byline.core.attribution import Agent
from byline.core.patch_names import patched_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.capture.agents import Observed

NAME: Final = "codex"


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Codex sends.
    """
    payload = parse_members(data)
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    agent = Agent(name=NAME, model=word_in(payload, "model"))
    if tool not in ("apply_patch", "Bash") or event not in WINDOWS:
        return observe(payload, agent, kind=rest_or_nothing(event))
    only, ends = _named_files(tool, payload)
    return observe(payload, agent, kind=WINDOWS[event], only=only, ends=ends)


def _named_files(tool: str, payload: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Return the files that a call names, none for any, and whether an event tells its end."""
    command = string_in(object_in(payload, "tool_input"), "command")
    folder = "" if tool == "apply_patch" else heredoc_folder(command)
    if folder is None:
        return (), True
    paths = (os.path.join(folder, path) for path in patched_paths(command))  # noqa: PTH118 - as text
    return tuple(absolute_path(path, payload) for path in paths), tool == "apply_patch"


ADAPTER: Final = Adapter(
    name=NAME,
    title="Codex",
    parse_payload=parse_payload,
    parse_attempt=read_attempts(parse_payload),
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher="apply_patch|Bash", guard=True),
        Call(event="PreToolUse", matcher="apply_patch|Bash", scan=True),
        Call(event="PostToolUse", matcher="apply_patch|Bash", scan=True),
        Call(event="Stop", scan=True),
    ),
    tested="0.169.0",
    exact="patches and shell commands: scans before and after, of a patch only the files that it names",
    lost="everything until you trust the hooks in Codex itself (`/hooks`): it skips new ones and says nothing",
)

# SPDX-License-Identifier: Apache-2.0
"""Codex: what its hooks say (seen with 0.169.0).

    PreToolUse, PostToolUse  apply_patch  tool_input {command: the patch}: a window in which the files may change that it names
    PreToolUse, PostToolUse  Bash         tool_input {command: the shell line}: a window in which any file may change
    PreToolUse, PostToolUse  mcp__*       a window in which any file may change
    Stop, SubagentStop, SessionEnd        closes the windows that no Post event closed

A payload holds neither text, so each call has a scan before and after it. A patch in a shell line (`apply_patch <<'EOF'`) is applied by
Codex itself and has no Post event: the session's next event closes its window. Every payload names the model.
"""

from __future__ import annotations

import os

from byline.capture.agents import Adapter, Call
from byline.capture.agents.claude_like import BROUGHT, PROMPT, WINDOWS, deny, observe, read_attempts, rest_or_nothing
from byline.capture.agents.members import absolute_path, object_in, optional_in, parser, string_in, word_in
from byline.core.authors import Agent
from byline.core.patch_names import patched_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from byline.capture.agents import Observed

NAME: Final = "codex"
_HEREDOC: Final = r"(?a)\s*(?:cd\s+(?P<folder>[^\s;&|]+)\s*&&\s*)?apply_?patch\s*<<"


def _observed(payload: dict[str, Any]) -> Observed:
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    agent = Agent(name=NAME, model=word_in(payload, "model"))
    if not tool or event not in WINDOWS or not (tool in ("apply_patch", "Bash") or tool.startswith(BROUGHT)):
        return observe(payload, agent, kind=rest_or_nothing(event))
    if tool.startswith(BROUGHT):
        return observe(payload, agent, kind=WINDOWS[event])
    only, ends = _named_files(tool, payload)
    return observe(payload, agent, kind=WINDOWS[event], only=only, ends=ends)


def _named_files(tool: str, payload: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Return the files that a call names, none for any, and whether an event tells its end."""
    command = string_in(object_in(payload, "tool_input"), "command")
    folder = "" if tool == "apply_patch" else _heredoc_folder(command)
    if folder is None:
        return (), True
    paths = (os.path.join(folder, path) for path in patched_paths(command))  # noqa: PTH118 - as text
    return tuple(absolute_path(path, payload) for path in paths), tool == "apply_patch"


def _heredoc_folder(command: str) -> str | None:
    """Return the folder in which the shell line `command` does nothing but apply a patch, "" for the current one; else None.

    >>> _heredoc_folder("cd src && apply_patch <<'EOF'"), _heredoc_folder("apply_patch <<EOF"), _heredoc_folder("make")
    ('src', '', None)
    """
    import re  # the guard waits for no shell line of Codex that applies a patch

    found = re.match(_HEREDOC, command)
    return None if found is None else (found["folder"] or "").strip("\"'")


ADAPTER: Final = Adapter(
    name=NAME,
    title="Codex",
    parse_payload=parser(_observed),
    parse_attempt=read_attempts(parser(_observed)),
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher="apply_patch|Bash", guard=True),
        Call(event="PreToolUse", matcher="mcp__.*", guard=True),
        Call(event="PreToolUse", matcher="apply_patch|Bash|mcp__.*", scan=True, opens=True),
        Call(event="PostToolUse", matcher="apply_patch|Bash|mcp__.*", scan=True),
        Call(event="Stop", scan=True),
    ),
    prompts=PROMPT,
    tested="0.169.0",
    exact="patches, shell commands and MCP tools: scans",
    lost="everything until you trust the hooks in Codex itself (`/hooks`): it skips new ones and says nothing",
)

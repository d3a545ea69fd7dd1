# SPDX-License-Identifier: Apache-2.0
"""What the payloads of Claude Code and of the agents that took its hooks over have in common.

    {"hook_event_name": "PreToolUse", "session_id": "s", "agent_id": "a", "transcript_path": "/...", "cwd": "/repo",
     "tool_name": "Bash", "tool_input": {...}, "tool_use_id": "t"}            then PostToolUse, with what the agent calls its result

A sub-agent has its parent's session and an `agent_id` of its own: its session here is `<session_id>/<agent_id>`. A call whose payload
does not hold the texts is a *window*: `PreToolUse` opens it, `PostToolUse` or `PostToolUseFailure` closes it, and where neither came (a
call that was denied or interrupted) the agent's coming to rest.
"""

from __future__ import annotations

import json

from byline.capture.agents import Attempt, Denial, Kind, Observed
from byline.capture.agents.members import absolute_path, optional_in, parse_members, path_in, text_in, word_in
from byline.core.patch_names import patched_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from byline.capture.agents import FileText
    from byline.core.access import Effect
    from byline.core.attribution import Agent

WINDOWS: Final = {"PreToolUse": Kind.OPENS, "PostToolUse": Kind.CLOSES, "PostToolUseFailure": Kind.CLOSES}
_PATHS: Final = ("file_path", "notebook_path", "filepath", "path")
_PATCHES: Final = ("apply_patch", "ApplyPatch")
_BEFORE: Final = ("PreToolUse", "BeforeTool")
STOPS: Final = frozenset({"Stop", "SubagentStop", "SessionEnd"})


def observe(
    payload: Mapping[str, Any],
    agent: Agent,
    *,
    kind: Kind,
    files: tuple[FileText, ...] = (),
    only: tuple[str, ...] = (),
    ends: bool = True,
) -> Observed:
    """Return what `payload` says, with the members that all of these agents have.

    Raises:
        PayloadError: One of them is not what it should be.
    """
    session, within = word_in(payload, "session_id"), word_in(payload, "agent_id")
    return Observed(
        kind=kind,
        agent=agent,
        session=f"{session}/{within}" if session and within else session,
        call=word_in(payload, "tool_use_id"),
        files=files,
        only=only,
        ends=ends,
        transcript=optional_in(payload, "transcript_path") or None,
        moment=word_in(payload, "timestamp"),
    )


def rest_or_nothing(event: str) -> Kind:
    """Return what `event` is that is about no call of a tool that changes files."""
    return Kind.STOPS if event in STOPS else Kind.NOTHING


def read_attempt(data: bytes, observed: Observed) -> Attempt | None:
    """Return what the call is about to do of which `data` tells before it is made; None for one that writes and runs nothing.

    Raises:
        PayloadError: Its members are not what they should be.
    """
    payload = parse_members(data)
    event = payload.get("hook_event_name", payload.get("hookEventName"))
    asked = payload.get("tool_input", payload.get("toolInput"))
    if event not in _BEFORE or not isinstance(asked, dict):
        return None
    cwd = optional_in(payload, "cwd") or ""
    paths = [path_in(asked, name, payload) for name in _PATHS if isinstance(asked.get(name), str)]
    command = text_in(asked, "command")
    if payload.get("tool_name", payload.get("toolName")) in _PATCHES:
        patch = command or text_in(asked, "input") or text_in(asked, "patch") or ""
        paths += [absolute_path(path, payload) for path in patched_paths(patch)]
        command = None
    return Attempt(observed=observed, cwd=cwd, paths=tuple(paths), command=command) if paths or command is not None else None


def attempt_of(observed: Observed, *, cwd: str, command: str | None) -> Attempt | None:
    """Return what the call of a tool that was `observed` is about to do: it opens a window, for the files it names or for any."""
    return Attempt(observed=observed, cwd=cwd, paths=observed.only, command=command) if observed.kind is Kind.OPENS else None


def read_attempts(
    parse_payload: Callable[[bytes, Mapping[str, str]], Observed],
) -> Callable[[bytes, Mapping[str, str]], Attempt | None]:
    """Return the `parse_attempt` of an agent whose payloads `parse_payload` reads."""

    def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
        return read_attempt(data, parse_payload(data, environ))

    return parse_attempt


def deny_or_ask(effect: Effect, message: str) -> Denial:
    """Return Claude Code's form of an answer; a person is asked where the rule says so."""
    told = {"hookEventName": "PreToolUse", "permissionDecision": str(effect), "permissionDecisionReason": message}
    return Denial(output=json.dumps({"hookSpecificOutput": told}).encode())


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - one answer for both
    """Return the same form for an agent that does not know how to ask: it is denied, and told to ask itself."""
    told = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": message}
    return Denial(output=json.dumps({"hookSpecificOutput": told}).encode())

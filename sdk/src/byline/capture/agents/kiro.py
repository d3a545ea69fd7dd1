# SPDX-License-Identifier: Apache-2.0
"""Kiro, the editor (from 1.0) and its command line (from 3.0): payloads built from the documented schema of its hooks.

    preToolUse, postToolUse  fs_write, fs_append, str_replace, write  tool_input {path}: a window in which that file may change
    preToolUse, postToolUse  execute_bash, shell                      tool_input {command}: a window in which any file may change
    stop                                                              closes the windows that no Post event closed

Tools and events are spelled in several ways (`fs_write`, `fsWrite`; `preToolUse`, `PreToolUse`). `fs_write` has a `command`, too, which
is none of a shell's. Calls have no id, and nothing names the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents import Adapter, Attempt, Call, Denial, Observed
from byline.capture.agents.claude_like import WINDOWS, attempt_of, observe, rest_or_nothing
from byline.capture.agents.members import optional_in, parse_members, paths_in, string_in, text_in
from byline.core.attribution import Agent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.core.access import Effect

NAME: Final = "kiro"
_FILES: Final = ("write", "fswrite", "fsappend", "strreplace", "deletefile", "editcode")
_SHELLS: Final = ("shell", "executebash", "executepwsh", "controlbashprocess")
_PATHS: Final = ("path", "targetFile", "filePath")
_TOOLS: Final = ".*([wW]rite|[aA]ppend|[rR]eplace|[dD]elete|[eE]dit|[sS]hell|[eE]xecute|[cC]ontrol).*"


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Kiro sends.
    """
    return _observed(parse_members(data))


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    payload = parse_members(data)
    command = text_in(_asked(payload), "command") if _tool(payload) in _SHELLS else None
    return attempt_of(_observed(payload), cwd=optional_in(payload, "cwd") or "", command=command)


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer: a status, and on standard error what the model is told."""
    return Denial(error=message.encode(), status=2)


def _observed(payload: dict[str, Any]) -> Observed:
    said, tool = string_in(payload, "hook_event_name"), _tool(payload)
    event = said[:1].upper() + said[1:]
    if event in WINDOWS and tool in (*_FILES, *_SHELLS):
        only = () if tool in _SHELLS else paths_in(_asked(payload), _PATHS, payload)
        return observe(payload, Agent(name=NAME), kind=WINDOWS[event], only=only)
    return observe(payload, Agent(name=NAME), kind=rest_or_nothing(event))


def _tool(payload: Mapping[str, Any]) -> str:
    return (optional_in(payload, "tool_name") or "").replace("_", "").lower()


def _asked(payload: Mapping[str, Any]) -> dict[str, Any]:
    asked = payload.get("tool_input")
    return asked if isinstance(asked, dict) else {}


ADAPTER: Final = Adapter(
    name=NAME,
    title="Kiro",
    parse_payload=parse_payload,
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=(
        Call(event="PreToolUse", matcher=_TOOLS, guard=True),
        Call(event="PreToolUse", matcher=_TOOLS, scan=True),
        Call(event="PostToolUse", matcher=_TOOLS, scan=True),
        Call(event="Stop", scan=True),
    ),
    exact="edits and shell commands: scans before and after, of an edit only the file that it names",
    lost="the model; which call it was: calls have no id; everything before editor 1.0 and command line 3.0",
)

# SPDX-License-Identifier: Apache-2.0
"""Windsurf's Cascade: payloads built from the documented schema of its hooks.

    pre_write_code, post_write_code    tool_info {file_path, edits}: a window in which that file may change
    pre_run_command, post_run_command  tool_info {command_line, cwd}: a window in which any file may change
    post_cascade_response              closes the windows that no Post event closed

`trajectory_id` is the session; `execution_id` is a turn's, not a call's. Every payload names the model, if only as "Unknown".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents import Adapter, Attempt, Call, Denial, Kind, Observed
from byline.capture.agents.claude_like import attempt_of
from byline.capture.agents.members import object_in, optional_in, parse_members, path_in, string_in, text_in, word_in
from byline.core.attribution import Agent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.core.access import Effect

NAME: Final = "windsurf"
_KINDS: Final = {
    "pre_write_code": Kind.OPENS,
    "post_write_code": Kind.CLOSES,
    "pre_run_command": Kind.OPENS,
    "post_run_command": Kind.CLOSES,
    "post_cascade_response": Kind.STOPS,
}


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Windsurf sends.
    """
    return _observed(parse_members(data))


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:  # noqa: ARG001 - its hooks' environment tells nothing
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    observed = _observed(payload := parse_members(data))
    if observed.kind is not Kind.OPENS:
        return None
    told = object_in(payload, "tool_info")
    return attempt_of(observed, cwd=optional_in(told, "cwd") or "", command=None if observed.only else text_in(told, "command_line"))


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer: a status, and on standard error what the model is told."""
    return Denial(error=message.encode(), status=2)


def _observed(payload: dict[str, Any]) -> Observed:
    event = string_in(payload, "agent_action_name")
    model = word_in(payload, "model_name")
    return Observed(
        kind=_KINDS.get(event, Kind.NOTHING),
        agent=Agent(name=NAME, model=None if model == "Unknown" else model),
        session=word_in(payload, "trajectory_id"),
        call=None,
        only=_named_file(payload) if event.endswith("_write_code") else (),
        moment=word_in(payload, "timestamp"),
    )


def _named_file(payload: dict[str, Any]) -> tuple[str, ...]:
    told = object_in(payload, "tool_info")
    return (path_in(told, "file_path", told),)


ADAPTER: Final = Adapter(
    name=NAME,
    title="Windsurf",
    parse_payload=parse_payload,
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=(
        Call(event="pre_write_code", guard=True),
        Call(event="pre_write_code", scan=True),
        Call(event="post_write_code", scan=True),
        Call(event="pre_run_command", guard=True),
        Call(event="pre_run_command", scan=True),
        Call(event="post_run_command", scan=True),
        Call(event="post_cascade_response", scan=True),
    ),
    exact="edits and shell commands: scans before and after, of an edit only the file that it names",
    lost="completions in the editor; which call it was: calls have no id; the model where Windsurf calls it unknown",
)

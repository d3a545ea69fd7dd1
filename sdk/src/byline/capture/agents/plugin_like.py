# SPDX-License-Identifier: Apache-2.0
"""What our plugins say that run inside an agent: one schema for all of them, for the plugin is ours.

    {"event": {"type": "tool_call", "toolName": "write", "toolCallId": "c", "input": {"path": "app.py"}},
     "cwd": "/repo", "model": {"id": "m", "provider": "p"}, "sessionId": "s", "parentId": "the session it is a part of, if any"}

`tool_call` comes before a call, `tool_result` after it, `agent_end` when the agent rests. No plugin is told what stood in a file, so each
call that may change one is a window between two scans; a call that names its file changes no other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents import Adapter, Attempt, Call, Denial, Kind, Observed
from byline.capture.agents.claude_like import attempt_of
from byline.capture.agents.members import absolute_path, object_in, optional_in, parse_members, string_in, text_in, word_in
from byline.core.attribution import Agent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from byline.core.access import Effect

_KINDS: Final = {"tool_call": Kind.OPENS, "tool_result": Kind.CLOSES}
_PATHS: Final = ("path", "filePath", "file_path")


def make_adapter(name: str, title: str, *, writes: tuple[str, ...], runs: tuple[str, ...], tested: str | None, lost: str) -> Adapter:
    """Return the adapter of the agent `name`, whose tools that name the file they write are `writes`, and that run anything `runs`."""
    tools = "|".join((*writes, *runs))
    return Adapter(
        name=name,
        title=title,
        parse_payload=_parser(name, frozenset(writes), frozenset(runs)),
        parse_attempt=_attempts(_parser(name, frozenset(writes), frozenset(runs))),
        format_denial=deny,
        hooks=(
            Call(event="tool_call", matcher=tools, guard=True),
            Call(event="tool_call", matcher=tools, scan=True),
            Call(event="tool_result", matcher=tools, scan=True),
            Call(event="agent_end", scan=True),
        ),
        tested=tested,
        exact="edits and shell commands: scans before and after, of an edit only the file that it names",
        lost=lost,
    )


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - the plugin makes the call impossible, whoever would be asked
    """Return what our plugins take for a no."""
    return Denial(output=json.dumps({"reason": message}).encode())


def _parser(name: str, writes: frozenset[str], runs: frozenset[str]) -> Callable[[bytes, Mapping[str, str]], Observed]:
    def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - a plugin says all it knows
        payload = parse_members(data)
        event = object_in(payload, "event")
        kind, tool = string_in(event, "type"), optional_in(event, "toolName")
        session, parent = word_in(payload, "sessionId"), word_in(payload, "parentId")
        opens_or_closes = _KINDS.get(kind) if tool in writes | runs else None
        return Observed(
            kind=opens_or_closes or (Kind.STOPS if kind == "agent_end" else Kind.NOTHING),
            agent=Agent(name=name, version=word_in(payload, "version"), model=_model(payload)),
            session=f"{parent}/{session}" if session and parent else session,
            call=word_in(event, "toolCallId"),
            only=_named(event, payload) if opens_or_closes and tool in writes else (),
        )

    return parse_payload


def _attempts(parse_payload: Callable[[bytes, Mapping[str, str]], Observed]) -> Callable[[bytes, Mapping[str, str]], Attempt | None]:
    def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
        observed, payload = parse_payload(data, environ), parse_members(data)
        is_named = observed.only or observed.kind is not Kind.OPENS
        command = None if is_named else text_in(object_in(object_in(payload, "event"), "input"), "command")
        return attempt_of(observed, cwd=optional_in(payload, "cwd") or "", command=command)

    return parse_attempt


def _named(event: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    asked = object_in(event, "input")
    return tuple(absolute_path(asked[name], payload) for name in _PATHS if isinstance(asked.get(name), str))[:1]


def _model(payload: Mapping[str, Any]) -> str | None:
    if payload.get("model") is None:
        return None
    model = object_in(payload, "model")
    provider, name = word_in(model, "provider"), word_in(model, "id")
    return f"{provider}/{name}" if provider and name else name

# SPDX-License-Identifier: Apache-2.0
"""What our plugins say that run inside an agent: one schema for all of them, for the plugin is ours.

    {"event": {"type": "tool_call", "toolName": "write", "toolCallId": "c", "input": {"path": "app.py"}},
     "cwd": "/repo", "model": {"id": "m", "provider": "p"}, "sessionId": "s", "parentId": "the session it is a part of, if any"}

`tool_call` comes before a call, `tool_result` after it, `agent_end` when the agent rests, `prompt` (with its `text`) when a person asks
for something. No plugin is told what stood in a file, so each call that may change one is a window between two scans; a call that names
its file changes no other. Tools may also be of MCP servers and of other plugins, under any name: one that is not known to change nothing
may change any file.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Call, Denial, Kind, Observed, watched
from byline.capture.agents.claude_like import attempt_of, attempt_of_tool
from byline.capture.agents.members import absolute_path, object_in, optional_in, parse_members, patched_in, string_in, text_in, word_in
from byline.core.authors import Agent
from byline.core.plain_json import json_text
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from byline.core.access import Effect

_KINDS: Final = {"tool_call": Kind.OPENS, "tool_result": Kind.CLOSES}
_OTHERS: Final = {"agent_end": Kind.STOPS, "prompt": Kind.PROMPT}
_PATHS: Final = ("path", "filePath", "file_path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """An agent's own tools: those that write the file that they name, those that `patch` files, run a command, or change nothing at all."""

    writes: tuple[str, ...]
    patches: tuple[str, ...] = ()
    runs: tuple[str, ...]
    quiet: tuple[str, ...]


def make_adapter(name: str, title: str, *, tools: Tools, tested: str | None, lost: str) -> Adapter:
    """Return the adapter of the agent `name`, whose own tools are `tools`."""
    scanned = f"(?!({'|'.join(tools.quiet)})$).+"
    parse_payload = _parser(name, tools)
    return Adapter(
        name=name,
        title=title,
        parse_payload=parse_payload,
        parse_attempt=_attempts(parse_payload, tools.runs),
        format_denial=deny,
        hooks=watched(scanned, before="tool_call", after=("tool_result",), rests=("agent_end",)),
        prompts=Call(event="prompt"),
        tested=tested,
        exact="edits, shell commands and tools of MCP servers and plugins: scans",
        lost=lost,
    )


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - the plugin makes the call impossible, whoever would be asked
    """Return what our plugins take for a no."""
    return Denial(output=json_text({"reason": message}).encode())


def _parser(name: str, tools: Tools) -> Callable[[bytes, Mapping[str, str]], Observed]:
    def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:  # noqa: ARG001 - a plugin says all it knows
        payload = parse_members(data)
        event = object_in(payload, "event")
        kind, tool = string_in(event, "type"), optional_in(event, "toolName")
        session, parent = word_in(payload, "sessionId"), word_in(payload, "parentId")
        opens_or_closes = _KINDS.get(kind) if tool and tool not in tools.quiet else None
        return Observed(
            kind=opens_or_closes or _OTHERS.get(kind, Kind.NOTHING),
            agent=Agent(name=name, version=word_in(payload, "version"), model=_model(payload)),
            session=f"{parent}/{session}" if session and parent else session,
            call=word_in(event, "toolCallId"),
            only=_named(event, payload) if opens_or_closes and tool in (*tools.writes, *tools.patches) else (),
            prompt=text_in(event, "text") if kind == "prompt" else None,
        )

    return parse_payload


def _attempts(
    parse_payload: Callable[[bytes, Mapping[str, str]], Observed], runs: tuple[str, ...]
) -> Callable[[bytes, Mapping[str, str]], Attempt | None]:
    def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
        observed, payload = parse_payload(data, environ), parse_members(data)
        if observed.kind is not Kind.OPENS:
            return None
        event, cwd = object_in(payload, "event"), optional_in(payload, "cwd") or ""
        tool, asked = string_in(event, "toolName"), object_in(event, "input")
        if observed.only or tool in runs:
            return attempt_of(observed, cwd=cwd, command=None if observed.only else text_in(asked, "command"))
        return attempt_of_tool(observed, tool, asked, cwd=cwd)

    return parse_attempt


def _named(event: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    asked = object_in(event, "input")
    named = [asked[name] for name in _PATHS if isinstance(asked.get(name), str)][:1]
    return tuple(absolute_path(path, payload) for path in named) or patched_in(asked, payload)


def _model(payload: Mapping[str, Any]) -> str | None:
    if payload.get("model") is None:
        return None
    model = object_in(payload, "model")
    provider, name = word_in(model, "provider"), word_in(model, "id")
    return f"{provider}/{name}" if provider and name else name

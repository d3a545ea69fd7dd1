# SPDX-License-Identifier: Apache-2.0
"""What the payloads of Claude Code and of the agents that took its hooks over have in common.

    {"hook_event_name": "PreToolUse", "session_id": "s", "agent_id": "a", "transcript_path": "/...", "cwd": "/repo",
     "tool_name": "Bash", "tool_input": {...}, "tool_use_id": "t"}            then PostToolUse, with what the agent calls its result

A sub-agent has its parent's session and an `agent_id` of its own: its session here is `<session_id>/<agent_id>`. A call whose payload
does not hold the texts is a *window*: `PreToolUse` opens it, `PostToolUse` or `PostToolUseFailure` closes it, and where neither came (a
call that was denied or interrupted) the agent's coming to rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents import Kind, Observed
from byline.capture.agents.members import optional_in, word_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.capture.agents import FileText
    from byline.core.attribution import Agent

WINDOWS: Final = {"PreToolUse": Kind.OPENS, "PostToolUse": Kind.CLOSES, "PostToolUseFailure": Kind.CLOSES}
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

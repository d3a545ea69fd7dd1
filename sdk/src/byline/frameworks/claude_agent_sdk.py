# SPDX-License-Identifier: Apache-2.0
r"""The Claude Agent SDK: the hooks that `byline init` gives to Claude Code, in your own process.

    options = ClaudeAgentOptions(hooks=hooks(), cwd=..., permission_mode="acceptEdits")
    options = ClaudeAgentOptions(hooks=hooks({"PreToolUse": [mine]}))        # beside your own

The SDK runs Claude Code and hands its hooks' payloads to callbacks: they go through the same door as those of installed hooks
(`byline.capture.door`) to the same adapter, and are `observed`: both texts of an edit, the call's id, the session, sub-agents, and the
model that the transcript names. Where Claude Code reads a project's settings with installed hooks, an edit is recorded once. No callback
fails, and one blocks a call: that the rules for agents do not allow (docs/policy.md).
"""

from __future__ import annotations

import json
import os
from asyncio import to_thread
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline.capture.agents.claude_code import ADAPTER
from byline.capture.door import take_hook
from byline.capture.permission import Permissions
from byline.frameworks.extras import wanted

with wanted("claude-agent-sdk"):
    from claude_agent_sdk import HookMatcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def hooks(others: Mapping[str, Sequence[Any]] | None = None) -> dict[str, list[Any]]:
    """Return what `ClaudeAgentOptions(hooks=...)` takes: our callbacks, after `others`."""
    made = {event: [*matchers] for event, matchers in (others or {}).items()}
    for call in (*ADAPTER.hooks, *filter(None, [ADAPTER.prompts])):
        answer = _judge if call.guard else _record
        made.setdefault(call.event, []).append(HookMatcher(matcher=call.matcher or None, hooks=[answer]))
    return made


async def _judge(payload: Any, _tool_use_id: str | None, _context: Any) -> dict[str, Any]:
    """Say no, or ask, where the rules for agents do; an empty answer has no opinion about the call."""
    data, cwd = json.dumps(payload).encode(), Path(payload.get("cwd") or ".")
    denial = await to_thread(Permissions(os.environ).answer, ADAPTER, data, environ=os.environ, cwd=cwd)
    answer: dict[str, Any] = json.loads(denial.output) if denial else {}
    return answer


async def _record(payload: Any, _tool_use_id: str | None, _context: Any) -> dict[str, Any]:
    """Take a payload; an empty answer has no opinion about the call."""
    data = json.dumps(payload).encode()
    cwd = payload.get("cwd")
    await to_thread(take_hook, ADAPTER.name, data, environ=os.environ, cwd=Path(cwd) if cwd else None, settles=False)
    return {}

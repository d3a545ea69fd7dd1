# SPDX-License-Identifier: Apache-2.0
"""The Claude Agent SDK with the Claude Code that it brings, asked for something: `python claude_sdk.py WHAT once|twice`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, HookMatcher, query

from byline.frameworks.claude_agent_sdk import hooks


async def deny(payload: Any, _tool_use_id: str | None, _context: Any) -> dict[str, Any]:
    if "denied" not in str(payload["tool_input"]):
        return {}
    decided = {"permissionDecision": "deny", "permissionDecisionReason": "no"}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **decided}}


async def main(what: str, times: str) -> None:
    own = {"PreToolUse": [HookMatcher(matcher="Write", hooks=[deny])]}
    options = ClaudeAgentOptions(
        hooks=hooks(hooks(own)) if times == "twice" else hooks(own),
        model="claude-sonnet-4-5",
        permission_mode="acceptEdits",
        allowed_tools=["Write", "Edit", "Bash", "Agent", "Task"],
        setting_sources=[],
    )
    async for _ in query(prompt=what, options=options):
        pass


asyncio.run(main(*sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
r"""What a commit says about agents in its author, committer and trailers.

Anybody can write these, so they only ever tighten: a commit that names an agent or a bot makes what it changed nobody's own. They
never give a person credit and never raise anybody's level.

>>> names_agent(b"A <a@example.invalid> 0 +0000", message=b"fix\n\nAssisted-by: a model\n")
True
"""

from __future__ import annotations

import re

_BOT = re.compile(rb"\[bot\]", re.IGNORECASE)
_TRAILER = re.compile(rb"^(?:(assisted-by|generated-by)|co-authored-by)\s*:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_AGENTS = re.compile(
    rb"\b(aider|amp|anthropic|chatgpt|claude|cline|codeium|codex|copilot|cursor|cursoragent|devin|gemini|gpt|jules|openai|opencode|qwen|windsurf)\b",
    re.IGNORECASE,
)


def names_agent(*idents: bytes, message: bytes = b"") -> bool:
    """Whether one of the raw `idents` (author, committer) is a bot, or a trailer of `message` names a bot or an agent."""
    if any(_BOT.search(ident) for ident in idents):
        return True
    return any(assisted or _BOT.search(who) or _AGENTS.search(who) for assisted, who in _TRAILER.findall(message))

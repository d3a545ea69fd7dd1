# SPDX-License-Identifier: Apache-2.0
r"""What a commit says about agents in its author, committer and trailers.

Anybody can write these, so they only ever tighten: a commit that names an agent or a bot makes what it changed nobody's own. They
never give a person credit and never raise anybody's level.

aider commits what it wrote, and nothing else, and names itself and its model: such a commit's new text is that agent's, as far as
nobody knows better.

>>> committing_agent(b"fix\n\nCo-authored-by: aider (openai/gpt-4o) <aider@aider.chat>\n").model
'openai/gpt-4o'
>>> names_agent(b"A <a@example.invalid> 0 +0000", message=b"fix\n\nAssisted-by: a model\n")
True
"""

from __future__ import annotations

import re
from typing import Final

from byline.core.attribution import Agent

_BOT = re.compile(rb"\[bot\]", re.IGNORECASE)
_TRAILER = re.compile(rb"^(?:(assisted-by|generated-by)|co-authored-by)\s*:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_AGENTS = re.compile(
    rb"\b(aider|amp|anthropic|chatgpt|claude|cline|codeium|codex|copilot|crush|cursor|cursoragent|devin|gemini|goose|gpt|jules|junie|openai|opencode|qwen|windsurf)\b",
    re.IGNORECASE,
)

_COMMITTER: Final = re.compile(
    rb"^co-authored-by\s*:\s*(aider) \(([!-~]{1,200})\)\s*<[^<>\s]*@aider\.chat>\s*$",
    re.IGNORECASE | re.MULTILINE,
)


def committing_agent(message: bytes) -> Agent | None:
    """Return the agent that made the commit of `message` of its own edits alone; None where no trailer names one that does so."""
    found = _COMMITTER.search(message)
    return Agent(name=found[1].decode().lower(), model=found[2].decode()) if found else None


def names_agent(*idents: bytes, message: bytes = b"") -> bool:
    """Whether one of the raw `idents` (author, committer) is a bot, or a trailer of `message` names a bot or an agent."""
    if any(_BOT.search(ident) for ident in idents):
        return True
    return any(assisted or _BOT.search(who) or _AGENTS.search(who) for assisted, who in _TRAILER.findall(message))

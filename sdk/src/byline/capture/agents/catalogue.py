# SPDX-License-Identifier: Apache-2.0
"""The agents that Byline knows, by the name that their hooks carry; an adapter is imported when its agent is met.

>>> find_adapter("claude-code").title
'Claude Code'

The adapter of `a-name` is `ADAPTER` of the module `byline.capture.agents.a_name`.
"""

from __future__ import annotations

from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from byline.capture.agents import Adapter

AGENTS: Final = (
    "amp",
    "claude-code",
    "cline",
    "codex",
    "continue-cli",
    "copilot-cli",
    "copilot-vscode",
    "crush",
    "cursor",
    "factory-droid",
    "gemini-cli",
    "goose",
    "kiro",
    "opencode",
    "pi",
    "qwen-code",
    "windsurf",
)

PROGRAM: Final = "program"  # no agent that is set up: any program with the SDK


def find_adapter(name: str) -> Adapter:
    """Return the adapter of the agent `name`.

    Raises:
        PayloadError: No such agent is known.
    """
    if name not in (*AGENTS, PROGRAM):
        raise PayloadError(f"no adapter for this agent: {name[:64]!a}")
    adapter: Adapter = __import__(f"byline.capture.agents.{module_of(name)}", fromlist=["ADAPTER"]).ADAPTER
    return adapter


def module_of(name: str) -> str:
    """Return what the module about the agent `name` is called, here and in `byline_cli.install.agents`."""
    return name.replace("-", "_")

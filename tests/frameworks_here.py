# SPDX-License-Identifier: Apache-2.0
"""The frameworks that the adapters are tested with, of one version each; docs/frameworks.md names the same.

Those that agree on what they need share an environment, which is made once, apart from the one that tests run in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools import python_environment

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = {
    "langchain": "1.4.7",
    "langgraph": "1.2.22",
    "openai-agents": "0.24.0",
    "pydantic-ai-slim": "2.68.0",
    "smolagents": "1.26.0",
    "llama-index-core": "0.14.25",
    "claude-agent-sdk": "0.2.186",
}


# Those that agree with nobody have an environment each, by the name of the adapter.
ALONE = {
    "agent_framework": "agent-framework-core==1.23.0",
    "crewai": "crewai==1.15.30",
    "fastmcp": "fastmcp==4.1.2",
    "google_adk": "google-adk==2.13.0",
}


def framework_python(adapter: str = "") -> Path:
    """Return the Python that has the framework of `adapter`; the test is skipped where it cannot be had."""
    shared = [f"{name}=={version}" for name, version in VERSIONS.items() if name != "claude-agent-sdk"]
    return python_environment("cryptography>=45", *([ALONE[adapter]] if adapter in ALONE else shared))


def claude_python() -> Path:
    """Return the Python that has the Claude Agent SDK, which brings a Claude Code of a third of a gigabyte with it."""
    return python_environment("cryptography>=45", f"claude-agent-sdk=={VERSIONS['claude-agent-sdk']}")

# SPDX-License-Identifier: Apache-2.0
"""Claude Code: a local settings file in each project, which it keeps out of commits, and one for all projects."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks, switched_off

SETUP = Setup(
    agent="claude-code",
    programs=("claude",),
    home=".claude",
    home_variable="CLAUDE_CONFIG_DIR",
    project=".claude/settings.local.json",
    user="settings.json",
    is_own=True,
    format=JsonHooks(timeout=20),
    why_silent=switched_off("disableAllHooks"),
)

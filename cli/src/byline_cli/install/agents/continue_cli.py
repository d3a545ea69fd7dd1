# SPDX-License-Identifier: Apache-2.0
"""Continue: settings of its own in a project, which it keeps out of commits, and for all projects."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks, switched_off

SETUP = Setup(
    agent="continue-cli",
    programs=("cn",),
    home=".continue",
    home_variable="CONTINUE_GLOBAL_DIR",
    project=".continue/settings.local.json",
    user="settings.json",
    is_own=True,
    format=JsonHooks(timeout=20),
    why_silent=switched_off("disableAllHooks"),
)

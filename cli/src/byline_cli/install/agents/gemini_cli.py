# SPDX-License-Identifier: Apache-2.0
"""Gemini CLI's settings: the project's, or those of all projects."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks

SETUP = Setup(
    agent="gemini-cli",
    programs=("gemini",),
    home=".gemini",
    project=".gemini/settings.json",
    user="settings.json",
    format=JsonHooks(timeout=20_000, comments=True),
)

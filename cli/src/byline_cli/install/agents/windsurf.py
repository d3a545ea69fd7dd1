# SPDX-License-Identifier: Apache-2.0
"""Windsurf: a file of hooks in each project and one for all projects."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks

SETUP = Setup(
    agent="windsurf",
    programs=("windsurf",),
    home=".codeium/windsurf",
    project=".windsurf/hooks.json",
    user="hooks.json",
    format=JsonHooks(flat={"show_output": False}),
)

# SPDX-License-Identifier: Apache-2.0
"""Cursor: a file of hooks in each project and one for all projects, whose hooks it starts in a folder of its own."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks

SETUP = Setup(
    agent="cursor",
    programs=("cursor", "cursor-agent"),
    home=".cursor",
    project=".cursor/hooks.json",
    user="hooks.json",
    format=JsonHooks(flat={"timeout": 20}, beside={"version": 1}, comments=True, folder="CURSOR_PROJECT_DIR"),
)

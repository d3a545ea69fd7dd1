# SPDX-License-Identifier: Apache-2.0
"""GitHub Copilot: a file of hooks of its own in a project and for all projects, which the command line and VS Code read."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks

SETUP = Setup(
    agent="copilot-cli",
    programs=("copilot",),
    home=".copilot",
    home_variable="COPILOT_HOME",
    project=".github/hooks/byline.json",
    user="hooks/byline.json",
    format=JsonHooks(flat={"type": "command", "timeout": 20}, beside={"version": 1}),
    trust="start copilot here once and trust the folder: elsewhere it runs no hooks of a project",
)

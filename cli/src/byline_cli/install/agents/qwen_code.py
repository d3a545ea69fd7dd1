# SPDX-License-Identifier: Apache-2.0
"""Qwen Code: one settings file in each project, which may be committed, and one for all projects."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks, switched_off

SETUP = Setup(
    agent="qwen-code",
    programs=("qwen",),
    home=".qwen",
    project=".qwen/settings.json",
    user="settings.json",
    format=JsonHooks(timeout=20_000, comments=True),
    why_silent=switched_off("disableAllHooks"),
)

# SPDX-License-Identifier: Apache-2.0
"""Crush: a file of settings in each project, which goes before a `crush.json` beside it, and one for all projects; lists are added up."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks

SETUP = Setup(
    agent="crush",
    programs=("crush",),
    home=".config/crush",
    home_variable="CRUSH_GLOBAL_CONFIG",
    project=".crush.json",
    user="crush.json",
    is_own=True,
    format=JsonHooks(flat={"timeout": 20}),
)

# SPDX-License-Identifier: Apache-2.0
"""Factory Droid: the `hooks` of its settings in a project and for all projects. Where a `hooks.json` stands beside them it reads that."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks, switched_off

SETUP = Setup(
    agent="factory-droid",
    programs=("droid",),
    home=".factory",
    project=".factory/settings.json",
    user="settings.json",
    format=JsonHooks(timeout=20, comments=True),
    why_silent=switched_off("hooksDisabled"),
)

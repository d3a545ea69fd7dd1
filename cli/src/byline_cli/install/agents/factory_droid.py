# SPDX-License-Identifier: Apache-2.0
"""Factory Droid: the `hooks` of its settings in a project and for all projects, or the file of hooks beside them, where there is one."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks

SETUP = Setup(
    agent="factory-droid",
    programs=("droid",),
    home=".factory",
    project=".factory/settings.json",
    user="settings.json",
    format=JsonHooks(timeout=20),
)

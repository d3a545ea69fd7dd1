# SPDX-License-Identifier: Apache-2.0
"""Codex: a file of hooks in each project that the person trusts, and one for all projects. New hooks wait for the person's yes."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks

SETUP = Setup(
    agent="codex",
    programs=("codex",),
    home=".codex",
    home_variable="CODEX_HOME",
    project=".codex/hooks.json",
    user="hooks.json",
    format=JsonHooks(timeout=20),
    trust="start codex once and say yes to the new hooks (`/hooks`): until then it skips them and says nothing",
)

# SPDX-License-Identifier: Apache-2.0
"""Goose: a plugin that is one file of hooks, in a project and for all projects; a plugin can be switched off by its name.

A program `goose` is no sign of it: one that migrates databases is called so, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline_cli.install.agents import Setup
from byline_cli.install.changes import read_or_none
from byline_cli.install.json_hooks import JsonHooks

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = ".config/goose"
PLUGIN = ".agents/plugins/byline"


def why_silent(target: Path, environ: Mapping[str, str]) -> str:
    """Return why Goose does not load the plugin at `target`: the nearest settings that name it say that it is off."""
    folders = [target.parents[4] / SETTINGS, Path(environ.get("HOME") or "~").expanduser() / SETTINGS]
    for file in [folder / name for folder in folders for name in ("settings.local.json", "settings.json")]:
        settings = _settings(file)
        if "byline" in settings.get("disabledPlugins", ()):
            return f"its plugin is switched off (`disabledPlugins` in {file})"
        if "byline" in settings.get("enabledPlugins", ()):
            break
    return ""


def _settings(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(read_or_none(file) or b"{}")
    except ValueError:
        return {}
    return {name: value for name, value in read.items() if isinstance(value, list)} if isinstance(read, dict) else {}


SETUP = Setup(
    agent="goose",
    home=PLUGIN,
    project=f"{PLUGIN}/hooks/hooks.json",
    user="hooks/hooks.json",
    signs=(SETTINGS,),
    format=JsonHooks(timeout=20),
    why_silent=why_silent,
)

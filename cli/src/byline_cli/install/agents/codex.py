# SPDX-License-Identifier: Apache-2.0
"""Codex: a file of hooks in each project that the person trusts, and one for all projects. New hooks wait for the person's yes.

That yes stands in the `config.toml` of its home (seen with 0.169.0):

    [hooks.state."/home/me/.codex/hooks.json:pre_tool_use:0:0"]        # file, event, number of the entry, number of its command
    trusted_hash = "sha256:..."                                        # of the entry's canonical JSON, what is not given filled in

It is for the person to give, in Codex (`/hooks`): Byline looks and never writes it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline_cli.install.agents import Setup
from byline_cli.install.json_hooks import JsonHooks, own_entries

if TYPE_CHECKING:
    from collections.abc import Mapping


def why_silent(target: Path, environ: Mapping[str, str]) -> str:
    """Return why Codex does not call the hooks at `target`, empty if it does."""
    home = SETUP.home_folder(environ)
    try:
        config = tomllib.loads((home / "config.toml").read_text())
    except FileNotFoundError:
        config = {}
    except (OSError, ValueError):
        return f"{home / 'config.toml'} cannot be read"
    if _table(config, "features").get("hooks") is False:
        return "its hooks are switched off (`features.hooks` in config.toml)"
    projects = {Path(name).resolve() for name, row in _table(config, "projects").items() if _is_trusted(row)}
    if not target.is_relative_to(home) and target.resolve().parents[1] not in projects:
        return "it does not trust this project, and reads no hooks in it"
    states = _table(_table(config, "hooks"), "state")
    waiting = [key for key, digest in _digests(target) if not _is_approved(states.get(key), digest)]
    return f"{len(waiting)} of its hooks wait for your yes" if waiting else ""


def _digests(target: Path) -> list[tuple[str, str]]:
    """Return the key and the hash of each command of ours at `target`, as Codex has them."""
    found = []
    for event, number, entry in own_entries(target.read_bytes()):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()
        hooks = [{"type": "command", "timeout": 600, "async": False, **hook} for hook in entry["hooks"]]
        for place, hook in enumerate(hooks):
            identity = {key: value for key, value in {**entry, "event_name": name, "hooks": [hook]}.items() if value is not None}
            text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            found.append((f"{target}:{name}:{number}:{place}", "sha256:" + hashlib.sha256(text.encode()).hexdigest()))
    return found


def _is_approved(state: object, digest: str) -> bool:
    return isinstance(state, dict) and state.get("trusted_hash") == digest and state.get("enabled") is not False


def _is_trusted(row: object) -> bool:
    return isinstance(row, dict) and row.get("trust_level") == "trusted"


def _table(source: dict[str, Any], name: str) -> dict[str, Any]:
    found = source.get(name)
    return found if isinstance(found, dict) else {}


SETUP = Setup(
    agent="codex",
    programs=("codex",),
    home=".codex",
    home_variable="CODEX_HOME",
    project=".codex/hooks.json",
    user="hooks.json",
    format=JsonHooks(timeout=20),
    trust="start codex here once and say yes to the project and to the new hooks (`/hooks`): until then it skips them",
    why_silent=why_silent,
)

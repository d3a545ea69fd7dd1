# SPDX-License-Identifier: Apache-2.0
"""Claude Code's settings: entries under `hooks`, merged into what is there.

    .claude/settings.local.json     {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", ...}]}],
                                               "PostToolUse": [...]}}

Which events, and with a scan of the work tree or without, is for the adapter to say (`HOOKS`). The local file is the person's own and
not committed; `user_settings` is the file of all their projects. An entry is ours when its command names our script, and only such
entries are ever changed or removed.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline.capture.agents.claude_code import HOOKS
from byline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = ".claude/settings.local.json"
SCRIPT = "claude-code.sh"
TIMEOUT = 20


def user_settings(environ: Mapping[str, str]) -> Path:
    """Return the file of the settings of all projects of the user."""
    named = environ.get("CLAUDE_CONFIG_DIR")
    return (Path(named) if named else Path(environ.get("HOME") or "~").expanduser() / ".claude") / "settings.json"


def with_hooks(settings: bytes | None, script: Path, *, name: str = SETTINGS) -> bytes:
    """Return Claude Code's settings, the bytes of the file `name`, with our hooks in them.

    Raises:
        ConfigError: The settings are not what Claude Code would read.
    """
    data = _read(settings, name)
    hooks = data.setdefault("hooks", {})
    if not isinstance(hooks, dict):
        raise ConfigError(f"{name}: `hooks` is not an object", hint="mend the file, then run `byline init` again")
    command = f"sh {shlex.quote(str(script))}"
    for event in dict.fromkeys(event for event, _, _ in HOOKS):
        entries = hooks.setdefault(event, [])
        if not isinstance(entries, list):
            raise ConfigError(f"{name}: `hooks.{event}` is not a list", hint="mend the file, then run `byline init` again")
        ours = [_entry(matcher, command + " scan" * scan) for name, matcher, scan in HOOKS if name == event]
        if [each for each in entries if _is_ours(each)] != ours:
            entries[:] = [*(each for each in entries if not _is_ours(each)), *ours]
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return settings if settings is not None and _read(settings, name) == data else text.encode()


def without_hooks(settings: bytes) -> bytes | None:
    """Return Claude Code's settings without our hooks; None if they cannot be read."""
    try:
        data = _read(settings)
    except ConfigError:
        return None
    hooks = data.get("hooks")
    if isinstance(hooks, dict):
        for event in [*hooks]:
            if isinstance(hooks[event], list):
                hooks[event] = [each for each in hooks[event] if not _is_ours(each)]
                if not hooks[event]:
                    del hooks[event]
        if not hooks:
            del data["hooks"]
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def has_hooks(settings: bytes | None, script: Path) -> bool:
    """Say whether `settings` would make Claude Code call `script`."""
    try:
        return settings is not None and with_hooks(settings, script) == settings
    except ConfigError:
        return False


def _read(settings: bytes | None, name: str = SETTINGS) -> dict[str, Any]:
    if settings is None or not settings.strip():
        return {}
    try:
        data = json.loads(settings)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not JSON: {error}", hint="mend the file, then run `byline init` again") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{name} is not a JSON object", hint="mend the file, then run `byline init` again")
    return data


def _entry(matcher: str, command: str) -> dict[str, Any]:
    hook = {"type": "command", "command": command, "timeout": TIMEOUT}
    return {"matcher": matcher, "hooks": [hook]} if matcher else {"hooks": [hook]}


def _is_ours(entry: object) -> bool:
    commands = entry.get("hooks", ()) if isinstance(entry, dict) else ()
    return isinstance(commands, list) and any(
        isinstance(each, dict) and f"/byline/{SCRIPT}" in str(each.get("command", "")) for each in commands
    )

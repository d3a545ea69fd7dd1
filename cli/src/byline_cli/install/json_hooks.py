# SPDX-License-Identifier: Apache-2.0
"""Settings in JSON whose `hooks` hold, by event, entries that call a command: merged into what is there.

    {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "sh .../codex.sh scan", "timeout": 20}]}]}}

Claude Code began it, and many agents have it. Which events, and with a scan of the work tree or without, is for the adapter to say. An
entry is ours when its command names a script of ours, and only such entries are ever changed or removed.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from byline.core.value import dataclass
from byline.errors import ConfigError
from byline_cli.install.changes import FileChange, plan_file, read_or_none

if TYPE_CHECKING:
    from pathlib import Path

    from byline.capture.agents import Adapter, Call

KIND: Final = "json-hooks"
_OURS: Final = re.compile(r"/byline/[a-z-]+\.sh\b")
_MEND: Final = "mend the file, then run `byline init` again"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonHooks:
    """Claude Code's form. `timeout` is in the agent's own unit."""

    timeout: int

    def plan(self, target: Path, adapter: Adapter, script: Path, *, name: str = "") -> tuple[FileChange, ...]:
        """Return the change that merges our entries into `target`.

        Raises:
            ConfigError: The settings are not what the agent would read.
        """
        merged = self.with_hooks(read_or_none(target), adapter.hooks, script, name=name or str(target))
        return (plan_file(target, merged, kind=KIND, why=f"merged: {adapter.title} calls it after each edit"),)

    def with_hooks(self, settings: bytes | None, calls: tuple[Call, ...], script: Path, *, name: str) -> bytes:
        """Return the `settings`, the bytes of the file `name`, with our `calls` of `script` in them.

        Raises:
            ConfigError: The settings are not what the agent would read.
        """
        data = _read(settings, name)
        hooks = data.setdefault("hooks", {})
        if not isinstance(hooks, dict):
            raise ConfigError(f"{name}: `hooks` is not an object", hint=_MEND)
        command = f"sh {shlex.quote(str(script))}"
        for event in dict.fromkeys(call.event for call in calls):
            entries = hooks.setdefault(event, [])
            if not isinstance(entries, list):
                raise ConfigError(f"{name}: `hooks.{event}` is not a list", hint=_MEND)
            ours = [self._entry(call.matcher, command + " scan" * call.scan) for call in calls if call.event == event]
            if [each for each in entries if _is_ours(each, script.name)] != ours:
                entries[:] = [*(each for each in entries if not _is_ours(each, script.name)), *ours]
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        return settings if settings is not None and _read(settings, name) == data else text.encode()

    def _entry(self, matcher: str, command: str) -> dict[str, Any]:
        hook = {"type": "command", "command": command, "timeout": self.timeout}
        return {"matcher": matcher, "hooks": [hook]} if matcher else {"hooks": [hook]}


def without_hooks(settings: bytes) -> bytes | None:
    """Return the settings without our hooks; None if they cannot be read."""
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


def _read(settings: bytes | None, name: str = "") -> dict[str, Any]:
    if settings is None or not settings.strip():
        return {}
    try:
        data = json.loads(settings)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not JSON: {error}", hint=_MEND) from error
    if not isinstance(data, dict):
        raise ConfigError(f"{name} is not a JSON object", hint=_MEND)
    return data


def _is_ours(entry: object, script: str = "") -> bool:
    """Whether `entry` calls our `script`, or any of ours."""
    commands = entry.get("hooks", ()) if isinstance(entry, dict) else ()
    found = (
        [_OURS.search(str(each.get("command", ""))) for each in commands if isinstance(each, dict)] if isinstance(commands, list) else []
    )
    return any(each and each[0].endswith(f"/{script}" if script else "") for each in found)

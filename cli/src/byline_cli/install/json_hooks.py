# SPDX-License-Identifier: Apache-2.0
"""Settings in JSON whose `hooks` hold, by event, entries that call a command: merged into what is there.

    {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "sh .../codex.sh scan", "timeout": 20}]}]}}

Claude Code began it, and many agents have it; with some an entry is *flat*: the command stands in the entry itself. Which events, and
with a scan of the work tree or without, is for the adapter to say. An entry is ours when its command names a script of ours, and only
such entries are ever changed or removed: no other byte of the file is.
"""

from __future__ import annotations

import json
import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from byline.core.value import dataclass, field
from byline.errors import ConfigError, MalformedError
from byline_cli.install.changes import FileChange, plan_file, read_or_none
from byline_cli.install.json_text import insert, parse_text, remove, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from byline.capture.agents import Adapter, Call
    from byline.core.canonical import Json
    from byline_cli.install.json_text import Node

KIND: Final = "json-hooks"
_OURS: Final = re.compile(r"/byline/[a-z-]+\.sh\b")
_MEND: Final = "mend the file, then run `byline init` again"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonHooks:
    """Claude Code's form. `timeout` is in the agent's own unit; `comments` tells that the agent reads JSON with comments.

    `flat` is what stands in a flat entry beside its command, None for Claude's; `beside` what the agent asks for beside `hooks`; `folder`
    the variable that names the project to hooks that the agent starts elsewhere.
    """

    timeout: int = 20
    comments: bool = False
    flat: Mapping[str, Json] | None = None
    beside: Mapping[str, Json] = field(default_factory=dict)
    folder: str = ""

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
        text = self._text(settings, name)
        command = f"sh {shlex.quote(str(script))}"
        if self.folder:
            command = f'cd "${{{self.folder}:-.}}" && {command}'
        wanted: dict[str, list[Json]] = {}
        for call in calls:
            wanted.setdefault(call.event, []).append(self._entry(call.matcher, f"{command} {call.mode}".rstrip()))
        for event in _events(text) - wanted.keys():  # what another `init` wanted
            less = _without(text, event, script.name)
            text = text if less == text else _without_empty(less, "hooks", event)
        for event, ours in wanted.items():
            entries = _entries(text, event, name)
            if [each for each in entries if _is_ours(each, script.name)] != ours:
                text = _without(text, event, script.name)
                for entry in ours:
                    text = _with_entry(text, event, entry)
        for member, value in self.beside.items():
            if _find(text, member) is None:
                text = insert(text, parse_text(text), value, member)
        return text.encode()

    def _text(self, settings: bytes | None, name: str) -> str:
        """Return the settings as text, once they are known to be an object that the agent reads."""
        if settings is None or not settings.strip():
            return "{\n}\n"
        try:
            text = settings.decode()
            value = value_of(text, parse_text(text)) if self.comments else json.loads(text)
        except (ValueError, MalformedError, RecursionError) as error:
            raise ConfigError(f"{name} is not JSON: {error}", hint=_MEND) from error
        if not isinstance(value, dict):
            raise ConfigError(f"{name} is not a JSON object", hint=_MEND)
        if not isinstance(value.get("hooks", {}), dict):
            raise ConfigError(f"{name}: `hooks` is not an object", hint=_MEND)
        return text

    def _entry(self, matcher: str, command: str) -> Json:
        entry: dict[str, Json] = {"matcher": matcher} if matcher else {}
        if self.flat is not None:
            return {**entry, "command": command, **self.flat}
        return {**entry, "hooks": [{"type": "command", "command": command, "timeout": self.timeout}]}


def without_hooks(settings: bytes, before: bytes | None) -> bytes | None:
    """Return the settings without our hooks, and without what was made for them alone; None if they cannot be read.

    `before` is what stood there before ours came.
    """
    try:
        text, old = settings.decode(), (before or b"").decode().strip() or "{}"
        root, former = value_of(text, parse_text(text)), value_of(old, parse_text(old))
    except (UnicodeDecodeError, MalformedError):
        return None
    hooks = root.get("hooks") if isinstance(root, dict) else None
    theirs = former.get("hooks") if isinstance(former, dict) else None
    for event in hooks if isinstance(hooks, dict) else ():
        text = _without(text, event)
        if not (isinstance(theirs, dict) and event in theirs):
            text = _without_empty(text, "hooks", event)
    return (text if isinstance(theirs, dict) else _without_empty(text, "hooks")).encode()


def own_entries(settings: bytes) -> list[tuple[str, int, dict[str, Any]]]:
    """Return our entries in `settings`, each with its event and its number among that event's."""
    hooks = json.loads(settings).get("hooks", {})
    rows = ((event, number, entry) for event, entries in hooks.items() for number, entry in enumerate(entries))
    return [(event, number, entry) for event, number, entry in rows if _is_ours(entry)]


def switched_off(name: str) -> Callable[[Path, Mapping[str, str]], str]:
    """Return what says why an agent is silent whose settings can switch all hooks off by the member `name`."""

    def why_silent(target: Path, environ: Mapping[str, str]) -> str:  # noqa: ARG001 - the settings tell
        beside = [target, target.with_name("settings.json")]
        for file in beside:
            text = (read_or_none(file) or b"{}").decode("utf-8", "replace")
            with suppress(MalformedError):
                if (node := _find(text, name)) is not None and value_of(text, node) is True:
                    return f"its hooks are switched off (`{name}` in {file})"
        return ""

    return why_silent


def _events(text: str) -> set[str]:
    """Return the events that `text` has hooks for, whoever's."""
    hooks = _find(text, "hooks")
    found = None if hooks is None else value_of(text, hooks)
    return {event for event, entries in found.items() if isinstance(entries, list)} if isinstance(found, dict) else set()


def _entries(text: str, event: str, name: str) -> list[Json]:
    hooks = _find(text, "hooks", event)
    entries = [] if hooks is None else value_of(text, hooks)
    if not isinstance(entries, list):
        raise ConfigError(f"{name}: `hooks.{event}` is not a list", hint=_MEND)
    return entries


def _with_entry(text: str, event: str, entry: Json) -> str:
    if _find(text, "hooks") is None:
        text = insert(text, parse_text(text), {}, "hooks")
    if _find(text, "hooks", event) is None:
        text = insert(text, parse_text(text)["hooks"], [], event)
    return insert(text, parse_text(text)["hooks"][event], entry)


def _without(text: str, event: str, script: str = "") -> str:
    """Return `text` without the entries of `event` that call our `script`, or any of ours."""
    while (entries := _find(text, "hooks", event)) is not None and entries.parts:
        ours = [number for number, part in enumerate(entries.parts) if _is_ours(value_of(text, part), script)]
        if not ours:
            break
        text = remove(text, entries, ours[-1])
    return text


def _without_empty(text: str, *names: str) -> str:
    """Return `text` without the value that `names` lead to, if there is nothing in it."""
    container, node = _find(text, *names[:-1]), _find(text, *names)
    if container is None or node is None or node.parts is None or node.parts:
        return text
    return remove(text, container, (container.parts or ()).index(node))


def _find(text: str, *names: str) -> Node | None:
    node = parse_text(text)
    for name in names:
        try:
            node = node[name]
        except KeyError:
            return None
    return node


def _is_ours(entry: object, script: str = "") -> bool:
    """Whether `entry` calls our `script`, or any of ours."""
    commands = entry.get("hooks", [entry]) if isinstance(entry, dict) else ()
    found = (
        [_OURS.search(str(each.get("command", ""))) for each in commands if isinstance(each, dict)] if isinstance(commands, list) else []
    )
    return any(each and each[0].endswith(f"/{script}" if script else "") for each in found)

# SPDX-License-Identifier: Apache-2.0
"""The calls of tools between a client and a server of the Model Context Protocol: each is a window, from its request to its response.

    calls = McpCalls(root=Path("."))
    overhear(calls, line, from_client=True)

1. The agent is the client, as `initialize` names it (`clientInfo`), unless it is given. The model is None: no client tells a server.
2. What may change is what the arguments name: the values of arguments that are called `path`, `file` and the like (also `file://`
   URLs), and whatever else is the path of a file that is there. Where none is named, or one is called `command` and the like, it is
   the whole work tree around the folder in which the server works.
3. The call's id is that of the request. A call that is cancelled ends there: the server need not answer it.

Calls side by side that name no files share what they changed (`byline.flow.watching`).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from byline.capture.worktree import find_worktree
from byline.core.attribution import Channel
from byline.core.rpc import object_of, text_of
from byline.flow.overhearing import Windows
from byline.flow.sessions import session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.rpc import Message
    from byline.flow.sessions import Session

CLIENT: Final = "mcp-client"  # one that does not say what it is called
CLIENT_IN_META: Final = "io.modelcontextprotocol/clientInfo"  # of clients that do not initialize
NAMES_FILE: Final = frozenset(("path", "paths", "file", "files", "filename", "filepath", "uri", "source", "destination", "target"))
RUNS: Final = frozenset(("command", "commands", "cmd", "script", "shell", "argv"))
LONGEST: Final = 4096  # bytes of a path


class McpCalls:
    """A conversation (`byline.flow.overhearing`) with a server that works in `root`; `agent` is the client's name."""

    def __init__(self, root: Path, *, agent: str | None = None) -> None:
        self._root = root
        self._agent = agent
        self._session: Session | None = None
        self._windows = Windows()

    def take(self, message: Message, *, from_client: bool) -> None:
        """Record what a message tells of."""
        if from_client and message.method == "initialize":
            self._session = self._begin(object_of(message.given, "clientInfo"))
        elif from_client and message.method == "tools/call" and message.id is not None:
            self._call(message)
        elif from_client and message.method == "notifications/cancelled":
            self._windows.close(_key(message.given.get("requestId")))
        elif not from_client and message.method is None:
            self._windows.close(_key(message.id))

    def end(self) -> None:
        """End what is open."""
        self._windows.close_all()

    def _begin(self, client: dict[str, object]) -> Session:
        name = self._agent or text_of(client, "name") or CLIENT
        return session(agent=name, version=text_of(client, "version"), root=self._root, channel=Channel.PROXY)

    def _call(self, message: Message) -> None:
        if self._session is None:
            self._session = self._begin(object_of(object_of(message.given, "_meta"), CLIENT_IN_META))
        paths = named_paths(object_of(message.given, "arguments"), self._root)
        tool = text_of(message.given, "name")
        self._windows.open(_key(message.id), self._session, paths=paths, call_id=str(message.id), tool=tool)


def named_paths(arguments: dict[str, object], root: Path) -> list[Path] | None:
    """Return the files that a call with `arguments` may change, of a server that works in `root`; None: any file."""
    found: list[Path] = []
    for name, value in _texts(arguments):
        words = re.findall(r"[A-Z]?[a-z]+", name)
        last = words[-1].lower() if words else ""
        if RUNS.intersection(word.lower() for word in words):
            return None
        path = _path(value, root)
        if path is not None and (last in NAMES_FILE or os.path.lexists(path)):
            found.append(path)
    return [each for each in found if find_worktree(each.parent) is not None] or None


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in `value`, with the name of the argument that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)


def _path(text: str, root: Path) -> Path | None:
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        return None
    if not encoded or len(encoded) > LONGEST or b"\0" in encoded or b"\n" in encoded or "://" in text:
        return None
    return root / text


def _key(told: object) -> object:
    return (type(told).__name__, told) if isinstance(told, str | int | float) else None

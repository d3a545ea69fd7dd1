# SPDX-License-Identifier: Apache-2.0
"""The calls of tools between a client and a server of the Model Context Protocol: each is a window, from its request to its response.

    calls = McpCalls(root=Path("."))
    overhear(calls, line, from_client=True)

1. The agent is the client, as `initialize` names it (`clientInfo`), unless it is given. The model is None: no client tells a server.
2. What may change is what the arguments name: the values of arguments that are called `path`, `file` and the like (also `file://`
   URLs), and whatever else is the path of a file that is there. Where none is named, or one is called `command` and the like, it is
   the whole work tree around the folder in which the server works.
3. The call's id is that of the request. A call that is cancelled ends there: the server need not answer it.

4. A call that the rules for agents do not allow, or only after a person's yes, is answered as one that failed (`isError`), and the server
   does not hear of it. What it would write and run is what the names of its arguments tell (`byline.core.tool_arguments`). Which tools only
   read the server says (`readOnlyHint`), and where it does not, their names.

Calls side by side that name no files share what they changed (`byline.flow.watching`).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from byline.capture.worktree import find_worktree
from byline.core.attribution import Channel
from byline.core.rpc import format_answer, object_of, objects_of, text_of
from byline.core.tool_arguments import local_path, named_texts
from byline.errors import RefusedError
from byline.flow.overhearing import Windows
from byline.flow.sessions import session
from byline.flow.tool_permits import check_call

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.rpc import Message
    from byline.flow.sessions import Session

CLIENT: Final = "mcp-client"  # one that does not say what it is called
CLIENT_IN_META: Final = "io.modelcontextprotocol/clientInfo"  # of clients that do not initialize
NAMES_FILE: Final = frozenset(("path", "paths", "file", "files", "filename", "filepath", "uri", "source", "destination", "target"))
RUNS: Final = frozenset(("command", "commands", "cmd", "script", "shell", "argv"))
MOST_ASKED: Final = 1000  # requests for lists of tools that nobody answered


class McpCalls:
    """A conversation (`byline.flow.overhearing`) with a server that works in `root`; `agent` is the client's name."""

    def __init__(self, root: Path, *, agent: str | None = None) -> None:
        self._root = root
        self._agent = agent
        self._session: Session | None = None
        self._windows = Windows()
        self._lists: set[object] = set()  # the requests for lists of tools
        self._read_only: dict[str, bool] = {}

    def refuse(self, message: Message, *, from_client: bool) -> bytes | None:
        """Return what the client is told of a call that the rules do not allow; None for any other message."""
        if not from_client or message.method != "tools/call":
            return None
        tool = text_of(message.given, "name") or ""
        told = None if message.id is None else str(message.id)
        try:
            check_call(self._at_work(message), tool, message.given.get("arguments"), call_id=told, is_read_only=self._read_only.get(tool))
        except RefusedError as refused:
            answer = {"content": [{"type": "text", "text": str(refused)}], "isError": True}
            return b"" if message.id is None else format_answer(message.id, answer)
        return None

    def take(self, message: Message, *, from_client: bool) -> None:
        """Record what a message tells of."""
        if from_client and message.method == "initialize":
            self._session = self._begin(object_of(message.given, "clientInfo"))
        elif from_client and message.method == "tools/list" and len(self._lists) < MOST_ASKED:
            self._lists.add(_key(message.id))
        elif from_client and message.method == "tools/call" and message.id is not None:
            self._call(message)
        elif from_client and message.method == "notifications/cancelled":
            self._windows.close(_key(message.given.get("requestId")))
        elif not from_client and message.method is None:
            self._windows.close(_key(message.id))
            if _key(message.id) in self._lists:
                self._lists.discard(_key(message.id))
                self._read_only |= dict(filter(None, map(_hint, objects_of(message.given, "tools"))))

    def end(self) -> None:
        """End what is open."""
        self._windows.close_all()

    def _begin(self, client: dict[str, object]) -> Session:
        name = self._agent or text_of(client, "name") or CLIENT
        return session(agent=name, version=text_of(client, "version"), root=self._root, channel=Channel.PROXY)

    def _at_work(self, message: Message) -> Session:
        if self._session is None:
            self._session = self._begin(object_of(object_of(message.given, "_meta"), CLIENT_IN_META))
        return self._session

    def _call(self, message: Message) -> None:
        paths = named_paths(object_of(message.given, "arguments"), self._root)
        tool = text_of(message.given, "name")
        self._windows.open(_key(message.id), self._at_work(message), paths=paths, call_id=str(message.id), tool=tool)


def named_paths(arguments: dict[str, object], root: Path) -> list[Path] | None:
    """Return the files that a call with `arguments` may change, of a server that works in `root`; None: any file."""
    found: list[Path] = []
    for name, value in named_texts(arguments):
        words = re.findall(r"[A-Z]?[a-z]+", name)
        last = words[-1].lower() if words else ""
        if RUNS.intersection(word.lower() for word in words):
            return None
        path = local_path(value)
        if path is not None and (last in NAMES_FILE or os.path.lexists(root / path)):
            found.append(root / path)
    return [each for each in found if find_worktree(each.parent) is not None] or None


def _key(told: object) -> object:
    return (type(told).__name__, told) if isinstance(told, str | int | float) else None


def _hint(tool: dict[str, Any]) -> tuple[str, bool] | None:
    """Return the name of a tool and whether it only reads, as far as it says so itself."""
    name, hint = text_of(tool, "name"), object_of(tool, "annotations").get("readOnlyHint")
    return (name, hint) if name is not None and isinstance(hint, bool) else None

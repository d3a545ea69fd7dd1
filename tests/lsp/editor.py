# SPDX-License-Identifier: Apache-2.0
"""An editor for tests: pygls' client, talking to the real server in a process of its own.

with_editor(lambda editor: ...)     runs a coroutine function with an editor, and sees the server leave with exit code 0
await editor.ask(method, params)    literal JSON in, literal JSON out
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from pygls.client import JsonRPCClient

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

Result = TypeVar("Result")

SECONDS = 60
MARKDOWN: dict[str, Any] = {"textDocument": {"hover": {"contentFormat": ["markdown", "plaintext"]}}}


class Editor:
    """One editor with one server."""

    def __init__(self) -> None:
        self.client = JsonRPCClient()
        self.diagnostics: dict[str, list[Any]] = {}
        self.logged: list[str] = []
        self.arrived = asyncio.Event()
        self.version = 1
        self.opened: set[str] = set()
        self.hello: dict[str, Any] = {}

        @self.client.feature("textDocument/publishDiagnostics")
        def diagnosed(params: Any) -> None:  # noqa: ANN401 - JSON
            said = plain(params)
            self.diagnostics[said["uri"]] = said["diagnostics"]
            self.arrived.set()

        @self.client.feature("window/logMessage")
        def logged(params: Any) -> None:  # noqa: ANN401 - JSON
            self.logged.append(plain(params)["message"])
            self.arrived.set()

    async def ask(self, method: str, params: object) -> Any:  # noqa: ANN401 - JSON
        """Send a request; return its result."""
        return plain(await asyncio.wait_for(self.client.protocol.send_request_async(method, params), SECONDS))

    def tell(self, method: str, params: object) -> None:
        """Send a notification."""
        self.client.protocol.notify(method, params)

    def open(self, path: Path, text: str) -> None:
        """Open `path` with `text`."""
        self.version = 1
        self.opened.add(path.as_uri())
        self.tell("textDocument/didOpen", {"textDocument": {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}})

    def change(self, path: Path, *changes: object, version: int | None = None) -> None:
        """Send one didChange with literal `changes`."""
        self.version = self.version + 1 if version is None else version
        self.tell("textDocument/didChange", {"textDocument": {"uri": path.as_uri(), "version": self.version}, "contentChanges": changes})

    def save(self, path: Path, text: str | None = None) -> None:
        """Tell that `path` was saved."""
        self.tell("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}} | ({} if text is None else {"text": text}))

    def close_all(self) -> None:
        """Close every document."""
        for uri in self.opened:
            self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})
        self.opened.clear()

    async def spans(self, path: Path) -> Any:  # noqa: ANN401 - JSON
        """Ask `byline/spans`."""
        return await self.ask("byline/spans", {"textDocument": {"uri": path.as_uri()}})

    async def hover(self, path: Path, line: int, character: int = 0) -> Any:  # noqa: ANN401 - JSON
        """Hover over a position."""
        params = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}
        return await self.ask("textDocument/hover", params)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for notifications until `true`."""
        while not true():
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), SECONDS)


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON that pygls' client wrapped into objects."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


class Desk:
    """An editor with its server, for one story after the other."""

    def __init__(self, capabilities: dict[str, Any] = MARKDOWN) -> None:
        self._runner = asyncio.Runner()
        self._editor = self._runner.run(self._start(capabilities))

    async def _start(self, able: dict[str, Any]) -> Editor:
        editor = Editor()
        await editor.client.start_io(sys.executable, "-m", "byline_cli", "lsp")
        editor.hello = await editor.ask("initialize", {"processId": None, "rootUri": None, "capabilities": able})
        editor.tell("initialized", {})
        return editor

    def __call__(self, story: Callable[[Editor], Coroutine[Any, Any, Result]]) -> Result:
        """Run `story`, then close its documents."""
        try:
            return self._runner.run(story(self._editor))
        finally:
            self._editor.close_all()

    def stop(self) -> str:
        """Say goodbye, and see the server leave in peace; return what it said on standard error."""

        async def leave(editor: Editor) -> tuple[int, bytes]:
            await editor.ask("shutdown", None)
            editor.tell("exit", None)
            server = editor.client._server
            assert server is not None
            assert server.stderr is not None
            said = await asyncio.wait_for(server.stderr.read(), SECONDS)
            code = await asyncio.wait_for(server.wait(), SECONDS)
            await editor.client.stop()
            return code, said

        code, said = self._runner.run(leave(self._editor))
        self._runner.close()
        assert code == 0
        return said.decode()


def with_editor(story: Callable[[Editor], Coroutine[Any, Any, Result]], capabilities: dict[str, Any] = MARKDOWN) -> Result:
    """Run one story with a server of its own."""
    desk = Desk(capabilities)
    result = desk(story)
    desk.stop()
    return result

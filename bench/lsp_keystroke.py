# SPDX-License-Identifier: Apache-2.0
"""What a keystroke costs in the language server at 10,000 lines, beside a pygls server that does nothing but follow the text.

A keystroke is one `didChange` of one character and the answer to a request sent right after it, which the server gives only when
it is done with the keystroke. Both servers run in processes of their own and are typed into in turns. The text is a file that an
agent wrote and that is committed, so that Byline has something to follow. Starting is measured against pygls, too, whose types
take most of it: on a busy machine a second is too short for them alone.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from figure import BYLINE, PYTHON, Figure, milliseconds, ratio
from workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES, KEYSTROKES, STARTS = 10_000, 600, 5
FLOOR = """
from pygls.lsp.server import LanguageServer
server = LanguageServer("floor", "1")
server.feature("textDocument/didChange")(lambda params: None)
server.feature("byline/spans")(lambda params: None)
server.start_io()
"""
SERVERS = {"byline": [BYLINE, "lsp"], "pygls": [PYTHON, "-c", FLOOR]}
CAPABILITIES = {"general": {"positionEncodings": ["utf-16"]}}


@dataclass(slots=True)
class Editor:
    """The client's end of a server."""

    server: subprocess.Popen[bytes]
    requests: int = 0

    @classmethod
    def start(cls, command: list[str], shop: Workshop) -> Editor:
        """Start a server and wait until it is there."""
        editor = cls(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=shop.path, env=shop.environ))
        editor.ask("initialize", {"processId": None, "rootUri": None, "capabilities": CAPABILITIES})
        editor.tell("initialized", {})
        return editor

    def tell(self, method: str, params: object, number: int | None = None) -> None:
        """Send a notification, or request `number`."""
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
        data = json.dumps(message).encode()
        stream = _there(self.server.stdin)
        stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        stream.flush()

    def ask(self, method: str, params: object) -> object:
        """Send a request and wait for its answer."""
        self.requests += 1
        self.tell(method, params, self.requests)
        stream = _there(self.server.stdout)
        while True:
            size = 0
            while (header := stream.readline().strip()) != b"":
                if header.lower().startswith(b"content-length:"):
                    size = int(header.split(b":")[1])
            message = json.loads(stream.read(size))
            if message.get("id") == self.requests and "method" not in message:
                return message.get("result")

    def stop(self) -> None:
        """Say goodbye."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        self.server.wait(60)


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise SystemExit("a server without pipes")
    return stream


def _keystroke(editor: Editor, uri: str, number: int) -> float:
    """Type one character in the middle of the file; return the seconds until the server is done with it."""
    place = {"line": LINES // 2, "character": number % 8}
    change = {"range": {"start": place, "end": place}, "text": "x"}
    start = time.perf_counter()
    editor.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": number + 2}, "contentChanges": [change]})
    editor.ask("byline/spans", {"textDocument": {"uri": "untitled:nothing"}})
    return time.perf_counter() - start


def _starts(command: list[str], shop: Workshop) -> list[float]:
    times = []
    for _ in range(STARTS):
        start = time.perf_counter()
        editor = Editor.start(command, shop)
        times.append(time.perf_counter() - start)
        editor.stop()
    return times


def measure(place: Path) -> Iterator[Figure]:
    """Type into both servers in turns; compare the slow keystrokes (95th percentile), then the starts."""
    shop = Workshop.create(place)
    text = "".join(f"value_{number} = compute({number})\n" for number in range(LINES))
    shop.agent_writes("long.py", text)
    shop.git("add", "--all")
    shop.commit()
    shop.run(BYLINE, "attest", "--wait")
    uri = (shop.path / "long.py").as_uri()
    editors = {name: Editor.start(command, shop) for name, command in SERVERS.items()}
    for editor in editors.values():
        editor.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})
        editor.ask("byline/spans", {"textDocument": {"uri": uri}})
    times: dict[str, list[float]] = {name: [] for name in editors}
    for number in range(KEYSTROKES):
        for name, editor in editors.items():
            times[name].append(_keystroke(editor, uri, number))
    slow = {name: statistics.quantiles(each[KEYSTROKES // 10 :], n=20)[-1] for name, each in times.items()}
    for editor in editors.values():
        editor.stop()
    against = f"pygls alone, {LINES:,} lines"
    yield ratio("keystroke in the language server, p95", took=slow["byline"], against=against, base=slow["pygls"], budget=1.2)
    start, floor = (statistics.median(_starts(SERVERS[name], shop)) for name in ("byline", "pygls"))
    yield Figure(
        name="language server, start to first answer",
        value=f"{milliseconds(start)} = {start / floor:.2f}x",
        baseline=f"pygls alone {milliseconds(floor)}",
        budget="<= 1 s, or 1.2x",
        holds=start <= max(1.0, 1.2 * floor),
    )

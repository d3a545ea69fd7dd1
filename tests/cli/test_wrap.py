# SPDX-License-Identifier: Apache-2.0
"""`byline wrap mcp`: every byte passes, and what a tool call changes is the client's."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir
from byline.core.attribution import Agent, Channel, Evidence
from installed import PROGRAM, run
from wrapping import SECONDS, Wrapped, recorded

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

# A tool server: it answers `later` calls when told to, the last one first, and sends back what it does not understand.
SERVER = """
import json, os, pathlib, signal, subprocess, sys
held = []
def say(id, result=None):
    sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", "id": id, "result": result or {}}).encode() + b"\\n")
    sys.stdout.buffer.flush()
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
for line in sys.stdin.buffer:
    try:
        message = json.loads(line)
        method, id = message["method"], message.get("id")
    except Exception:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        continue
    given = message.get("params", {})
    if method == "tools/call":
        told = given["arguments"]
        if given["name"] == "write_file":
            pathlib.Path(told["path"]).write_text(told["content"])
        elif given["name"] == "run":
            subprocess.run(["sh", "-c", told["command"]])
        elif given["name"] == "die":
            os._exit(int(told["code"]))
    if method == "release":
        while held:
            say(held.pop())
    elif method.endswith("/call") and given["arguments"].get("later"):
        held.append(id)
        say("begun")
    elif id is not None:
        say(id)
sys.exit(3)
"""
WHO = {"clientInfo": {"name": "some-client", "version": "2.1"}}


@pytest.fixture
def server(repository: Scratch, tmp_path: Path) -> list[str]:
    """A tool server's command."""
    repository.write("a.py", "typed = 1\n")
    repository.commit()
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    return [sys.executable, str(script)]


def call(wrapped: Wrapped, told: int | str, tool: str, **arguments: object) -> object:
    return wrapped.asks(told, "tools/call", name=tool, arguments=arguments)


def test_what_a_call_writes_is_the_clients(repository: Scratch, server: list[str]) -> None:
    """A file that the call names is read before and after; the model is unknown, for nobody tells a server."""
    with Wrapped.start("mcp", server, cwd=repository.path) as wrapped:
        assert wrapped.asks(0, "initialize", **WHO) == {"jsonrpc": "2.0", "id": 0, "result": {}}
        call(wrapped, 1, "write_file", path="b.py", content="x = 1\n")
        repository.write("a.py", "typed = 2\n")
        call(wrapped, "two", "run", command="echo y = 2 >> b.py; echo z > c.py")
        assert wrapped.leaves() == 3
    edits = recorded(repository)
    assert [(each.path, each.call, each.tool, each.evidence) for each in edits] == [
        (b"b.py", "1", "write_file", Evidence.ATTESTED),
        (b"b.py", "two", "run", Evidence.OBSERVED),
        (b"c.py", "two", "run", Evidence.OBSERVED),
    ]
    assert {(each.by, each.channel) for each in edits} == {(Agent(name="some-client", version="2.1"), Channel.PROXY)}
    assert len({each.session for each in edits}) == 1


def test_calls_in_flight_are_told_apart_by_the_files_they_name(repository: Scratch, server: list[str]) -> None:
    with Wrapped.start("mcp", server, cwd=repository.path) as wrapped:
        wrapped.asks(0, "initialize", **WHO)
        for number, name in ((1, "b.py"), (2, "c.py")):
            assert call(wrapped, number, "write_file", path=name, content=name, later=True)["id"] == "begun"
        wrapped.says({"jsonrpc": "2.0", "method": "release"})
        assert [wrapped.hears()["id"] for _ in range(2)] == [2, 1]
        wrapped.leaves()
    assert sorted((each.path, each.call) for each in recorded(repository)) == [(b"b.py", "1"), (b"c.py", "2")]


def test_what_a_call_does_after_it_was_cancelled_is_nobodys(repository: Scratch, server: list[str]) -> None:
    with Wrapped.start("mcp", server, cwd=repository.path) as wrapped:
        wrapped.asks(0, "initialize", **WHO)
        call(wrapped, 1, "run", command="echo agent > b.py", later=True)
        wrapped.says({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
        wrapped.asks(2, "ping")
        repository.write("c.py", "typed\n")
        wrapped.leaves()
    assert [each.path for each in recorded(repository)] == [b"b.py"]


def test_every_byte_passes_in_order(repository: Scratch, server: list[str]) -> None:
    """What is no message, what is large, what is not text and what has no end."""
    odd = [
        b"not json\n",
        b"{\n",
        b"\xff\xfe\0\n",
        b"\n",
        b"[1, 2]\n",
        b'{"id": [5]}\n',
        b"[" * 100_000 + b"\n",
        b'"' + b"x" * 3_000_000 + b'"\n',
    ]
    with Wrapped.start("mcp", server, cwd=repository.path) as wrapped:
        for line in odd:
            wrapped.sends(line)
            assert wrapped.line() == line
        wrapped.sends(b"no end")
        assert wrapped.process.stdin is not None
        wrapped.process.stdin.close()
        assert wrapped.line() == b"no end"
        assert wrapped.process.wait(timeout=SECONDS) == 3
    assert read_losses(inbox_dir(os.environ)) == ()


def test_a_server_that_dies_takes_its_exit_code_along(repository: Scratch, server: list[str]) -> None:
    """What it changed before is recorded, though nobody answered."""
    with Wrapped.start("mcp", server, cwd=repository.path) as wrapped:
        wrapped.asks(0, "initialize", **WHO)
        call(wrapped, 1, "run", command="echo agent > b.py", later=True)
        wrapped.says({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "die", "arguments": {"code": 9}}})
        assert wrapped.process.wait(timeout=SECONDS) == 9
        assert wrapped.line() == b""
    assert [each.path for each in recorded(repository)] == [b"b.py"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_the_servers_to_answer(repository: Scratch, server: list[str], number: signal.Signals) -> None:
    with Wrapped.start("mcp", server, cwd=repository.path) as wrapped:
        wrapped.asks(0, "initialize", **WHO)
        wrapped.process.send_signal(number)
        assert wrapped.process.wait(timeout=SECONDS) == (7 if number is signal.SIGTERM else 130)


def test_a_client_that_no_longer_reads_ends_the_server(repository: Scratch, server: list[str]) -> None:
    with Wrapped.start("mcp", server, cwd=repository.path) as wrapped:
        wrapped.asks(0, "initialize", **WHO)
        assert wrapped.process.stdout is not None
        wrapped.process.stdout.close()
        wrapped.says({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        wrapped.leaves()


def test_a_server_that_works_elsewhere_is_only_asked_about_files_that_it_names(
    repository: Scratch, server: list[str], tmp_path: Path
) -> None:
    """A client may start a server anywhere; a whole disk is never looked through."""
    with Wrapped.start("mcp", server, cwd=tmp_path, options=["--agent", "mine"]) as wrapped:
        wrapped.asks(0, "initialize", **WHO)
        call(wrapped, 1, "write_file", path=str(repository.path / "b.py"), content="x = 1\n")
        call(wrapped, 2, "run", command="echo y > elsewhere.txt")
        wrapped.leaves()
    assert [(each.path, each.by.name) for each in recorded(repository)] == [(b"b.py", "mine")]


def test_a_command_that_cannot_be_started_is_said(repository: Scratch) -> None:
    for words, why in (
        (["mcp", "--", "no-such-server"], "cannot run no-such-server"),
        (["mcp", "--", "https://example.com/mcp"], "reached by HTTP"),
        (["mcp"], "no command to run"),
    ):
        said = run(*PROGRAM, "wrap", *words, cwd=repository.path)
        assert (said.code, said.out) == (2, "")
        assert why in said.err

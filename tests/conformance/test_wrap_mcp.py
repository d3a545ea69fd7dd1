# SPDX-License-Identifier: Apache-2.0
"""`byline wrap mcp` between FastMCP's client and its server, both as people have them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from byline.core.attribution import Agent
from frameworks_here import framework_python
from installed import PROGRAM
from wrapping import SECONDS, recorded

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch


SERVER = """
import pathlib, subprocess
from fastmcp import FastMCP

server = FastMCP("files")

@server.tool
def write_file(path: str, content: str) -> str:
    pathlib.Path(path).write_text(content)
    return "ok"

@server.tool
def run(command: str) -> str:
    subprocess.run(["sh", "-c", command], check=True)
    return "ok"

@server.tool
def fail(path: str) -> str:
    pathlib.Path(path).write_text("half")
    raise ValueError("failed")

server.run(show_banner=False)
"""

CLIENT = """
import asyncio, sys
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

async def main():
    words = sys.argv[1:]
    async with Client(StdioTransport(words[0], words[1:], keep_alive=False)) as client:
        assert {tool.name for tool in await client.list_tools()} == {"write_file", "run", "fail"}
        await asyncio.gather(*(client.call_tool("write_file", {"path": f"{name}.py", "content": name}) for name in "bcd"))
        await client.call_tool("run", {"command": "echo more >> b.py"})
        failed = await client.call_tool("fail", {"path": "f.py"}, raise_on_error=False)
        assert failed.is_error
        assert (await client.call_tool("write_file", {"path": "g.txt", "content": "x" * 3_000_000})).data == "ok"

asyncio.run(main())
"""


def test_a_real_client_and_server_notice_nothing(repository: Scratch, tmp_path: Path) -> None:
    """Calls at once, a call that fails, and one of 3 MB: the client is named as it names itself."""
    python = framework_python("fastmcp")
    server, client = tmp_path / "server.py", tmp_path / "client.py"
    server.write_text(SERVER)
    client.write_text(CLIENT)
    # The client gives a server few of its own variables: `env` brings those of the test.
    kept = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(("XDG_", "GIT_", "HOME", "PATH", "PYTHON"))]
    command = [str(python), str(client), "env", *kept, *PROGRAM, "wrap", "mcp", "--", str(python), str(server)]
    done = subprocess.run(command, cwd=repository.path, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    edits = recorded(repository)
    assert sorted((each.path, each.tool) for each in edits) == [
        (b"b.py", "run"),
        (b"b.py", "write_file"),
        (b"c.py", "write_file"),
        (b"d.py", "write_file"),
        (b"f.py", "fail"),
        (b"g.txt", "write_file"),
    ]
    assert {each.by for each in edits} == {Agent(name="mcp", version=edits[0].by.version)}
    assert len({each.call for each in edits}) == 6

# SPDX-License-Identifier: Apache-2.0
"""A FastMCP server and its client: what the script's first agent asks for, without another agent."""

from __future__ import annotations

import asyncio

from fastmcp import Client, FastMCP
from script import PATHS, TURNS, fails, shell, turn, write_file

from byline.frameworks.fastmcp import BylineMiddleware


async def main() -> None:
    server = FastMCP("files")
    for each in (write_file, shell, fails):
        server.tool(each)
    server.add_middleware(BylineMiddleware(paths=PATHS))
    async with Client(server) as client:
        for number in range(len(TURNS) - 1):
            asked = turn(TURNS, number)
            await asyncio.gather(*(client.call_tool(each.tool, each.arguments, raise_on_error=False) for each in asked))


asyncio.run(main())

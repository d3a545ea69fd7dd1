# SPDX-License-Identifier: Apache-2.0
"""`byline wrap`: a transparent proxy around a tool server (MCP), which records what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline_cli.world import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.flow.overhearing import Conversation
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Write `byline wrap mcp --` before the command of an MCP server in your client's settings. Everything passes unchanged; what a tool call
changes in the repository is the client's, with its name and version and the request's id (the model is unknown: no client tells it).
Files that the call names are read before and after, else the work tree in which the server runs is looked at. Ends with the server's
exit code; what could not be recorded is a loss that `byline status` shows."""
EXAMPLE = "byline wrap mcp -- npx -y @modelcontextprotocol/server-filesystem ."

PROTOCOLS = ("mcp",)


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.takes_paths = True  # what stands after `--` is the command
    parser.add_argument("protocol", choices=PROTOCOLS, metavar="PROTOCOL", help="what is spoken: mcp")
    parser.add_argument("--agent", metavar="NAME", help="who calls, where the name that the protocol has is not the one to record")
    parser.usage = "byline wrap mcp [--agent NAME] -- CMD ..."


def run(options: Namespace, world: World) -> int:
    """Run the command until it ends."""
    if not options.paths:
        raise UsageError("no command to run", hint="it stands after `--`: byline wrap mcp -- SERVER")
    from byline_cli.relay import relay

    return relay(options.paths, _conversation(options, world), environ=world.environ, cwd=world.cwd)


def _conversation(options: Namespace, world: World) -> Conversation:
    from byline.flow.mcp_calls import McpCalls

    return McpCalls(world.cwd, agent=options.agent)

# SPDX-License-Identifier: Apache-2.0
"""`byline wrap`: a transparent proxy around a tool server (MCP) or an agent (ACP), which records what it writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline_cli.world import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.flow.overhearing import Conversation
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Write `byline wrap mcp --` before the command of an MCP server in your client's settings, or `byline wrap acp --` before that of an ACP
agent in your editor's. What passes is unchanged, and what is written is recorded; what the repository's rules for agents do not allow
(docs/policy.md) is refused. mcp: what a tool call changes is the client's, with its name and version and the request's id (the model is
unknown: no client tells it); files that the call names are read before and after, else the work tree is looked at. acp: what the agent
writes through the editor, by its tools and in terminals, with its session, calls and model. Ends with the command's exit code; what could
not be recorded is a loss that `byline status` shows."""
EXAMPLE = "byline wrap acp -- opencode acp"

PROTOCOLS = ("mcp", "acp")


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.takes_paths = True  # what stands after `--` is the command
    parser.add_argument("protocol", choices=PROTOCOLS, metavar="PROTOCOL", help="what is spoken: mcp or acp")
    parser.add_argument("--agent", metavar="NAME", help="the agent, where it is not to be called as it calls itself")
    parser.usage = "byline wrap mcp|acp [--agent NAME] -- CMD ..."


def run(options: Namespace, world: World) -> int:
    """Run the command until it ends."""
    if not options.paths:
        raise UsageError("no command to run", hint="it stands after `--`: byline wrap mcp -- SERVER, or byline wrap acp -- AGENT")
    from byline_cli.relay import relay

    return relay(options.paths, _conversation(options, world), environ=world.environ, cwd=world.cwd)


def _conversation(options: Namespace, world: World) -> Conversation:
    if options.protocol == "acp":
        from byline.flow.acp_calls import AcpCalls

        return AcpCalls(world.cwd, program=os.path.basename(options.paths[0]), agent=options.agent)  # noqa: PTH119 - a word
    from byline.flow.mcp_calls import McpCalls

    return McpCalls(world.cwd, agent=options.agent)

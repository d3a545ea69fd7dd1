# SPDX-License-Identifier: Apache-2.0
"""`byline hook`: the reference door for agents' events. Whatever happens, it exits 0 (`byline_cli.main` sees to that)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from byline.capture.agents.catalogue import AGENTS
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Agents call it with their own payload on standard input; the shell script that `byline init` installs does the same, faster.
`generic` takes one JSON object a line from any program: docs/formats.md has its members; `agent-v1` takes what agents that git-ai does
not know say to `git-ai checkpoint agent-v1`. Exits 0 whatever happens; what could
not be recorded is a loss that `byline status` shows."""
EXAMPLE = (
    """echo '{"schema": "byline.edit/1", "when": "after", "cwd": "'$PWD'", "paths": ["a.py"], """
    """"by": {"kind": "ai", "agent": "mine", "model": "example/m-1"}}' | byline hook generic"""
)


def configure(parser: Parser) -> None:
    """Add the arguments."""
    names = (*AGENTS, "generic", "agent-v1")
    parser.add_argument("agent", metavar="AGENT", choices=names, help=f"who calls: {', '.join(names)}")


def run(options: Namespace, world: World) -> int:
    """Take what stands on standard input."""
    from byline.capture.door import take_hook

    take_hook(options.agent, sys.stdin.buffer.read(), environ=world.environ)
    return YES

# SPDX-License-Identifier: Apache-2.0
"""`byline ledger move`: from a file into PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline_cli.ledger.place import find_folder
from byline_cli.terminal import count
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--database", metavar="URL", required=True, help="an empty database, as postgresql://USER@HOST/NAME")


def run(options: Namespace, world: World) -> int:
    """Move it, and say what is there."""
    from byline_ledger.engine.moving import MOVED, move_log

    report = move_log(find_folder(world, options.folder), options.database)
    world.terminal.line(f"moved: {count(report.entries, 'entry', 'entries')}, root {report.root}, checked")
    world.terminal.note(f"what was its file is kept as {MOVED}, frozen; remove it once you have a backup")
    return YES

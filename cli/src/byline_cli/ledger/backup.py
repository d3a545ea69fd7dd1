# SPDX-License-Identifier: Apache-2.0
"""`byline ledger backup`: a copy of one moment, checked."""

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
    parser.add_argument("target", type=Path, help="a new folder for the backup")
    parser.add_argument("--with-key", action="store_true", help="copy the log's private key too; keep such a backup as you keep the key")


def run(options: Namespace, world: World) -> int:
    """Make the backup, and say what is in it."""
    from byline_ledger.engine.backup import backup_log

    backup = backup_log(find_folder(world, options.folder), world.cwd / options.target, with_key=options.with_key)
    head = backup.head
    world.terminal.line(f"{head.origin}: {count(head.size, 'entry', 'entries')}, root {head.root.hex()}, checked")
    world.terminal.note("with the log's private key" if options.with_key else "without the log's private key: keep that somewhere else")
    return YES

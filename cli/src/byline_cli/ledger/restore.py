# SPDX-License-Identifier: Apache-2.0
"""`byline ledger restore`: bring a backup back, and fork nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline_cli.ledger import seen
from byline_cli.terminal import count
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("backup", type=Path)
    parser.add_argument("folder", type=Path, help="where the ledger will be; there is none yet")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the log's private key, where the backup does not hold it")
    seen.configure(parser)


def run(options: Namespace, world: World) -> int:
    """Restore, and say what came back."""
    from byline_ledger.engine.backup import restore_log

    notes = seen.read_notes(world, options.seen)
    key = world.cwd / options.key if options.key else None
    backup = restore_log(world.cwd / options.backup, world.cwd / options.folder, seen=notes, key=key)
    head = backup.head
    world.terminal.line(f"{head.origin}: {count(head.size, 'entry', 'entries')}, root {head.root.hex()}, checked")
    if backup.is_frozen:
        world.terminal.note("it is frozen: it answers, and takes no new entries")
        world.terminal.note(f"byline ledger unfreeze {options.folder} --seen WHAT, once you know that nobody saw more of it")
    return YES

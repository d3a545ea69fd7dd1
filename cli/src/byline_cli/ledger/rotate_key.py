# SPDX-License-Identifier: Apache-2.0
"""`byline ledger rotate-key`: end a ledger, and begin the one that follows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline_cli.ledger.place import find_folder
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path, help="the ledger that ends; its receipts stay good")
    parser.add_argument("successor", type=Path, help="a new folder for the ledger that follows, or one that `byline ledger init` made")
    parser.add_argument("--origin", required=True, help="the name of the ledger that follows, another one: a host name")


def run(options: Namespace, world: World) -> int:
    """Rotate, and print what goes into trust files."""
    from byline.core.trust import LogClass, TrustedLog
    from byline.core.trustfile import format_log
    from byline_ledger.engine.rotation import rotate_log

    done = rotate_log(find_folder(world, options.folder), world.cwd / options.successor, origin=options.origin)
    ended = TrustedLog(origin=done.final.origin, vkey=done.vkey, kind=LogClass.INDEPENDENT, frozen=done.final, successor=options.origin)
    follows = TrustedLog(origin=options.origin, vkey=done.successor, kind=LogClass.INDEPENDENT)
    world.terminal.note(f"{done.final.origin} has ended at {done.final.size}; trust files say so from now on:")
    world.terminal.text(f"{format_log(ended)}\n{format_log(follows)}")
    return YES

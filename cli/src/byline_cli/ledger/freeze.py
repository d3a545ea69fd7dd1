# SPDX-License-Identifier: Apache-2.0
"""`byline ledger freeze`: let a ledger answer, and take no new entries."""

from __future__ import annotations

import contextlib
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
    parser.add_argument("folder", type=Path)


def run(options: Namespace, world: World) -> int:
    """Freeze."""
    from byline_ledger.engine.files import load_log

    opened = load_log(find_folder(world, options.folder))
    with contextlib.closing(opened.store):
        opened.log.freeze()
        world.terminal.line(f"{opened.log.origin}: frozen at {opened.log.size}")
    return YES

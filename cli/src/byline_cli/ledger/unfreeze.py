# SPDX-License-Identifier: Apache-2.0
"""`byline ledger unfreeze`: let a frozen ledger take entries again; a restored one, once it is shown what others saw of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline_cli.ledger import seen
from byline_cli.ledger.place import find_folder
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    seen.configure(parser)


def run(options: Namespace, world: World) -> int:
    """Unfreeze."""
    from byline_ledger.engine.backup import resume_log

    resume_log(find_folder(world, options.folder), seen.read_notes(world, options.seen))
    world.terminal.line("it takes entries again")
    return YES

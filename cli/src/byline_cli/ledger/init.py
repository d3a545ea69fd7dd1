# SPDX-License-Identifier: Apache-2.0
"""`byline ledger init`: make a ledger."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--database", metavar="URL", help="keep it in PostgreSQL, as postgresql://USER@HOST/NAME (default: a file in the folder)"
    )
    parser.add_argument("--origin", help="the ledger's name for ever: a host name (default: a random one that ends in .invalid)")
    parser.add_argument("--ml-dsa", action="store_true", help="an ML-DSA-44 key beside the Ed25519 key, for what is published")


def run(options: Namespace, world: World) -> int:
    """Make the folder, and print the public key."""
    from byline_ledger.engine.files import add_ml_dsa_key, init_ledger

    folder: Path = world.cwd / options.folder
    world.terminal.line(init_ledger(folder, origin=options.origin, database=options.database))
    if options.ml_dsa:
        world.terminal.line(add_ml_dsa_key(folder))
    with suppress(FileExistsError), (folder / "ledger.toml").open("xb") as file:
        file.write((files("byline_ledger") / "ledger.toml").read_bytes())
    world.terminal.note("this is the ledger's public key: byline init --ledger URL --log-key puts it into a trust file")
    return YES

# SPDX-License-Identifier: Apache-2.0
"""`byline ledger mirror`: a copy of a log that anybody can serve and nobody has to believe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline.errors import ConfigError
from byline_cli.extras import needs_extra
from byline_cli.ledger import watching
from byline_cli.ledger.place import open_log, read_vkey
from byline_cli.terminal import count

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

_STEP = 256 * 256  # entries between two words of progress


def configure(parser: Parser) -> None:
    """Add the arguments."""
    watching.configure(parser)
    parser.add_argument("folder", type=Path, help="where the mirror is, or will be: any web server can serve it")
    parser.add_argument("--http", metavar="HOST:PORT", help="serve it there, on this machine, while --follow goes on")


def run(options: Namespace, world: World) -> int:
    """Sync, once or again and again."""
    from byline.log.mirror import Mirror

    verifier = read_vkey(options.vkey, "--vkey")
    source = world.closing.enter_context(open_log(world, options.url))
    folder = world.cwd / options.folder
    mirror = Mirror(source, verifier, folder)
    if options.http:
        _serve(options, world, folder)

    def progress(done: int, size: int) -> None:
        if done % _STEP == 0:
            world.terminal.note(f"{done} of {size} entries are here and proven")

    def sync() -> None:
        done = mirror.sync(progress)
        size = done.checkpoint.size
        world.terminal.line(
            f"{done.checkpoint.origin}: {count(size, 'entry', 'entries')}, {size - done.before} new, root {done.checkpoint.root.hex()}"
        )

    return watching.repeat(options, world, sync, vkey=verifier.vkey, evidence=folder.parent)


def _serve(options: Namespace, world: World, folder: Path) -> None:
    if not options.follow:
        raise ConfigError("a mirror is served while it is kept up to date", hint="give --follow as well")
    with needs_extra("ledger"):
        from byline_ledger.server.http.mirrored import serving_mirror

    url = world.closing.enter_context(serving_mirror(folder, options.http))
    world.terminal.line(f"serving {url}")
    world.terminal.out.flush()

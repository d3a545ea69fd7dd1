# SPDX-License-Identifier: Apache-2.0
"""`byline ledger stats`: how a ledger is, whether a server runs on it or not."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from byline_cli.ledger.place import find_folder
from byline_cli.terminal import count
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from byline.core.canonical import Json
    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--socket", type=Path, metavar="PATH", help="the operator's socket (default: admin.sock in the folder)")
    parser.add_argument("--json", action="store_true", help="print byline.ledger-stats/1")


def run(options: Namespace, world: World) -> int:
    """Ask the server, or look into the folder."""
    from byline_ledger.administration import ADMIN, ask_server

    folder = find_folder(world, options.folder)
    stats = ask_server(world.cwd / options.socket if options.socket else folder / ADMIN, "/stats") or _look(folder)
    if options.json:
        world.terminal.json(stats)
    else:
        for name, value in _rows(stats):
            world.terminal.line(f"{name:<11} {value}")
    return YES


def _look(folder: Path) -> dict[str, Json]:
    from byline_ledger.engine.files import load_log
    from byline_ledger.engine.stats import log_stats

    opened = load_log(folder)
    with contextlib.closing(opened.store):
        return log_stats(opened.log, folder)


def _rows(stats: dict[str, Json]) -> Iterator[tuple[str, str]]:
    server, check, size = stats["server"], stats["fsck"], stats["size"]
    yield "log", str(stats["origin"])
    yield "entries", f"{size:,}" if isinstance(size, int) else str(size)
    yield "root", str(stats["root"])
    yield "newest", str(stats["newest"] or "-")
    yield "appends", "frozen" if stats["frozen"] else str(server["appends"]) if isinstance(server, dict) else "no server runs"
    yield "fsck", f"{check['at']}: {count(_number(check['findings']), 'finding')}" if isinstance(check, dict) else "never"
    for each in server["witnesses"] if isinstance(server, dict) and isinstance(server["witnesses"], list) else ():
        yield "witness", _witness(each)
    yield "disk", f"{_number(stats['free']) / 1e6:,.0f} MB free"


def _witness(state: Json) -> str:
    name, size, failures = (state.get(key) for key in ("name", "size", "failures")) if isinstance(state, dict) else ("", 0, 0)
    trouble = f", and has failed {count(_number(failures), 'time')} since" if failures else ""
    return f"{name} cosigned {_number(size):,} entries{trouble}"


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0

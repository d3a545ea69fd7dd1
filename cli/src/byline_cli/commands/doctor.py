# SPDX-License-Identifier: Apache-2.0
"""`byline doctor`: is everything in place, and what may be claimed on this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from byline_cli.checkup import Checked, Level, examine
from byline_cli.terminal import Paint
from byline_cli.wiring import open_here
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Looks at everything that has to be right for lines to be recorded here: git, the hooks, your key, your agents' settings, the
refspec, the trust file, the ledger, and what was lost. It changes nothing. Exit 1 when something is wrong."""
EXAMPLE = "byline doctor"

COLOURS = {Level.GOOD: "green", Level.NOTE: "yellow", Level.BAD: "red"}
WORDS = {Level.GOOD: "ok  ", Level.NOTE: "note", Level.BAD: "bad "}


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--json", action="store_true", help="the findings as JSON")


def run(options: Namespace, world: World) -> int:
    """Examine, and say what was found."""
    from byline import __version__

    found = list(examine(world, open_here(world)))
    bad = any(each.level is Level.BAD for each in found)
    if options.json:
        rows = [{"level": str(each.level), "what": each.what, "detail": each.detail, "hint": each.hint} for each in found]
        world.terminal.json({"schema": "byline.doctor/1", "version": __version__, "findings": rows})
        return NO if bad else YES
    version = ".".join(map(str, sys.version_info[:3]))
    world.terminal.line(f"byline {__version__}, Python {version} on {os.uname().sysname}")
    for each in found:
        _show(each, max(len(each.what) for each in found), world)
    return NO if bad else YES


def _show(checked: Checked, wide: int, world: World) -> None:
    from textwrap import wrap

    margin = " " * (wide + 7)
    room = max(world.terminal.width - len(margin), 20)
    first, *rest = wrap(checked.detail, room, break_long_words=False, break_on_hyphens=False) or [""]
    if checked.hint:
        rest.append(f"-> {checked.hint}")  # in one line, to be copied
    world.terminal.line(Paint(WORDS[checked.level], COLOURS[checked.level]), f"  {checked.what:<{wide}} ", first)
    for row in rest:
        world.terminal.line(margin, row)

# SPDX-License-Identifier: Apache-2.0
"""`byline ledger fsck`: recompute everything, and name the first wrong byte."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from byline_cli.ledger.place import find_folder
from byline_cli.terminal import Paint, count
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

SCHEMA = "byline.ledger-fsck/1"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help=f"the answer as JSON ({SCHEMA})")
    parser.add_argument("--tree", action="store_true", help="only the head, the leaves and their tiles: no signature, payload or index")


def run(options: Namespace, world: World) -> int:
    """Check the ledger, and say what was found."""
    from byline_ledger.engine.fsck import check_ledger
    from byline_ledger.engine.last_check import LastCheck, save_last_check

    folder = find_folder(world, options.folder)
    report = check_ledger(folder, tree_only=options.tree)
    last = LastCheck(at=datetime.now(UTC), entries=report.entries, findings=len(report.findings), tree_only=options.tree)
    with contextlib.suppress(OSError):  # whoever may only read the folder learns all the same
        save_last_check(folder, last)
    if options.json:
        findings = [{"where": each.where, "what": each.what} for each in report.findings]
        about = {"entries": report.entries, "root": report.root or None, "treeOnly": options.tree}
        world.terminal.json({"schema": SCHEMA, **about, "findings": findings})
        return NO if report.findings else YES
    for each in report.findings:
        world.terminal.line(Paint("wrong", "red"), f": {each.where}: {each.what}")
    if report.findings:
        world.terminal.line(f"not sound: {count(len(report.findings), 'finding')}")
    else:
        what = "the tree is sound" if options.tree else "sound"
        world.terminal.line(f"{what}: {count(report.entries, 'entry', 'entries')}, root {report.root}")
    return NO if report.findings else YES

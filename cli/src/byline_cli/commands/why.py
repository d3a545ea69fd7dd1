# SPDX-License-Identifier: Apache-2.0
"""`byline why`: how we know who wrote a line, back to the edit that wrote it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.lines import LineRange
from byline.core.value import replace
from byline_cli.view import tell_findings
from byline_cli.wiring import make_reader, open_here, settle, trust_or_none
from byline_cli.words import check_has, path_in, rev_and_place
from byline_cli.world import YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
What is known of a line, newest first: the versions that held it (line 40 of HEAD was line 12 of src/old.py), the commit that brought it,
the signed statement and the log that has it, and the agent's edit, as long as the journal has that; then the approvals of a version with
the line, and the decisions about a change that brought it. Of an unknown line it says why it is unknown, as far as that can be known.
Without REV it is the file on disk, with what is not committed yet."""
EXAMPLE = "byline why src/app.py:40        byline why HEAD~3 src/app.py:12-20"

PAGED = True
USAGE = "byline why [REV] PATH:LINE"
PLACE = re.compile(r"(?P<path>.+):(?P<first>[0-9]{1,9})(?:-(?P<last>[0-9]{1,9}))?", re.ASCII | re.DOTALL)
MAX_LINES = 1000


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.usage = "byline why [-h] [--json] [--no-pager] [REV] [--] PATH:LINE"
    parser.takes_paths = True
    parser.add_argument(
        "words", nargs="*", metavar="PATH:LINE", help="a line of a file, or PATH:FROM-TO; as it is on disk, or in the commit REV"
    )
    parser.add_argument("--json", action="store_true", help="the whole of it as JSON (byline.why/1)")


def run(options: Namespace, world: World) -> int:
    """Tell of the lines."""
    from byline.flow.resolve import open_resolver
    from byline.flow.subject import find_subject
    from byline.flow.why import explain
    from byline_cli.chronicle import chronicle_to_json, gather
    from byline_cli.narrative import tell

    repo = open_here(world)
    rev, place = rev_and_place(repo, world, options, USAGE)
    word, lines = _place(place)
    subject = find_subject(repo, rev, path_in(repo, world, word))
    check_has(subject, lines)
    workshop = make_reader(world, repo)
    settle(workshop, world.terminal)
    workshop = replace(workshop, trust=trust_or_none(world, repo, workshop.identity))
    with open_resolver(workshop) as resolver:
        chronicle = gather(workshop, resolver.index, explain(workshop, resolver, subject, lines), at=datetime.now(UTC))
    if options.json:
        world.terminal.json(chronicle_to_json(chronicle))
        return YES
    world.terminal.lines(tell(chronicle, workshop.trust, columns=world.terminal.width))
    tell_findings(chronicle.why.findings, world.terminal)
    return YES


def _place(word: str) -> tuple[str, LineRange]:
    """Read `PATH:LINE` or `PATH:FROM-TO`; a path may have colons of its own."""
    found = PLACE.fullmatch(word)
    if found is None:
        raise UsageError(f"{word!r} names no line", f"{USAGE}, or PATH:FROM-TO")
    first = int(found["first"])
    last = int(found["last"] or first)
    if not 0 < first <= last:
        raise UsageError(f"{word!r} names no line: they are counted from 1, and a range goes upwards", f"{USAGE}, or PATH:FROM-TO")
    if last - first >= MAX_LINES:
        raise UsageError(f"that is more than {MAX_LINES:,} lines", "byline blame shows whole files")
    return found["path"], LineRange(first - 1, last)

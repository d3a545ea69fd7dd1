# SPDX-License-Identifier: Apache-2.0
"""`byline blame`: who wrote each line, and how we know."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from byline.core.effect import path_members
from byline.core.report import BLAME_SCHEMA
from byline.flow.blame import TrustHere, find_blame
from byline_cli.keyfile import key_path
from byline_cli.terminal import count, show_path
from byline_cli.view import blame_rows, count_origins, tell_findings
from byline_cli.wiring import TRUST, make_reader, open_here, read_file, settle, trust_or_none
from byline_cli.words import path_in, rev_and_place
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.flow.blame import Blame
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Each line with its owner: a person, an agent and its model, a tool, or unknown; how that is known (attested, observed, declared,
inferred); whether the signed statement verifies here (✓ proven, ? signed by a key that trust does not know, · not signed yet); and
the commit that brought the line. Without REV it is the file on disk, with what is not committed yet. Lines without words (blank ones,
brackets alone) are drawn with the line above them and not counted."""
EXAMPLE = "byline blame src/app.py        byline blame HEAD~3 src/app.py"

PAGED = True


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.usage = "byline blame [-h] [--json] [--no-pager] [REV] [--] PATH"
    parser.takes_paths = True
    parser.add_argument("words", nargs="*", metavar="PATH", help="a file, as it is on disk, or in the commit REV")
    parser.add_argument("--json", action="store_true", help="the ranges as JSON (byline.blame/1)")


def run(options: Namespace, world: World) -> int:
    """Blame one file."""
    repo = open_here(world)
    rev, word = rev_and_place(repo, options, "byline blame [REV] PATH")
    path = path_in(repo, world, word)
    workshop = make_reader(world, repo)
    settle(workshop, world.terminal)
    trust = TrustHere(mark=lambda: _mark(world, repo), load=lambda: trust_or_none(world, repo, workshop.identity))
    blame = find_blame(workshop, rev, path, trust=trust, at=datetime.now(UTC))
    if options.json:
        world.terminal.json({"schema": BLAME_SCHEMA, **path_members(path), "revision": blame.subject.revision, "ranges": [*blame.ranges]})
    else:
        _show(world, blame)
    tell_findings(blame.findings, world.terminal)
    return YES


def _mark(world: World, repo: Repository) -> str | None:
    """Tell one trust from another: by the file's bytes; where there is none, by which key the person has."""
    data = read_file(repo, TRUST)
    if data is not None:
        return sha256(data).hexdigest()
    with suppress(OSError):
        key = key_path(world.environ).stat()
        return f"{key.st_ino}.{key.st_size}.{key.st_mtime_ns}"
    return None


def _show(world: World, blame: Blame) -> None:
    terminal, lines, ranges = world.terminal, blame.subject.lines, blame.ranges
    if not lines:
        terminal.note(f"{show_path(blame.subject.path)} has no lines" + (": it is not text, or too large" if lines is None else ""))
        return
    terminal.lines(blame_rows(ranges, lines, columns=terminal.columns))
    if terminal.columns:
        counts = count_origins(ranges, lines)
        said = ", ".join(f"{number} {origin}" for origin, number in counts.items())
        terminal.note(f"{count(sum(counts.values()), 'line')}: {said}   (✓ proven, ? unknown key, · not signed)")

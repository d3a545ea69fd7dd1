# SPDX-License-Identifier: Apache-2.0
"""`byline blame`: who wrote each line, and how we know."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from byline.core.effect import path_members
from byline.core.lines import LineRange
from byline.core.report import BLAME_SCHEMA
from byline.flow.blame import TrustHere, find_blame
from byline_cli.identity import TRUST, read_file
from byline_cli.keyfile import key_path
from byline_cli.terminal import count, show_path
from byline_cli.view import blame_rows, count_origins, tell_findings
from byline_cli.wiring import make_reader, open_here, settle, trust_or_none
from byline_cli.words import check_has, path_in, rev_and_place
from byline_cli.world import YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Sequence

    from byline.flow.blame import Blame
    from byline.flow.subject import Subject
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Each line with its owner: a person, an agent and its model, a tool, or unknown; how that is known (attested, observed, declared,
inferred); whether the signed statement verifies here (✓ proven, ? signed by a key that trust does not know, · not signed yet); and
the commit that brought the line. Without REV it is the file on disk, with what is not committed yet. Lines without words (blank ones,
brackets alone) are drawn with the line above them and not counted."""
EXAMPLE = "byline blame src/app.py        byline blame -L 40,60 HEAD~3 src/app.py"

PAGED = True
ASKED = re.compile(r"(?=.)(?P<first>[0-9]{0,9})(?:,(?P<counts>\+?)(?P<last>[0-9]{0,9}))?", re.ASCII)


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.usage = "byline blame [-h] [-L FROM,TO] [--json] [--no-pager] [REV] [--] PATH"
    parser.takes_paths = True
    parser.add_argument("words", nargs="*", metavar="PATH", help="a file, as it is on disk, or in the commit REV")
    parser.add_argument("-L", dest="lines", metavar="FROM,TO", help="these lines only; also FROM,+COUNT, FROM, or ,TO")
    parser.add_argument("--json", action="store_true", help="the ranges as JSON (byline.blame/1)")


def run(options: Namespace, world: World) -> int:
    """Blame one file."""
    repo = open_here(world)
    rev, word = rev_and_place(repo, world, options, "byline blame [REV] PATH")
    path = path_in(repo, world, word)
    workshop = make_reader(world, repo)
    settle(workshop, world.terminal)
    trust = TrustHere(mark=lambda: _mark(world, repo), load=lambda: trust_or_none(world, repo, workshop.identity))
    blame = find_blame(workshop, rev, path, trust=trust, at=datetime.now(UTC))
    lines = _asked(options.lines, blame.subject)
    ranges = _within(blame.ranges, lines) if lines else [*blame.ranges]
    if options.json:
        world.terminal.json({"schema": BLAME_SCHEMA, **path_members(path), "revision": blame.subject.revision, "ranges": ranges})
    else:
        _show(world, blame, lines, ranges)
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


def _asked(word: str | None, subject: Subject) -> LineRange | None:
    """Return the lines of `subject` that `word` names as git's `-L` does; None for all.

    Raises:
        UsageError: It names none.
        RepositoryError: The first is beyond the end.
    """
    if word is None:
        return None
    found, total = ASKED.fullmatch(word), len(subject.lines or ())
    first, last = (int(found["first"] or 1), int(found["last"] or total)) if found else (0, 0)
    if found and found["counts"]:
        last += first - 1
    if first == 0 or last < first <= total:
        raise UsageError(f"{word!r} names no lines", "they are counted from 1: -L 40,60, -L 40,+20, -L 40, -L ,60")
    check_has(subject, LineRange(first - 1, first))
    return LineRange(first - 1, min(last, total))


def _within(ranges: Iterable[dict[str, Any]], lines: LineRange) -> list[dict[str, Any]]:
    """Return what of `ranges` lies in `lines`."""
    cut = ({**each, "start": max(each["start"], lines.first), "end": min(each["end"], lines.last)} for each in ranges)
    return [each for each in cut if each["start"] <= each["end"]]


def _show(world: World, blame: Blame, asked: LineRange | None, ranges: Sequence[dict[str, Any]]) -> None:
    terminal, lines = world.terminal, blame.subject.lines
    if not lines:
        terminal.note(f"{show_path(blame.subject.path)} has no lines" + (": it is not text, or too large" if lines is None else ""))
        return
    rows = blame_rows(blame.ranges, lines, columns=terminal.columns)
    terminal.lines(islice(rows, asked.start, asked.end) if asked else rows)
    if terminal.columns:
        counts = count_origins(ranges, lines)
        said = ", ".join(f"{number} {origin}" for origin, number in counts.items())
        terminal.note(f"{count(sum(counts.values()), 'line')}: {said}   (✓ proven, ? unknown key, · not signed)")

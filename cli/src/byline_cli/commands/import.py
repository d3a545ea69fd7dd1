# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: N999 - named as the command is
"""`byline import`: take from other tools' records what an agent wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.hearsay import Doubt, Reading
from byline.errors import MalformedError
from byline_cli.terminal import count
from byline_cli.wiring import check_set_up, make_workshop, open_here
from byline_cli.words import commits_of
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from byline.flow.importing import ImportReport
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Anybody can write such a record, so it may only tighten. What it gives to an agent is the agent's from now on, as `declared`, unless
the lines are known to be an agent's already; what it gives to a person, or to nobody, changes nothing. One statement for each commit,
signed with your key and in nobody's name. What cannot be used is said, with the place, and the rest is taken: exit 1.

  agent-trace   Agent Trace: files with one record, a list, or one on each line
  git-ai        the notes in refs/notes/ai, of all commits or those of RANGE"""
EXAMPLE = "byline import agent-trace .agent-trace/traces.jsonl"

SCHEMA = "byline.import/1"
SHOWN = 20  # doubts that a person is told one by one


def configure(parser: Parser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="format", required=True, metavar="agent-trace|git-ai")
    trace = verbs.add_parser("agent-trace", help="files of Agent Trace records")
    trace.add_argument("files", nargs="+", metavar="FILE", help="a file of records")
    notes = verbs.add_parser("git-ai", help="notes of git-ai's")
    notes.add_argument("revision", nargs="?", metavar="RANGE|REV", help="A..B, or one commit (default: every note)")
    for verb in (trace, notes):
        verb.add_argument("--json", action="store_true", help="what was taken and what was not, as JSON (byline.import/1)")


def run(options: Namespace, world: World) -> int:
    """Import, and deliver what was signed."""
    repo = open_here(world)
    workshop = make_workshop(world, repo, signing=True)
    check_set_up(workshop)
    if options.format == "git-ai":
        from byline.flow.ai_notes import read_ai_notes

        reading = read_ai_notes(repo, set(commits_of(repo, options.revision)) if options.revision else None)
    else:
        reading = _read_files([world.cwd / name for name in options.files], options.files)
    # What signs is imported once there is something to sign.
    from byline.flow.importing import import_hearsay
    from byline_cli.delivery import deliver_here, tell_waiting

    report = import_hearsay(workshop, reading.hearsay)
    if report.statements:
        tell_waiting(deliver_here(workshop), world.terminal)
    _show(world, report, (*reading.doubts, *report.doubts), as_json=options.json)
    return NO if reading.doubts or report.doubts else YES


def _read_files(paths: list[Path], names: list[str]) -> Reading:
    from byline.core.agent_trace import parse_traces

    found = []
    for path, name in zip(paths, names, strict=True):
        try:
            reading = parse_traces(path.read_bytes())
        except MalformedError as error:
            found.append(Reading(doubts=(Doubt(where=name, why=str(error)),)))
        else:
            found.append(
                Reading(
                    hearsay=reading.hearsay, doubts=tuple(Doubt(where=f"{name}, {each.where}", why=each.why) for each in reading.doubts)
                )
            )
    return Reading(hearsay=tuple(each for one in found for each in one.hearsay), doubts=tuple(each for one in found for each in one.doubts))


def _show(world: World, report: ImportReport, doubts: tuple[Doubt, ...], *, as_json: bool) -> None:
    terminal = world.terminal
    if as_json:
        listed = [{"where": each.where, "why": each.why} for each in doubts]
        commits, statements = [*report.commits], [*report.statements]
        terminal.json({"schema": SCHEMA, "lines": report.lines, "commits": commits, "statements": statements, "doubts": listed})
        return
    if report.lines:
        what = f"{count(report.lines, 'line')} of {count(len(report.commits), 'commit')} as an agent's"
        terminal.line(f"imported {what}: {count(len(report.statements), 'statement')} signed")
    else:
        terminal.line("nothing new to import")
    for each in doubts[:SHOWN]:
        terminal.line(f"not taken: {each.where}: {each.why}")
    if len(doubts) > SHOWN:
        terminal.line(f"not taken: {len(doubts) - SHOWN} more; --json has them all")

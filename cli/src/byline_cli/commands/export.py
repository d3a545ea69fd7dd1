# SPDX-License-Identifier: Apache-2.0
"""`byline export`: say in other tools' formats who wrote what commits brought."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from byline.core.git_ai import REF
from byline.flow.exporting import tell_commits
from byline_cli.dossier import open_dossier
from byline_cli.terminal import count, show_path
from byline_cli.wiring import cache_file, check_set_up, make_workshop, note_evidence, open_here
from byline_cli.words import commit_in, commits_of
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from byline.flow.exporting import Exported
    from byline.flow.workshop import Workshop
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Tells of each commit whose the lines are that it brought, as they stand in it. Only what is proven here is told: lines without a
statement that verifies are unknown, and a note says how many.

  agent-trace   Agent Trace 0.1.0: one JSON record for each commit, on a line of its own
  git-ai        notes in refs/notes/ai, as git-ai reads them; a note that Byline did not write is kept (exit 1) unless --force
  tlog-proof    C2SP tlog-proofs of the statements about one commit that a log has, a file for each; `byline verify FILE` reads them"""
EXAMPLE = "byline export agent-trace v1.0..HEAD --output traces.jsonl"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="format", required=True, metavar="agent-trace|git-ai|tlog-proof")
    trace = verbs.add_parser("agent-trace", help="Agent Trace records")
    trace.add_argument("--output", metavar="FILE", help="where to write them (default: standard output)")
    notes = verbs.add_parser("git-ai", help="notes of git-ai's")
    notes.add_argument("--force", action="store_true", help="write over notes that Byline did not write, too")
    proofs = verbs.add_parser("tlog-proof", help="proofs that statements are in a log")
    proofs.add_argument("--output", metavar="FOLDER", type=Path, default=Path(), help="where to write them (default: here)")
    proofs.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="one commit (default HEAD)")
    for verb in (trace, notes):
        verb.add_argument("revision", nargs="?", default="HEAD", metavar="RANGE|REV", help="A..B, or one commit (default HEAD)")


def run(options: Namespace, world: World) -> int:
    """Export."""
    repo = open_here(world)
    workshop = make_workshop(world, repo)
    check_set_up(workshop)
    note_evidence(world, repo)
    cache_file(repo)
    if options.format == "tlog-proof":
        return _proofs(options, workshop, world)
    told = tell_commits(workshop, commits_of(repo, options.revision), trust=workshop.trust, at=datetime.now(UTC))
    done = [*told]
    code = (
        _traces(done, workshop, world, options.output) if options.format == "agent-trace" else _notes(done, workshop, world, options.force)
    )
    unproven = sum(each.unproven for each in done)
    if unproven:
        world.terminal.note(f"note: {count(unproven, 'line')} without proof here: unknown in what was written (byline verify says why)")
    return code


def _proofs(options: Namespace, workshop: Workshop, world: World) -> int:
    from byline.core.tlog_proof import format_tlog_proof, proof_of

    commit = commit_in(workshop.repo, options.revision)
    found = open_dossier(workshop, commit, at=datetime.now(UTC)).items
    logged = [each.bundle for each in found if each.bundle.receipt]
    folder = world.cwd / options.output
    folder.mkdir(parents=True, exist_ok=True)
    for bundle in logged:
        name = f"{bundle.envelope.digest[:16]}-{bundle.key_hint[:8]}.tlog-proof"
        (folder / name).write_text(format_tlog_proof(proof_of(bundle)))
        world.terminal.line(f"wrote {name}")
    if len(logged) < len(found) or not found:
        world.terminal.note(f"note: {count(len(found) - len(logged), 'statement')} about {commit[:12]} without the receipt of a log")
    return YES if logged else NO


def _traces(told: list[Exported], workshop: Workshop, world: World, output: str | None) -> int:
    from byline.core.agent_trace import can_name, format_trace

    def records() -> Iterator[bytes]:
        for each in told:
            named = [said for said in each.hearsay if can_name(said.path)]
            for path in {said.path: None for said in each.hearsay if not can_name(said.path)}:
                world.terminal.note(f"note: {show_path(path)} has no name in Agent Trace, which knows UTF-8 only")
            yield format_trace(each.commit, named, at=each.time, version=workshop.version)

    if output is None:
        world.terminal.out.write(b"".join(records()).decode())
        return YES
    (world.cwd / output).write_bytes(b"".join(records()))
    world.terminal.line(f"wrote {count(len(told), 'record')} to {output}")
    return YES


def _notes(told: list[Exported], workshop: Workshop, world: World, force: bool) -> int:  # noqa: FBT001 - an option
    from byline.flow.ai_notes import write_ai_notes

    report = write_ai_notes(workshop.repo, told, version=workshop.version, force=force)
    world.terminal.line(f"wrote {count(len(report.written), 'note')} to {REF}, of {count(len(told), 'commit')}")
    for path in report.unnamed:
        world.terminal.note(f"note: {show_path(path)} has no name in a note of git-ai's")
    for commit in report.kept:
        world.terminal.line(f"kept the note on {commit[:12]}, which Byline did not write")
    if report.kept:
        world.terminal.note("--force writes over them; what they say can be imported before (byline import git-ai)")
    return NO if report.kept else YES

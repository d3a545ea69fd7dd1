# SPDX-License-Identifier: Apache-2.0
"""`byline diff`: what differs, with whose text came, whose went away, and who took it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from byline.core.effect import path_members
from byline.core.finding import FindingCode
from byline.core.lines import join_ranges
from byline.core.report import owner_to_json, ranges_to_json
from byline.errors import RepositoryError
from byline.flow.difference import INDEX, read_differences
from byline.flow.proofs import prove_statements
from byline.flow.resolve import open_resolver
from byline.flow.subject import WORKTREE
from byline_cli.patch import count_words, describe_path, patch_rows, summary
from byline_cli.terminal import Paint, count, fit
from byline_cli.view import tell_findings
from byline_cli.wiring import make_reader, open_here, settle, trust_or_none
from byline_cli.words import parse_range, sort_words, within
from byline_cli.world import YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.attribution import Byline, Owner
    from byline.flow.difference import FileDifference
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.terminal import Terminal
    from byline_cli.world import World

ABOUT = """\
A unified diff in which each line that came says whose it is (as in `byline blame`), and each line that went away whose it was and who
took it, where a claim or a record says. A..B compares two commits, A...B what B did since it left A, A the work tree with A; without a
revision the work tree is compared with HEAD, files that git does not track yet included. What stands after -- is a path. The numbers
count lines with words. It is made for people: nothing can apply it."""
EXAMPLE = "byline diff        byline diff --stat main...topic        byline diff HEAD~3 -- src/"

PAGED = True
SCHEMA = "byline.diff/1"
USAGE = "byline diff [A..B | A B | A] [--] [PATH...]"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.usage = "byline diff [-h] [--staged] [--stat] [--json] [--no-pager] [A..B | A B | A] [--] [PATH ...]"
    parser.takes_paths = True
    parser.add_argument("words", nargs="*", metavar="REV|PATH", help="what to compare, then files or folders")
    parser.add_argument("--staged", action="store_true", help="what is staged, not the work tree")
    parser.add_argument("--stat", action="store_true", help="the numbers of each file, no lines")
    parser.add_argument("--json", action="store_true", help="what came and what went as JSON (byline.diff/1)")


def run(options: Namespace, world: World) -> int:
    """Compare."""
    repo = open_here(world)
    named, scopes = sort_words(repo, world, options.words, options.paths)
    old, new = _read_sides(repo, named, staged=options.staged)
    workshop = make_reader(world, repo)
    settle(workshop, world.terminal)
    trust = trust_or_none(world, repo, workshop.identity)
    at, findings = datetime.now(UTC), set[FindingCode]()
    with open_resolver(workshop) as resolver:

        def told() -> Iterator[tuple[FileDifference, set[str]]]:
            for file in read_differences(workshop, resolver, old, new, wants=within(scopes)):
                findings.update(file.findings)
                statements = {byline.statement for byline in (*file.came.values(), *file.went.values())}
                proofs = prove_statements(resolver.index, statements, trust=trust, at=at)
                yield file, {digest for digest, proof in proofs.items() if proof.verified}

        if options.json:
            world.terminal.json({"schema": SCHEMA, "old": old, "new": new, "files": [_to_json(*each) for each in told()]})
        elif options.stat:
            world.terminal.lines(_stat([file for file, _ in told()], world.terminal))
        else:
            for file, verified in told():
                world.terminal.lines(patch_rows(file, verified=verified, columns=world.terminal.columns))
    tell_findings(findings, world.terminal)
    return YES


def _read_sides(repo: Repository, named: Sequence[str], *, staged: bool) -> tuple[str | None, str]:
    """Return the old and the new side that the revisions `named` mean."""
    is_range = any(".." in word for word in named)
    if len(named) > (1 if is_range else 2) or (staged and (is_range or len(named) == 2)):
        raise UsageError("--staged compares with one commit" if staged else "diff compares two things", USAGE)
    if repo.top is None and len(named) < 2 and not is_range:
        raise RepositoryError("this repository has no work tree", hint="byline diff A..B compares two commits")
    if is_range:
        span = parse_range(repo, named[0])
        return span.base, span.head
    old = repo.commit_id(named[0]) if named else repo.head()
    return old, repo.commit_id(named[1]) if len(named) == 2 else INDEX if staged else WORKTREE


def _stat(files: Sequence[FileDifference], terminal: Terminal) -> Iterator[list[str | Paint]]:
    names = [describe_path(file) for file in files]
    size = min(max(map(len, names), default=0), terminal.width - 30)
    for name, file in zip(names, files, strict=True):
        yield [fit(name, size), *summary(file)]
    came = sum(sum(count_words(file.came, file.new).values()) for file in files)
    went = sum(sum(count_words(file.went, file.old).values()) for file in files)
    yield [f"{count(len(files), 'file')} changed, {count(came, 'line')} came and {count(went, 'line')} went"]


def _to_json(file: FileDifference, verified: set[str]) -> dict[str, Any]:
    change = file.change
    old_path = (
        {f"old{name[0].upper()}{name[1:]}": value for name, value in path_members(change.old_path).items()} if change.old_path else {}
    )
    return {
        **path_members(change.path),
        **(old_path or {"oldPath": None}),
        "oldMode": change.old.mode if change.old else None,
        "newMode": change.new.mode if change.new else None,
        "text": file.has_lines,
        "came": count_words(file.came, file.new),
        "went": count_words(file.went, file.old),
        "added": [each for run in _runs(file.came) for each in _ranges(run, file.came, verified)],
        "removed": [
            {**each, "hand": owner_to_json(hand) if hand else None}
            for run, hand in _held(file)
            for each in _ranges(run, file.went, verified)
        ],
    }


def _runs(lines: Iterable[int]) -> Iterator[range]:
    return (range(run.start, run.end) for run in join_ranges(sorted(lines)))


def _held(file: FileDifference) -> Iterator[tuple[list[int], Owner | None]]:
    """Yield the runs of lines that one hand took."""
    for run in _runs(file.went):
        for hand, part in groupby(run, key=file.hands.get):
            yield [*part], hand


def _ranges(run: Sequence[int], lines: dict[int, Byline], verified: set[str]) -> Iterator[dict[str, Any]]:
    for each in ranges_to_json([lines[number] for number in run], verified):
        said: dict[str, Any] = each
        yield {**said, "start": said["start"] + run[0], "end": said["end"] + run[0]}

# SPDX-License-Identifier: Apache-2.0
"""`byline trailers`: do commit messages say of agents what the evidence says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

from byline.core.assistance import Difference, Kind, Preset, compare_trailers, wanted_trailers
from byline.core.value import dataclass
from byline.errors import ConfigError
from byline.git.messages import remove_trailers
from byline_cli.terminal import Paint, count
from byline_cli.view import subject_of
from byline_cli.wiring import cache_file, make_reader, open_here, settle
from byline_cli.words import commits_of
from byline_cli.world import NO, YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.core.assistance import Trailer
    from byline.core.attribution import Agent
    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
One trailer for each agent and model that wrote lines which the commit brought, as the project wants it; exit 1 where a message lacks
one, has one that the project does not allow, or names an agent of which the evidence knows nothing.

  assisted-by      Assisted-by: AGENT:MODEL (the default)
  kernel           the same; and no agent may sign off
  co-authored-by   Co-authored-by: AGENT <address>
  generated-by     Generated-by: AGENT MODEL
  forbidden        no trailer may name an agent

--fix mends the message of HEAD, if no remote has it: `git commit --amend` with the same tree, author and date. --message FILE is for a
hook of git's (commit-msg, prepare-commit-msg): it prints the message in FILE as the staged lines ask, and with --fix writes it there."""
EXAMPLE = "byline trailers main..        byline trailers --fix        byline trailers --message .git/COMMIT_EDITMSG --fix"

SCHEMA = "byline.trailers/1"
WRONG = {
    Kind.MISSING: "missing:   ",
    Kind.FORBIDDEN: "forbidden: ",
    Kind.UNKNOWN: "unknown:   ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is asked of one message, what it has, and what is wrong."""

    commit: str
    message: bytes
    wanted: tuple[Trailer, ...]
    found: tuple[Trailer, ...]
    wrong: tuple[Difference, ...]


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("revision", nargs="?", metavar="RANGE|REV", help="A..B, or one commit (default HEAD)")
    parser.add_argument("--preset", choices=[str(each) for each in Preset], default=str(Preset.ASSISTED_BY), help="what the project wants")
    parser.add_argument("--fix", action="store_true", help="mend the message")
    parser.add_argument("--message", metavar="FILE", help="the message of the commit that is about to be made")
    parser.add_argument("--json", action="store_true", help="the answer as JSON (byline.trailers/1)")


def run(options: Namespace, world: World) -> int:
    """Compare, and mend where that is wanted."""
    if options.message and (options.revision or options.json):
        raise UsageError("--message takes no commit and no --json", "byline trailers --message FILE [--fix]")
    if options.fix and (options.revision not in (None, "HEAD") or options.json):
        raise UsageError("--fix is for HEAD alone", "git rebase -i and --exec 'byline trailers --fix' mend more")
    repo, preset = open_here(world), Preset(options.preset)
    workshop = make_reader(world, repo)
    cache_file(repo)
    settle(workshop, world.terminal)
    if options.message:
        return _mend_file(workshop, world, world.cwd / options.message, preset, fix=options.fix)
    answers = [*_answers(workshop, commits_of(repo, options.revision or "HEAD"), preset)]
    if options.json:
        world.terminal.json({"schema": SCHEMA, "preset": str(preset), "commits": [_to_json(each) for each in answers]})
    elif options.fix:
        return _mend_head(repo, world, answers[0])
    else:
        _show(world, answers)
    return NO if any(each.wrong for each in answers) else YES


def _answers(workshop: Workshop, commits: Sequence[str], preset: Preset) -> Iterator[Answer]:
    from byline.flow.assisting import agents_of_commit
    from byline.flow.progress import take_up
    from byline.flow.versions import Versions
    from byline.log.evidence import EvidenceRef
    from byline.log.index import EvidenceIndex

    with EvidenceIndex(workshop.cache) as index:
        index.refresh(EvidenceRef(workshop.repo))
        versions = Versions(workshop, index)
        take_up(workshop, versions)
        for commit in commits:
            message = workshop.repo.commit_info(commit).message
            yield _compare(workshop.repo, commit, message, agents_of_commit(versions, commit), preset)


def _compare(repo: Repository, commit: str, message: bytes, agents: Sequence[Agent], preset: Preset) -> Answer:
    found = repo.parse_trailers(message)
    wrong = compare_trailers(found, agents, preset)
    return Answer(commit=commit, message=message, wanted=wanted_trailers(agents, preset), found=found, wrong=wrong)


def _mend(repo: Repository, answer: Answer) -> bytes:
    """Return the message of `answer` as it should be; what a person says of an agent that nobody else knows of stays."""

    def these(kind: Kind) -> list[Trailer]:
        return [each.trailer for each in answer.wrong if each.kind is kind]

    return repo.add_trailers(remove_trailers(answer.message, these(Kind.FORBIDDEN)), these(Kind.MISSING))


def _mend_file(workshop: Workshop, world: World, path: Path, preset: Preset, *, fix: bool) -> int:
    """Mend the message in `path` as the staged lines ask; an amended commit may have trailers for lines that are not staged."""
    from byline.flow.assisting import agents_of_index
    from byline.flow.resolve import open_resolver

    named = world.environ.get("GIT_INDEX_FILE")
    with open_resolver(workshop) as resolver:
        agents = agents_of_index(workshop.repo, resolver, world.cwd / named if named else None)
    answer = _compare(workshop.repo, "", path.read_bytes(), agents, preset)
    mended = _mend(workshop.repo, answer)
    if not fix:
        world.terminal.text(mended.decode("utf-8", "replace"))
        return YES if mended == answer.message else NO
    if mended != answer.message:
        path.write_bytes(mended)
    return YES


def _mend_head(repo: Repository, world: World, answer: Answer) -> int:
    """Amend HEAD; from then on this is the person's own git."""
    mended = _mend(repo, answer)
    _show(world, [answer])
    if mended == answer.message:
        return NO if answer.wrong else YES
    if repo.top is None:
        raise ConfigError("a bare repository has no HEAD to amend", hint="run this in a clone")
    if answer.commit not in repo.unpushed_commits():
        raise ConfigError("a remote has this commit already", hint="amending it would rewrite what others may have")
    try:
        mended.decode()
    except UnicodeDecodeError as error:
        raise ConfigError("the message is not UTF-8", hint="amend it by hand") from error
    world.terminal.line("amending HEAD")
    world.terminal.out.flush()
    return _amend(world, mended)


def _amend(world: World, message: bytes) -> NoReturn:
    """Become `git commit --amend`: the tree of HEAD whatever is staged, and the hooks that follow a commit.

    The hooks that look at what is committed have seen this tree and this message: they would do so again, and could change either.
    """
    import tempfile

    file = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open for what this process becomes
    file.write(message)
    file.seek(0)
    os.dup2(file.fileno(), 0)
    world.closing.close()
    words = ["git", "commit", "--amend", "--only", "--allow-empty", "--no-verify", "--quiet", "--cleanup=verbatim", "--file=-"]
    os.execvpe(words[0], words, dict(world.environ))  # noqa: S606 - a list of words and no shell, on purpose


def _show(world: World, answers: Sequence[Answer]) -> None:
    terminal = world.terminal
    for each in answers:
        if each.wrong:
            title = subject_of(each.message)
            terminal.line(Paint(each.commit[:12], "bold"), f"  {title}")
            for one in each.wrong:
                terminal.line(Paint(f"  {WRONG[one.kind]}", "red"), one.trailer.text)
    wrong = sum(bool(each.wrong) for each in answers)
    what = "says of agents what the evidence says" if len(answers) == 1 else "say of agents what the evidence says"
    if not wrong:
        terminal.line(f"{count(len(answers), 'message')} {what}")
    elif len(answers) > 1:
        terminal.line(f"{wrong} of {count(len(answers), 'message')} should say something else")


def _to_json(answer: Answer) -> dict[str, object]:
    return {
        "commit": answer.commit,
        "wanted": [each.text for each in answer.wanted],
        "found": [each.text for each in answer.found],
        "wrong": [{"kind": str(each.kind), "trailer": each.trailer.text} for each in answer.wrong],
    }

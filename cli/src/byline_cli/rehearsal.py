# SPDX-License-Identifier: Apache-2.0
"""`byline policy test`: what the rules for agents would say of a file or a command, and by which rule."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.inquiry import Source, inquire, read_sources
from byline.capture.permission import is_guarded
from byline.capture.reach import works_elsewhere
from byline.capture.rules import parse_rules
from byline.capture.worktree import find_worktree
from byline.core.access import Intent
from byline.errors import ConfigError, NotARepositoryError
from byline_cli.terminal import show_table
from byline_cli.view import short_path
from byline_cli.world import NO, YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.capture.inquiry import Answer, Found
    from byline.capture.worktree import WorkTree
    from byline_cli.parser import Parser
    from byline_cli.world import World

SCHEMA = "byline.policy-test/1"
EXAMPLE = "byline policy test --agent codex --path infra/db.tf --command 'make deploy'"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--agent", metavar="NAME", help="which agent (default: one that is not known, which is every agent)")
    parser.add_argument("--model", metavar="NAME", help="with which model (default: not known)")
    parser.add_argument("--path", metavar="FILE", action="append", default=[], help="a file that it would write; may be repeated")
    parser.add_argument("--command", metavar="LINE", action="append", default=[], help="a shell line that it would run here")
    parser.add_argument("--policy", metavar="FILE", help="try this policy instead of those that count")
    parser.add_argument("--json", action="store_true", help=f"the answers as JSON ({SCHEMA})")


def run(options: Namespace, world: World) -> int:
    """Answer for each file and each command.

    Raises:
        MalformedError: A policy that counts, or the draft, is none.
        RepositoryError: Git cannot say which policies count.
    """
    if not options.path and not options.command:
        raise UsageError("nothing to ask about", EXAMPLE)
    here = find_worktree(Path(os.path.realpath(world.cwd)))
    if here is None:
        raise NotARepositoryError("there is no git repository here", hint="go into one")
    asked = [Intent(agent=options.agent, model=options.model, paths=(os.path.abspath(world.cwd / each),)) for each in options.path]  # noqa: PTH100 - keeps links
    asked += [Intent(agent=options.agent, model=options.model, command=each) for each in options.command]
    sources = _sources(options, here, world)
    answers = [_ask(each, _tree_of(each, here), here, sources, world) for each in asked]
    if options.json:
        rows = [_to_json(each, answer) for each, answer in zip(asked, answers, strict=True)]
        world.terminal.json({"schema": SCHEMA, "agent": options.agent, "model": options.model, "answers": rows})
    else:
        for each, answer in zip(asked, answers, strict=True):
            _show(each, answer, world)
        if not options.policy and not sources:
            world.terminal.hint("no policy counts here yet: a rule is in force once it was committed and, where there is a remote, pushed")
        elif not options.policy and not is_guarded(here):
            world.terminal.hint("nothing asks these rules in this work tree yet: it has no .byline/policy.toml, and no guard ever ran here")
    return YES if all(answer.effect is None for answer in answers) else NO


def _sources(options: Namespace, worktree: WorkTree, world: World) -> tuple[Source, ...]:
    if not options.policy:
        return read_sources(worktree)
    try:
        draft = (world.cwd / options.policy).read_bytes()
    except OSError as error:
        raise ConfigError(f"{options.policy} cannot be read: {error.strerror}") from error
    return (Source(rules=parse_rules(draft), path=options.policy),)


def _tree_of(intent: Intent, here: WorkTree) -> WorkTree:
    """Return the work tree whose rules are asked about a file: its own."""
    for path in intent.paths:
        if works_elsewhere(os.path.realpath(path), str(here.top)):
            return find_worktree(Path(os.path.realpath(path))) or here
    return here


def _ask(intent: Intent, worktree: WorkTree, here: WorkTree, sources: tuple[Source, ...], world: World) -> Answer:
    counted = sources if worktree.top == here.top else read_sources(worktree)
    return inquire(intent, worktree=worktree, cwd=world.cwd, home=world.environ.get("HOME"), sources=counted)


def _show(intent: Intent, answer: Answer, world: World) -> None:
    asked = f"run {intent.command}" if intent.command is not None else f"write {_short(intent.paths[0], world)}"
    world.terminal.line(f"{answer.effect or 'allow'}: {asked}")
    if intent.command is not None:
        kinds = [f"is {'an' if each[0] in 'aeiou' else 'a'} {each} command" for each in answer.kinds]
        told = [*kinds, *(f"writes {_short(each, world)}" for each in answer.writes)]
        world.terminal.line("  it ", ", ".join(told) or "is no command that a kind is about, and writes no file that is known")
    rows = [_row(each, world) for each in answer.found]
    world.terminal.lines([line] for line in show_table(rows, columns=world.terminal.columns))


def _row(found: Found, world: World) -> list[str]:
    ruling, source = found.ruling, found.source
    where = "" if source is None else source.path or ", ".join(each.removeprefix("refs/") for each in source.revisions)
    return [ruling.effect.value, ruling.rule, _short(ruling.what, world), ruling.why, where]


def _short(what: str, world: World) -> str:
    """Return `what` as who asks would say it: a file of the work tree from where they stand, another one from home."""
    if not what.startswith("/"):
        return what
    folder, name = os.path.split(os.path.normpath(what))
    path, cwd = Path(os.path.realpath(folder), name), Path(os.path.realpath(world.cwd))
    here = find_worktree(cwd)
    return os.path.relpath(path, cwd) if here and path.is_relative_to(here.top) else short_path(Path(folder, name), None, world)


def _to_json(intent: Intent, answer: Answer) -> dict[str, object]:
    return {
        "path": next(iter(intent.paths), None),
        "command": intent.command,
        "effect": answer.effect.value if answer.effect else "allow",
        "kinds": [*answer.kinds],
        "writes": [*answer.writes],
        "rulings": [
            {
                "rule": each.ruling.rule,
                "effect": each.ruling.effect.value,
                "what": each.ruling.what,
                "kinds": [*each.ruling.kinds],
                "why": each.ruling.why,
                "policy": each.source.rules.sha256 if each.source else None,
                "revisions": [*each.source.revisions] if each.source else [],
            }
            for each in answer.found
        ],
    }

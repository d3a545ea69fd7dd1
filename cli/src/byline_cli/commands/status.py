# SPDX-License-Identifier: Apache-2.0
"""`byline status`: what is recorded here, what is pending, what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byline.capture.losses import read_losses
from byline.core.report import ranges_to_json
from byline.core.statement import PredicateType
from byline.errors import ConfigError, RepositoryError
from byline.flow.progress import load_progress
from byline.flow.resolve import open_resolver
from byline.log.outbox import Outbox
from byline_cli.keyfile import key_path
from byline_cli.terminal import count, show_path, show_table
from byline_cli.view import count_origins
from byline_cli.wiring import NOBODY, make_reader, open_here, settle, trust_or_none
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.core.trust import Trust
    from byline.flow.resolve import Resolver
    from byline.flow.workshop import Workshop
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Whose the uncommitted lines are, which commits have no statement yet, what waits in the outbox, and what could not be recorded."""
EXAMPLE = "byline status"

SCHEMA = "byline.status/1"
SHOWN = 20


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--json", action="store_true", help="the same as JSON (byline.status/1)")


def run(options: Namespace, world: World) -> int:
    """Look, and say."""
    workshop = make_reader(world, open_here(world))
    settle(workshop, world.terminal)
    is_unknown = workshop.identity == NOBODY
    with open_resolver(workshop) as resolver:
        facts = {
            "schema": SCHEMA,
            "repository": None if is_unknown else workshop.identity.repository,
            "you": _you(world, None if is_unknown else trust_or_none(world, workshop.repo, workshop.identity)),
            "uncommitted": _uncommitted(workshop, resolver),
            "unattested": _unattested(workshop, resolver),
            "outbox": len(Outbox(workshop.place).pending()),
            "statements": len({fact.statement for fact in resolver.index.facts(kind=PredicateType.AUTHORSHIP)}),
            "losses": len(read_losses(workshop.place)) + len(read_losses(workshop.inbox)),
        }
    if options.json:
        world.terminal.json(facts)
    else:
        _show(facts, world)
    return YES


def _you(world: World, trust: Trust | None) -> dict[str, Any]:
    """Return who the person is here, as trust has it."""
    if not key_path(world.environ).exists():
        return {"key": False, "principal": None, "level": None}
    from byline_cli.keyfile import load_own_key

    try:
        key = trust.key(load_own_key(world.environ).public) if trust else None
    except (ConfigError, OSError) as error:
        world.terminal.warn(f"your key cannot be used: {error}")
        key = None
    principal = trust.principal(key.principal) if trust and key else None
    return {"key": True, "principal": principal.id if principal else None, "level": principal.level if principal else None}


def _uncommitted(workshop: Workshop, resolver: Resolver) -> list[dict[str, Any]]:
    """Return the changed files with their uncommitted lines by origin; at most `SHOWN` of them are looked into."""
    if workshop.repo.top is None:
        return []
    out = []
    for path in workshop.repo.status_paths()[:SHOWN]:
        try:
            resolved = resolver.resolve(None, path)
        except (RepositoryError, OSError):  # deleted, or not readable
            continue
        fresh = [each for each in ranges_to_json(resolved.bylines) if each["commit"] is None]
        out.append({"path": show_path(path), "lines": count_origins(fresh)})
    return out


def _unattested(workshop: Workshop, resolver: Resolver) -> list[str]:
    """Return the commits of this clone that no remote has, no statement is about, and that are not from before the recording."""
    if workshop.repo.top is None:  # nobody commits here
        return []
    done = load_progress(workshop.place).start or ()
    return [each for each in workshop.repo.unpushed_commits(without=done) if not resolver.index.facts(commit=each)]


def _show(facts: dict[str, Any], world: World) -> None:
    terminal = world.terminal
    you = facts["you"]
    who = you["principal"] or ("a key that trust does not know" if you["key"] else "nobody: there is no key (byline init)")
    level = f" ({you['level']})" if you["level"] else ""
    terminal.line(f"you are {who}{level} in {facts['repository'] or 'a repository that does not know Byline'}")
    terminal.line(f"{count(facts['statements'], 'statement')} about commits here")
    waiting = facts["unattested"]
    if waiting:
        names = ", ".join(each[:7] for each in waiting[-5:])
        terminal.line(f"{count(len(waiting), 'unpushed commit')} without a statement: {names} (byline attest --wait)")
    if facts["outbox"]:
        terminal.line(f"{count(facts['outbox'], 'statement')} to be logged later (the outbox)")
    if facts["uncommitted"]:
        terminal.line("uncommitted lines:")
        rows = [
            [each["path"], ", ".join(f"{count} {origin}" for origin, count in each["lines"].items()) or "-"]
            for each in facts["uncommitted"]
        ]
        for line in show_table(rows):
            terminal.line(line)
    if facts["losses"]:
        terminal.line(f"{count(facts['losses'], 'thing')} not recorded, or not as said: byline doctor")

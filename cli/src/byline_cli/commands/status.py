# SPDX-License-Identifier: Apache-2.0
"""`byline status`: what is recorded here, what is pending, what was lost."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from byline.capture.elsewhere import list_elsewhere
from byline.capture.journal import read_recent
from byline.capture.losses import read_losses
from byline.capture.marks import list_marks
from byline.capture.refusals import read_refusals
from byline.core.edit import Edit
from byline.core.effect import parse_path, path_members
from byline.core.finding import describe_finding, finding_to_json
from byline.core.lines import has_word
from byline.core.refusal import refusal_to_json
from byline.core.report import owner_to_json
from byline.errors import ConfigError, NotARepositoryError, RepositoryError
from byline.flow.left import left_to_json, load_left
from byline.flow.progress import find_start, load_progress, read_on
from byline.flow.proofs import prove_statements
from byline.flow.resolve import open_resolver
from byline.flow.strays import find_strays
from byline.flow.subject import find_subject
from byline.log.outbox import Outbox
from byline_cli.gitless import tell_gitless
from byline_cli.identity import NOBODY
from byline_cli.keyfile import explain_no_key, key_path
from byline_cli.lost import describe_elsewhere, elsewhere_to_json, losses_to_json
from byline_cli.terminal import Paint, count, show_age, show_path, show_table
from byline_cli.view import by_origin, describe_evidence, describe_owner, tell_left
from byline_cli.wiring import make_reader, open_here, settle, trust_or_none
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.core.attribution import Owner
    from byline.core.finding import Finding
    from byline.core.trust import Trust
    from byline.flow.resolve import Resolver
    from byline.flow.workshop import Workshop
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Which sessions of agents and people have lines that are not committed, and in which files; which commits have no statement yet; what
waits in the outbox; what agents were not let do; what could not be recorded, with its code and what to do about it; and what does not
fit together. Lines without words are not counted. In a folder without git: what sessions did there that is kept until there is git."""
EXAMPLE = "byline status"

SCHEMA = "byline.status/1"
LOOKED_INTO = 200  # changed files
SHOWN = 20  # of them
SHOWN_REFUSALS = 5
SESSION = 8  # characters of its id


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--json", action="store_true", help="the same as JSON (byline.status/1; byline.loose/1 without git)")


def run(options: Namespace, world: World) -> int:
    """Look, and say."""
    try:
        repo = open_here(world)
    except NotARepositoryError:
        if not tell_gitless(world, is_json=options.json):
            raise
        return YES
    workshop = make_reader(world, repo)
    settle(workshop, world.terminal)
    is_unknown, left = workshop.identity == NOBODY, load_left(workshop.place)
    with open_resolver(workshop) as resolver:
        pending = _pending(workshop, resolver)
        trust = None if is_unknown else trust_or_none(world, workshop.repo, workshop.identity)
        facts: dict[str, Any] = {
            "schema": SCHEMA,
            "repository": None if is_unknown else workshop.identity.repository,
            "you": _you(world, trust),
            **pending,
            "unattested": _unattested(workshop, resolver),
            "left": [left_to_json(each) for each in left],
            "outbox": len(Outbox(workshop.place).pending()),
            "statements": resolver.index.count_statements(),
            "refusals": [refusal_to_json(each) for each in read_refusals(workshop.place)[-SHOWN_REFUSALS:]],
            "elsewhere": elsewhere_to_json(list_elsewhere(workshop.place.parent, workshop.inbox)),
            "losses": losses_to_json((*read_losses(workshop.place), *read_losses(workshop.inbox))),
        }
        findings = _findings(workshop, resolver, trust)
    if options.json:
        world.terminal.json({**facts, "findings": [finding_to_json(each) for each in findings]})
    else:
        _show(facts, world, workshop.now())
        tell_left(left, world.terminal)
        for each in findings:
            world.terminal.line(Paint("found: ", "red"), describe_finding(each))
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


def _pending(workshop: Workshop, resolver: Resolver) -> dict[str, Any]:
    """Return the uncommitted lines by session and by file; of many changed files some are looked into."""
    changed = workshop.repo.status_paths() if workshop.repo.top else ()
    files: list[dict[str, Any]] = []
    sessions: dict[Owner, dict[bytes, int]] = {}
    for path in changed[:LOOKED_INTO]:
        try:
            resolved = resolver.resolve(None, path)
        except (RepositoryError, OSError):  # deleted, or not readable
            continue
        lines: dict[str, int] = {}
        old = _committed(workshop, path)
        for text, byline in zip(resolved.lines, resolved.bylines, strict=True):
            if not byline.owner.is_known and old[text]:
                old[text] -= 1  # from before the recording: it is committed, and nobody says by which commit it came
            elif byline.commit is None and has_word(text):
                lines[byline.owner.origin] = lines.get(byline.owner.origin, 0) + 1
                if byline.owner.is_known:
                    places = sessions.setdefault(byline.owner, {})
                    places[path] = places.get(path, 0) + 1
        files.append({**path_members(path), "lines": by_origin(lines.items())})
    last = _last_edits(workshop) if sessions else {}
    return {
        "sessions": [
            {**owner_to_json(owner), "files": len(places), "lines": sum(places.values()), "time": last.get(owner.session)}
            for owner, places in sessions.items()
        ],
        "uncommitted": files,
        "notLookedInto": len(changed[LOOKED_INTO:]),
    }


def _committed(workshop: Workshop, path: bytes) -> Counter[bytes]:
    """Return the lines of `path` as HEAD has it, and how often."""
    try:
        return Counter(find_subject(workshop.repo, "HEAD", path).lines or ())
    except RepositoryError:
        return Counter()


def _last_edits(workshop: Workshop) -> dict[str | None, str]:
    """Return when each session was last seen to edit, in nanoseconds since 1970, as far as the end of the journal tells."""
    return {event.session: str(event.time) for event in read_recent(workshop.place) if isinstance(event, Edit) and event.session}


def _unattested(workshop: Workshop, resolver: Resolver) -> list[str]:
    """Return the commits of this clone that no remote has, no statement is about, and that are not from before the recording."""
    if workshop.repo.top is None:  # nobody commits here
        return []
    progress, reading = read_on(workshop.place, load_progress(workshop.place))
    start = find_start(workshop.repo, reading.events) if progress.start is None else progress.start
    if start is None and not list_marks(workshop.place):  # nothing was ever recorded: all is from before
        return []
    return [each for each in workshop.repo.unpushed_commits(without=start or ()) if not resolver.index.is_recorded(each)]


def _findings(workshop: Workshop, resolver: Resolver, trust: Trust | None) -> tuple[Finding, ...]:
    """Return what does not fit together here; without trust nothing is proven, and every statement is taken at its word."""

    def is_proven(digest: str) -> bool:
        return trust is None or prove_statements(resolver.index, (digest,), trust=trust, at=datetime.now(UTC))[digest].verified

    return find_strays(workshop, resolver.index, is_proven=is_proven)


def _show(facts: dict[str, Any], world: World, now: int) -> None:
    terminal = world.terminal
    you = facts["you"]
    who = you["principal"] or ("a key that trust does not know" if you["key"] else "nobody")
    level = f" ({you['level']})" if you["level"] else ""
    missing = "" if you["key"] else ": {} ({})".format(*explain_no_key(world.environ))
    if facts["repository"]:
        terminal.line(f"you are {who}{level} in {facts['repository']}{missing}")
    terminal.line(f"{count(facts['statements'], 'statement')} about commits here")
    left = {each["commit"] for each in facts["left"]}  # told below
    waiting = [each for each in facts["unattested"] if each not in left]
    if waiting:
        names = ", ".join(each[:7] for each in waiting[-5:])
        terminal.line(f"{count(len(waiting), 'unpushed commit')} without a statement: {names} (byline attest --wait)")
    if facts["outbox"]:
        terminal.line(f"{count(facts['outbox'], 'statement')} to be logged later (the outbox)")
    if facts["sessions"]:
        part = f" (in the first {LOOKED_INTO} changed files)" if facts["notLookedInto"] else ""
        terminal.line(f"recorded and not committed yet{part}:")
        terminal.lines([line] for line in show_table([_session(each, now) for each in facts["sessions"]], columns=terminal.columns))
    if facts["uncommitted"]:
        terminal.line("uncommitted lines:")
        rows = [
            [_name(each), ", ".join(f"{number} {origin}" for origin, number in each["lines"].items()) or "-"]
            for each in facts["uncommitted"][:SHOWN]
        ]
        terminal.lines([line] for line in show_table(rows, columns=terminal.columns))
    more = facts["notLookedInto"] + len(facts["uncommitted"][SHOWN:])
    if more:
        terminal.line(f"  and {count(more, 'more changed file')}")
    if facts["refusals"]:
        terminal.line("agents were not let, or were to ask first:")
        terminal.lines([line] for line in show_table([_refusal(each, now, world) for each in facts["refusals"]], columns=terminal.columns))
    for each in facts["elsewhere"]:
        terminal.line(Paint("elsewhere: ", "red"), describe_elsewhere(each, now))
    if facts["losses"]:
        terminal.line(Paint("not recorded, or not as said:", "red"))
        for each in facts["losses"]:
            age = show_age((now - int(each["time"])) / 1e9)
            terminal.line(f"  {each['code']}  {count(each['count'], 'time')}, last {age}: {each['last']}")
            terminal.line(f"             {each['advice']}")


def _session(each: dict[str, Any], now: int) -> list[str]:
    age = f"{show_age((now - int(each['time'])) / 1e9)}" if each["time"] else ""
    session = f"session {each['session'][:SESSION]}" if each["session"] else ""
    return [describe_evidence(each), describe_owner(each), session, count(each["lines"], "line"), "in " + count(each["files"], "file"), age]


def _refusal(each: dict[str, Any], now: int, world: World) -> list[str]:
    session = f"session {each['session'][:SESSION]}" if each["session"] else ""
    what = (each.get("what") or "").removeprefix(f"{world.cwd}/")
    return [each["effect"], each["rule"], each["agent"]["name"], session, what, show_age((now - int(each["time"])) / 1e9)]


def _name(each: dict[str, Any]) -> str:
    return show_path(parse_path(each.get("path"), each.get("pathBytes")))

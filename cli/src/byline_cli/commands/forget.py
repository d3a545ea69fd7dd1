# SPDX-License-Identifier: Apache-2.0
"""`byline forget`: what sessions of agents left on this machine goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.flow.forget import Wish, choose, forget
from byline_cli.keyfile import key_path
from byline_cli.terminal import count, show_table
from byline_cli.wiring import make_workshop, open_here
from byline_cli.world import NO, YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.flow.forget import Chosen
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Removes what sessions left in this clone and in your inbox: payloads that agents' hooks kept word for word, the texts of their edits that
git does not have, their records in the journal. It shows what it found and asks first; killed half-way, the same command does the rest.
What stays: what is signed (statements hold no text; `byline ledger erase` is for them); texts that git has or that stand in a file now;
of a line that is not committed yet, which agent wrote it, without the session. A keyed hash of each line that goes stays, so that
`--declare-own-lines` never takes it for yours. One word of these: a SESSION, --agent, --before or --all."""
EXAMPLE = "byline forget 6e46bda4"

SHORTEST = 4  # characters that name a session
SHOWN = 20


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("session", nargs="?", metavar="SESSION", help="the session's id, or how it begins (byline status)")
    parser.add_argument("--agent", metavar="NAME", help="all sessions of this agent")
    parser.add_argument("--before", metavar="DATE", help="all that ended before this day (YYYY-MM-DD, UTC)")
    parser.add_argument("--all", action="store_true", help="all sessions, and what names none")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: Namespace, world: World) -> int:
    """Look, show, ask, forget."""
    wish = _wish(options)
    repo = open_here(world)
    workshop = make_workshop(world, repo, signing=key_path(world.environ).exists())
    chosen = choose(workshop, wish)
    if chosen.is_empty:
        world.terminal.line("nothing of it is here")
        return NO
    _show(chosen, world)
    if not world.terminal.is_confirmed("forget this?", yes=options.yes):
        world.terminal.note("nothing was forgotten")
        return NO
    done = forget(workshop, chosen)
    gone = f"{count(done.texts, 'text')}, {count(done.records, 'record')} and {count(done.payloads, 'payload')}"
    world.terminal.line(f"forgotten: {gone}")
    world.terminal.note("what is signed stays: statements hold no text, and name the session (byline ledger erase is for them)")
    return YES


def _wish(options: Namespace) -> Wish:
    if sum(map(bool, (options.session, options.agent, options.before, options.all))) != 1:
        raise UsageError("forget what: a SESSION, --agent NAME, --before DATE or --all", EXAMPLE)
    if options.session and len(options.session) < SHORTEST:
        raise UsageError(f"{options.session} is too short to name a session", "byline status shows them")
    before = None
    if options.before:
        try:
            before = int(datetime.strptime(options.before, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 10**9
        except ValueError as error:
            raise UsageError(f"{options.before} is no day", "--before 2026-11-21") from error
    return Wish(session=options.session, agent=options.agent, before=before, everything=options.all)


def _show(chosen: Chosen, world: World) -> None:
    for line in show_table([["session", (name or "-")[:36], agent] for name, agent in sorted(chosen.sessions.items(), key=str)[:SHOWN]]):
        world.terminal.line(line)
    if len(chosen.sessions) > SHOWN:
        world.terminal.line(f"  and {count(len(chosen.sessions) - SHOWN, 'more session')}")
    left = f"{count(chosen.records, 'record')} in the journal, {count(len(chosen.payloads), 'payload')} in the inbox"
    world.terminal.line(f"{left}, about {count(chosen.texts, 'text')} that git does not have")

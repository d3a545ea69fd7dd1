# SPDX-License-Identifier: Apache-2.0
"""`byline forget`: what sessions of agents left on this machine goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.capture.places import inbox_dir
from byline.errors import NotARepositoryError
from byline.flow.forget import choose, forget
from byline.flow.forget_loose import choose_loose, forget_loose
from byline.flow.wishes import SHORTEST, Wish
from byline_cli.keyfile import key_path
from byline_cli.terminal import count, show_table
from byline_cli.wiring import make_workshop, open_here
from byline_cli.world import NO, YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from byline.flow.wishes import Chosen, Forgotten
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Removes what sessions left in this clone, in folders without git and in your inbox: payloads that agents' hooks kept word for word, the
texts of their edits that git does not have, prompts, their records in the journal. Outside of a repository it is about folders without
git alone, and without a SESSION about this one, those above and below. It shows what it found and asks first; killed half-way, the same
command does the rest. What stays: what is signed, sent or not (statements hold no text; `byline ledger erase` is for them); texts that
git has or that stand in a file now; of a line that is not committed yet, which agent wrote it, without the session. A keyed hash of each
line that goes stays, so that `--declare-own-lines` never takes it for yours. One word of these: a SESSION, --agent, --before or --all."""
EXAMPLE = "byline forget 6e46bda4"

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
    try:
        repo = open_here(world)
    except NotARepositoryError:
        inbox = inbox_dir(world.environ)
        return _ask(choose_loose(inbox, world.cwd.resolve(), wish), lambda chosen: forget_loose(inbox, chosen), options, world)
    workshop = make_workshop(world, repo, signing=key_path(world.environ).exists())
    return _ask(choose(workshop, wish), lambda chosen: forget(workshop, chosen), options, world)


def _ask(chosen: Chosen, forget_them: Callable[[Chosen], Forgotten], options: Namespace, world: World) -> int:
    if chosen.is_empty:
        if options.session and len(options.session) < SHORTEST:
            raise UsageError(f"{options.session} is too short to name a session", "byline status shows them")
        world.terminal.line("nothing of it is here")
        return NO
    _show(chosen, world)
    if not world.terminal.is_confirmed("forget this?", yes=options.yes):
        world.terminal.note("nothing was forgotten")
        return NO
    done = forget_them(chosen)
    prompts = f"{count(done.prompts, 'prompt')}, " if done.prompts else ""
    gone = f"{prompts}{count(done.texts, 'text')}, {count(done.records, 'record')} and {count(done.payloads, 'payload')}"
    world.terminal.line(f"forgotten: {gone}")
    world.terminal.note("what is signed stays: statements hold no text, and name the session (byline ledger erase is for them)")
    return YES


def _wish(options: Namespace) -> Wish:
    if sum(map(bool, (options.session, options.agent, options.before, options.all))) != 1:
        raise UsageError("forget what: a SESSION, --agent NAME, --before DATE or --all", EXAMPLE)
    before = None
    if options.before:
        try:
            before = int(datetime.strptime(options.before, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 10**9
        except ValueError as error:
            raise UsageError(f"{options.before} is no day", "--before 2026-11-21") from error
    return Wish(session=options.session, agent=options.agent, before=before, everything=options.all)


def _show(chosen: Chosen, world: World) -> None:
    for line in show_table(
        [["session", (name or "-")[:36], agent] for name, agent in sorted(chosen.sessions.items(), key=str)[:SHOWN]],
        columns=world.terminal.columns,
    ):
        world.terminal.line(line)
    if len(chosen.sessions) > SHOWN:
        world.terminal.line(f"  and {count(len(chosen.sessions) - SHOWN, 'more session')}")
    prompts = f"{count(chosen.prompts, 'prompt')}, " if chosen.prompts else ""
    left = f"{prompts}{count(chosen.records, 'record')} in the journal, {count(len(chosen.payloads), 'payload')} in the inbox"
    world.terminal.line(f"{left}, about {count(chosen.texts, 'text')} that git does not have")

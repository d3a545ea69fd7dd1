# SPDX-License-Identifier: Apache-2.0
"""`byline attest`: sign and deliver what is pending."""

from __future__ import annotations

from argparse import SUPPRESS
from typing import TYPE_CHECKING

from byline_cli.identity import give_identity
from byline_cli.terminal import count
from byline_cli.view import tell_findings, tell_left
from byline_cli.wiring import check_set_up, make_workshop, open_here
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.delivery import Work
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
The git hooks start it in the background after each commit and before each push, so there is rarely a reason to call it. One statement
is signed for each commit that this clone made; it goes to the ledger if one is named in the trust file, and into the evidence of this
clone (`refs/byline/evidence`). Without a network it stays in the outbox and nothing waits."""
EXAMPLE = "byline attest --wait        byline attest origin/main..HEAD"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("revs", nargs="*", metavar="REV", help="commits, or a range A..B, that nothing marks as made here")
    parser.add_argument("--wait", action="store_true", help="wait for an attester that is already at work")
    parser.add_argument("--background", action="store_true", help=SUPPRESS)
    parser.add_argument("--push", metavar="REMOTE", default="", help=SUPPRESS)


def run(options: Namespace, world: World) -> int:
    """Attest now, or as git's hooks want it."""
    if options.background:
        from byline_cli.attester import attest_in_background

        return attest_in_background(world, options.push)
    from byline_cli.delivery import PATIENCE, sign_and_deliver, tidy

    repo = open_here(world)
    give_identity(world, repo)
    workshop = make_workshop(world, repo, signing=True)
    check_set_up(workshop)
    work = sign_and_deliver(workshop, revisions=options.revs, seconds=PATIENCE if options.wait else 2.0)
    if work.attested.busy:
        world.terminal.line("another attester is at work; byline attest --wait waits for it")
        return NO
    tell_work(work, world)
    tidy(workshop)
    return YES


def tell_work(work: Work, world: World) -> None:
    """Say what was signed and delivered."""
    signed, done = work.attested, work.delivered
    if signed.statements:
        world.terminal.line(f"signed {count(len(signed.statements), 'statement')} about {count(len(signed.commits), 'commit')}")
    else:
        world.terminal.line("nothing was left to sign")
    if done.problem:
        world.terminal.line(f"{count(done.waiting, 'statement')} in the outbox, to be logged later: {done.problem}")
        world.terminal.hint(done.hint)
    tell_left(signed.left, world.terminal)
    tell_findings(signed.findings, world.terminal)
    if signed.losses:
        world.terminal.note(f"note: {signed.losses} things could not be recorded; byline doctor shows them")

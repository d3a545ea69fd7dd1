# SPDX-License-Identifier: Apache-2.0
"""`byline push`: the evidence first, then your branch, for servers that gate."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.errors import RepositoryError
from byline_cli.wiring import check_set_up, find_trust, make_workshop, open_here

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Signs what is pending and waits for it, sends the evidence to the remote, then becomes `git push` with the arguments that you gave. A
plain `git push` sends the evidence too, beside the push and in the background. If the evidence cannot be sent, nothing is pushed."""
EXAMPLE = "byline push origin feature"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--evidence-only", action="store_true", help="send the evidence and push no branch")
    parser.add_argument("remote", nargs="?", help="default: origin, or the only remote")
    parser.add_argument("refspecs", nargs="*", metavar="REFSPEC", help="what to push, as git push takes it")


def run(options: Namespace, world: World) -> int:
    """Send the evidence, then let git push."""
    from byline.flow.deliver import push_evidence
    from byline_cli.commands.attest import tell_work
    from byline_cli.delivery import sign_and_deliver

    workshop = make_workshop(world, open_here(world), signing=True)
    check_set_up(workshop)
    remotes = workshop.repo.remotes()
    remote = options.remote or ("origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else None)
    if remote is None or remote not in remotes:
        known = ", ".join(remotes) or "there are none"
        raise RepositoryError(f"{remote or 'no remote'}: evidence goes to a remote by its name", hint=f"remotes here: {known}")
    tell_work(sign_and_deliver(workshop), world)
    report = push_evidence(workshop, remote, trust=find_trust(workshop.repo), at=datetime.now(UTC))
    if not report.sent:
        raise RepositoryError(f"the evidence was not taken by {remote}: {report.message}", hint="nothing was pushed; try again")
    world.terminal.line(f"evidence sent to {remote}")
    if options.evidence_only:
        return 0
    world.terminal.out.flush()
    world.closing.close()
    # From here on this is the person's own git, with their hooks, their credentials and their exit code.
    words = ["git", "push", *([options.remote] if options.remote else []), *options.refspecs]
    os.execvpe(words[0], words, dict(world.environ))  # noqa: S606 - a list of words and no shell, on purpose
    return None

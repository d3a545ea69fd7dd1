# SPDX-License-Identifier: Apache-2.0
"""`byline push`: the evidence first, then your branch, for servers that gate."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.errors import RepositoryError
from byline_cli.identity import find_trust
from byline_cli.wiring import check_set_up, make_workshop, open_here

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from byline.flow.workshop import Workshop
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Signs what is pending and waits for it, sends the evidence to the remote, then becomes `git push` with the arguments that you gave. A
plain `git push` sends the evidence too, beside the push and in the background. If the evidence cannot be sent, nothing is pushed.
Without a REMOTE it is origin, or the only one."""
EXAMPLE = "byline push -u origin feature"

VALUED = {"-o", "--push-option", "--receive-pack", "--exec", "--recurse-submodules"}  # options of git push that a value follows


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--evidence-only", action="store_true", help="send the evidence and push no branch")
    parser.passes_on = True
    parser.usage = "byline push [-h] [--evidence-only] [what git push takes: -u, --tags, REMOTE, REFSPEC ...]"


def run(options: Namespace, world: World) -> int:
    """Send the evidence, then let git push."""
    workshop = make_workshop(world, open_here(world), signing=True)
    check_set_up(workshop)
    remotes = workshop.repo.remotes()
    named = named_remote(options.words)
    remote = named or ("origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else None)
    if remote is None or remote not in remotes:
        known = ", ".join(remotes) or "there are none"
        raise RepositoryError(f"{remote or 'no remote'}: evidence goes to a remote by its name", hint=f"remotes here: {known}")
    _send(workshop, remote, world)
    if options.evidence_only:
        return 0
    world.terminal.out.flush()
    world.closing.close()
    # From here on this is the person's own git, with their hooks, their credentials and their exit code.
    words = ["git", "push", *options.words]
    os.execvpe(words[0], words, dict(world.environ))  # noqa: S606 - a list of words and no shell, on purpose
    return None


def named_remote(words: Sequence[str]) -> str | None:
    """Return the remote among `words` for `git push`: the first that is neither an option nor the value of one."""
    for before, word in zip(("", *words), words, strict=False):
        if not word.startswith("-") and before not in VALUED:
            return word
    return None


def _send(workshop: Workshop, remote: str, world: World) -> None:
    """Sign what is pending, and send the evidence.

    Raises:
        RepositoryError: The remote did not take it.
    """
    from byline.flow.deliver import push_evidence
    from byline_cli.commands.attest import tell_work
    from byline_cli.delivery import sign_and_deliver

    tell_work(sign_and_deliver(workshop), world)
    report = push_evidence(workshop, remote, trust=find_trust(workshop.repo), at=datetime.now(UTC))
    if not report.sent:
        raise RepositoryError(f"the evidence was not taken by {remote}: {report.message}", hint="nothing was pushed; try again")
    world.terminal.line(f"evidence sent to {remote}")

# SPDX-License-Identifier: Apache-2.0
"""`byline approve`: a person's signed yes to exactly what they were shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from byline.errors import LedgerError, RepositoryError
from byline.flow.approve import approval_payload, propose_approval
from byline.flow.gathering import Evidence
from byline.flow.judge import Question
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox
from byline.sign.file import sign_payload
from byline_cli.delivery import deliver_and_send
from byline_cli.keyfile import approving_key
from byline_cli.terminal import Paint, count, show_path
from byline_cli.wiring import cache_file, connect, make_workshop, open_here
from byline_cli.world import NO, YES
from byline_gate.anchor import full_ref

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.flow.approve import Proposal
    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Shows every file and line of the change, asks, then signs: the approval holds for exactly these bytes of these files, for this target,
under this policy version, until it expires. Files for which no gate would count it are left out, with the reason: what you had a hand
in, what wants another level or key; where none is left nothing is signed (exit 1). It goes to the ledger if one is named, and to the
remote with the evidence. Nothing of it rests on commits: it survives a rebase, a merge or a squash that leaves the bytes alone."""
EXAMPLE = "git fetch && byline approve --head origin/feature --target main"

BRANCHES = ("main", "master", "trunk")


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--target", metavar="BRANCH", help="where the change shall land (default: main, else master or trunk)")
    parser.add_argument("--base", metavar="REV", help="the target's tip (default: the target as the remote has it)")
    parser.add_argument("--head", metavar="REV", default="HEAD", help="the candidate (default HEAD)")
    parser.add_argument("--environment", metavar="NAME", help="for this environment only (default: for all)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="another key than your own: PEM, or OpenSSH's (a token is touched)")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: Namespace, world: World) -> int:
    """Show, ask, sign, deliver."""
    repo = open_here(world)
    target, base = _target(repo, options.target)
    key = approving_key(world, options.key)
    at = datetime.now(UTC)
    question = Question(
        base=repo.commit_id(options.base or base),
        candidate=repo.commit_id(options.head),
        target=full_ref(target),
        environment=options.environment,
    )
    workshop = make_workshop(world, repo)
    proposal = _propose(workshop, question, key.public, at, world)
    _show(proposal, target, world)
    files = count(len(proposal.files), "file")
    if not world.terminal.is_confirmed(f"approve exactly this ({files}) for {target}, as {proposal.approver}?", yes=options.yes):
        world.terminal.note("nothing was signed")
        return NO
    envelope = sign_payload(approval_payload(proposal, nonce=workshop.random(16), at=at), key)
    Outbox(workshop.place).put(envelope, key.public)
    world.terminal.line(Paint("approved", "green"), f": {files} for {target} by {proposal.approver}  {envelope.digest[:12]}")
    deliver_and_send(workshop, world.terminal)
    return YES


def _propose(workshop: Workshop, question: Question, public: bytes, at: datetime, world: World) -> Proposal:
    """Ask the ledger as well, as a gate may: a claim that only it has can bar the approver."""
    repo = workshop.repo
    ledger = workshop.trust.ledger if workshop.trust else None
    with EvidenceIndex(cache_file(repo)) as index:
        if ledger and ledger.url:
            try:
                return propose_approval(repo, question, public=public, evidence=Evidence(repo, index, connect(ledger.url)), at=at)
            except LedgerError as error:
                world.terminal.note(f"note: the ledger does not answer ({error}); a gate may know of hands that are not known here")
        return propose_approval(repo, question, public=public, evidence=Evidence(repo, index), at=at)


def _show(proposal: Proposal, target: str, world: World) -> None:
    question = proposal.question
    world.terminal.line(f"the change from {question.base[:12]} ({target}) to {question.candidate[:12]}:")
    for line in proposal.text.splitlines():
        colour = {"+": "green", "-": "red"}.get(line.strip()[:1]) if line.startswith("  ") else "bold"
        world.terminal.line(Paint(line, colour) if colour else line)
    for each in proposal.left_out:
        world.terminal.note(f"note: {show_path(each.path)} is left out: {each.why}, and no gate would count your approval")


def _target(repo: Repository, named: str | None) -> tuple[str, str]:
    """Return the branch that the change shall land on, and the ref that is its tip here: a remote's before one's own.

    Raises:
        RepositoryError: There is no such branch, or none of the usual ones.
    """
    for branch in (named,) if named else BRANCHES:
        for prefix in (*(f"refs/remotes/{remote}/" for remote in repo.remotes()), "refs/heads/"):
            if repo.ref(f"{prefix}{branch}"):
                return branch, f"{prefix}{branch}"
    what = f"no branch {named}" if named else f"none of {', '.join(BRANCHES)}"
    raise RepositoryError(f"{what} is here to approve for", hint="name --target BRANCH; git fetch brings the remote's")

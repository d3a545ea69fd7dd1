# SPDX-License-Identifier: Apache-2.0
"""Everything signed leaves the outbox: to the ledger if there is one, and always to the evidence that travels with git.

    outbox -> ledger.append -> receipt -> bundle -> evidence -> gone from the outbox

1. Each statement is appended to the ledger, oldest first, and becomes a bundle with the ledger's receipt.
2. Where the ledger does not answer, what is left becomes evidence without receipt at once, so that nothing waits on a network. It
   stays in the outbox; the next delivery asks again, and the union of evidence prefers the bundle with receipt.
3. What the ledger will never take is evidence without receipt, and no longer waits.
4. Only what is durable in the evidence leaves the outbox. So a process may be killed between any two steps: the next one does again
   what was not finished, and the ledger knows a statement that it has. One delivers at a time, so that a statement has one receipt;
   who waits too long for that goes on, and a second receipt does no harm.
5. The index follows now, while nobody waits: the next commit and the next reader find it ready.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from byline.core.bundle import join_receipt
from byline.core.value import dataclass
from byline.errors import BylineError, EntryRejectedError, LedgerError, MalformedError, VerificationError
from byline.flow.workshop import hold
from byline.log.evidence import EvidenceRef, PushReport
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.ports import Ledger
    from byline.core.trust import Trust
    from byline.flow.workshop import Workshop
    from byline.log.outbox import Pending

TOGETHER = 64  # bundles that become evidence in one step
LOCK = "deliver.lock"
LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverReport:
    """What a delivery did. Statements are named by the SHA-256 of their payload.

    `delivered` left the outbox, `rejected` among them without receipt because the ledger will never take them; `waiting` are in the
    evidence and wait for their receipt, for the reason in `problem` (and its `hint`); `damaged` are files of the outbox that nobody
    can read.
    """

    delivered: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    waiting: int = 0
    problem: str = ""
    hint: str = ""
    damaged: tuple[str, ...] = ()


def deliver(workshop: Workshop, ledger: Ledger | MalformedError | None) -> DeliverReport:
    """Deliver everything in the outbox; a `ledger` that does not answer is told in the report and is no error.

    In the place of a ledger may stand why nobody knows which one it is: then everything waits.

    Raises:
        RepositoryError: Git cannot write evidence; what was not delivered stays in the outbox.
        OSError: The disk is not writable; what was not delivered stays in the outbox.
    """
    with hold(workshop.place, seconds=LOCK_SECONDS, lock=LOCK):
        return _deliver(workshop, ledger)


def _deliver(workshop: Workshop, ledger: Ledger | MalformedError | None) -> DeliverReport:
    outbox, evidence = Outbox(workshop.place), EvidenceRef(workshop.repo)
    pending = outbox.pending()
    delivered: list[str] = []
    rejected: list[str] = []
    problem: BylineError | None = None
    queue = iter(pending)
    while problem is None and (group := list(islice(queue, TOGETHER))):
        done: dict[str, Bundle] = {}
        for each in group:
            try:
                done[each.name] = _logged(each, ledger)
            except EntryRejectedError:
                done[each.name] = join_receipt(each.envelope, each.public, None)
                rejected.append(each.envelope.digest)
            except (LedgerError, VerificationError, MalformedError) as error:
                problem = error
                break
        evidence.add(done.values())
        for name, bundle in done.items():
            outbox.delivered(name)
            delivered.append(bundle.envelope.digest)
    waiting = pending[len(delivered) :]
    evidence.add(_without_receipt(waiting))
    if pending:
        with EvidenceIndex(workshop.cache) as index:
            index.refresh(evidence)
    return DeliverReport(
        delivered=tuple(delivered),
        rejected=tuple(rejected),
        waiting=len(waiting),
        problem=str(problem or ""),
        hint=problem.hint if problem else "",
        damaged=outbox.damaged(),
    )


def push_evidence(workshop: Workshop, remote: str, *, trust: Trust | None, at: datetime, tries: int = 8) -> PushReport:
    """Send this clone's evidence to `remote`, united with what is there, in a push of its own; what `trust` lets people erase is not sent.

    Raises:
        RepositoryError: The remote does not answer.
        OSError: What is erased cannot be kept in mind.
    """
    if trust is not None:
        from byline.flow.erasing import take_erasures  # verifies: not for who only signs a commit

        with EvidenceIndex(workshop.cache) as index:
            take_erasures(workshop.repo, index, trust, at=at)
    return EvidenceRef(workshop.repo).push(remote, tries=tries)


def _logged(each: Pending, ledger: Ledger | MalformedError | None) -> Bundle:
    if isinstance(ledger, MalformedError):
        raise ledger
    receipt = None if ledger is None else ledger.append(each.envelope, each.public)
    return join_receipt(each.envelope, each.public, receipt)


def _without_receipt(waiting: Iterable[Pending]) -> Iterable[Bundle]:
    return (join_receipt(each.envelope, each.public, None) for each in waiting)

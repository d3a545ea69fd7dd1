# SPDX-License-Identifier: Apache-2.0
"""Whatever is signed arrives, once, however often the delivery is cut short."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.errors import EntryRejectedError, FrozenError, LedgerUnavailableError
from byline.flow.deliver import DeliverReport, deliver, push_evidence
from byline.flow.workshop import Identity, Workshop
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.log.outbox import Outbox
from byline.sign.file import sign_payload
from byline.testing import FixedClock, MemoryLedger, fixed_signer
from byline_ledger.embedded import open_embedded
from log.evidence_maker import claim, statement_bundle
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.bundle import Bundle, Receipt
    from byline.core.envelope import Envelope

COUNT = 6


class FailingLedger(MemoryLedger):
    """A ledger that takes `good` statements and then fails with `error`."""

    def __init__(self, good: int, error: Exception) -> None:
        super().__init__()
        self.good = good
        self.error = error

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        if self.good == 0:
            raise self.error
        self.good -= 1
        return super().append(envelope, public)


@pytest.fixture
def workshop(repository: Scratch) -> Iterator[Workshop]:
    workshop = make_workshop_of(repository.path)
    with workshop.repo:
        yield workshop


def make_workshop_of(folder: Path) -> Workshop:
    """Return the workshop of the repository in `folder`."""
    place = folder / ".git/byline"
    return Workshop(
        repo=open_repository(folder),
        place=place,
        inbox=place / "inbox",
        identity=Identity(repository="r-1", line_key=bytes(32)),
        now=FixedClock(),
        random=bytes,
        version="0",
    )


def _sign(workshop: Workshop, count: int = COUNT) -> list[str]:
    signer = fixed_signer()
    digests = []
    for number in range(1, count + 1):
        envelope = sign_payload(statement_bundle(number, claim(b"a", number)).envelope.payload, signer)
        Outbox(workshop.place).put(envelope, signer.public)
        digests.append(envelope.digest)
    return digests


def _evidence(workshop: Workshop) -> dict[str, Bundle]:
    return {each.bundle.envelope.digest: each.bundle for each in EvidenceRef(workshop.repo).bundles()}


def test_without_a_ledger_everything_becomes_evidence(workshop: Workshop) -> None:
    digests = _sign(workshop)
    report = deliver(workshop, None)
    assert (report.delivered, report.waiting, report.problem) == (tuple(digests), 0, "")
    assert set(_evidence(workshop)) == set(digests)
    assert Outbox(workshop.place).pending() == ()
    assert deliver(workshop, None).delivered == ()


def test_with_a_ledger_every_bundle_has_its_receipt(workshop: Workshop) -> None:
    digests = _sign(workshop)
    report = deliver(workshop, MemoryLedger())
    assert report.delivered == tuple(digests)
    receipts = [bundle.receipt for bundle in map(_evidence(workshop).get, digests) if bundle]
    assert [receipt.index for receipt in receipts if receipt] == list(range(COUNT))


def test_a_ledger_that_is_away_holds_nothing_up(workshop: Workshop) -> None:
    """What is left is evidence at once, waits for its receipt, and gets it when the ledger is back."""
    digests = _sign(workshop)
    ledger = FailingLedger(2, LedgerUnavailableError("the ledger is away"))
    report = deliver(workshop, ledger)
    assert (report.delivered, report.waiting, report.problem) == (tuple(digests[:2]), COUNT - 2, "the ledger is away")
    found = _evidence(workshop)
    assert [found[digest].receipt is not None for digest in digests] == [True, True, False, False, False, False]
    tree = EvidenceRef(workshop.repo).trees()
    assert deliver(workshop, ledger).waiting == COUNT - 2
    assert EvidenceRef(workshop.repo).trees() == tree
    ledger.good = COUNT
    assert deliver(workshop, ledger).delivered == tuple(digests[2:])
    assert all(bundle.receipt for bundle in _evidence(workshop).values())


def test_what_waits_for_a_log_that_ended_goes_to_the_one_that_follows(workshop: Workshop) -> None:
    digests = _sign(workshop)
    old, new = FailingLedger(2, FrozenError("the log has ended: another one follows it")), MemoryLedger("log2.example")
    report = deliver(workshop, old)
    assert (report.delivered, report.rejected, report.waiting) == (tuple(digests[:2]), (), COUNT - 2)
    assert deliver(workshop, new).delivered == tuple(digests[2:])
    receipts = [bundle.receipt for bundle in map(_evidence(workshop).get, digests) if bundle]
    assert [receipt.origin for receipt in receipts if receipt] == ["memory.example"] * 2 + ["log2.example"] * (COUNT - 2)


def test_what_the_ledger_will_never_take_does_not_wait(workshop: Workshop) -> None:
    digests = _sign(workshop)
    report = deliver(workshop, FailingLedger(2, EntryRejectedError("not from you")))
    assert (report.delivered, report.rejected, report.waiting) == (tuple(digests), tuple(digests[2:]), 0)
    assert set(_evidence(workshop)) == set(digests)
    assert Outbox(workshop.place).pending() == ()


def test_a_receipt_for_something_else_is_not_kept(workshop: Workshop) -> None:
    class WrongLedger(MemoryLedger):
        def append(self, envelope: Envelope, public: bytes) -> Receipt:
            super().append(envelope, public)
            return self._receipt(0, self.checkpoint())

    digests = _sign(workshop)
    report = deliver(workshop, WrongLedger())
    assert (report.delivered, report.waiting) == (tuple(digests[:1]), COUNT - 1)
    assert report.problem == "the receipt is for another statement or key"


def test_a_damaged_file_is_told_and_stops_nothing(workshop: Workshop) -> None:
    digests = _sign(workshop)
    outbox = Outbox(workshop.place)
    broken = outbox.pending()[0].name
    (outbox.folder / broken).write_bytes(b"{")
    report = deliver(workshop, None)
    assert (report.delivered, report.damaged) == (tuple(digests[1:]), (broken,))


# Runs a delivery and kills its own process at line number N of what it executes in the code under test.
KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from byline.flow.deliver import deliver
from byline_ledger.embedded import open_embedded
from flow.test_deliver import make_workshop_of

WATCHED = ("flow/deliver.py", "log/evidence.py", "log/outbox.py", "git/store.py", "git/refs.py", "engine/sqlite.py")
left = int(sys.argv[2])

def trace(frame, event, argument):
    global left
    if event == "call":
        return trace if frame.f_code.co_filename.endswith(WATCHED) else None
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

folder = Path(sys.argv[1])
workshop = make_workshop_of(folder)
with open_embedded(folder / ".git/byline/ledger") as ledger:
    sys.settrace(trace)
    deliver(workshop, ledger)
    sys.settrace(None)
print(left)
"""


def test_killed_at_any_point_nothing_is_lost_and_nothing_is_twice(repository: Scratch) -> None:
    """SIGKILL at points spread over the whole delivery; the next one always finishes what was begun."""
    workshop = make_workshop_of(repository.path)
    digests = _sign(workshop, 3)
    code = KILLED.format(path=[str(Path(__file__).parents[1])])
    kills = 0
    # Each run gets a little further than where the one before could be killed.
    for point in range(20, 1400, 110):
        command = [sys.executable, "-c", code, str(repository.path), str(point)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=120, text=True)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        kills += done.returncode != 0
        waiting = {each.envelope.digest for each in Outbox(workshop.place).pending()}
        assert waiting | set(_evidence(workshop)) == set(digests)
    assert kills >= 3
    with open_embedded(workshop.place / "ledger") as ledger:
        deliver(workshop, ledger)
        assert ledger.checkpoint().splitlines()[1] == str(len(digests))
    assert Outbox(workshop.place).pending() == ()
    assert sorted(bundle.receipt.index for bundle in _evidence(workshop).values() if bundle.receipt) == [0, 1, 2]
    workshop.repo.close()


def test_two_that_deliver_at_once_get_one_receipt_for_each_statement(workshop: Workshop) -> None:
    _sign(workshop, count=40)

    def run(_: int) -> DeliverReport:
        other = make_workshop_of(workshop.repo.common_dir.parent)
        with other.repo, open_embedded(other.place / "ledger") as ledger:
            return deliver(other, ledger)

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(run, range(2)))
    assert sorted(len(report.delivered) for report in reports) == [0, 40]
    assert len(tuple(EvidenceRef(workshop.repo).bundles())) == 40


def test_evidence_is_sent_in_a_push_of_its_own(workshop: Workshop, tmp_path: Path) -> None:
    digests = _sign(workshop)
    bare = Scratch.create(tmp_path / "bare", "--bare")
    workshop.repo.settings.set("remote.origin.url", str(bare.path))
    deliver(workshop, None)
    assert push_evidence(workshop, "origin", trust=None, at=datetime(2026, 11, 21, tzinfo=UTC)).sent
    with open_repository(bare.path) as server:
        assert {each.bundle.envelope.digest for each in EvidenceRef(server).bundles()} == set(digests)

# SPDX-License-Identifier: Apache-2.0
"""Every step of a flush goes wrong in both ways: not persisted, and persisted but the answer was lost.

Whatever fails, nobody gets a receipt that is not true, who got none sends the statement again and it has one index, and the next
tree grows from the last one.
"""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.core.tiles import STORED_HEIGHT
from byline.errors import LedgerError, LedgerUnavailableError
from byline.keys.ed25519 import LogKey, LogVerifier, load_verifier
from byline.log.client import LedgerClient
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.log import Log
from byline_ledger.engine.sequencer import Sequencer
from faulty import AFTER, BEFORE, BEGIN, COMMIT, Crash, FaultyStore
from serving import SIGNER, Caller, envelope, serving, submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.ports import Store

KEY_OF_LOG = LogKey("log.example", bytes(32))
VERIFIER = LogVerifier(KEY_OF_LOG.note_key)
FILLED = 127  # the batch below ends a tile and begins the next one; in the ninth round the tile above ends too
BATCH = (7, 1000, 1001, 1002)  # one that is known, and new ones


@pytest.fixture
def filled(store: Store) -> tuple[Store, Receipt]:
    """A store whose log has `FILLED` entries, and the last receipt."""
    log = Log(store, KEY_OF_LOG)
    with store.write() as writer:
        log.start(writer)
    receipts = log.append([Admission().admit(envelope(number), SIGNER.public) for number in range(FILLED)])
    return store, receipts[-1]


def flush(log: Log, *numbers: int) -> list[Caller]:
    """Let a caller each wait for `numbers`, flush once, and return the callers."""
    sequencer = Sequencer(log)
    callers = [Caller() for _ in numbers]
    for number, caller in zip(numbers, callers, strict=True):
        sequencer.submit([submission(number)], caller)
    staged = sequencer.stage()
    staged.commit()
    sequencer.settle(staged)
    return callers


def check_extends(log: Log, receipt: Receipt) -> None:
    """Check that the log of now holds what `receipt` promised."""
    then, now = (open_checkpoint(note, VERIFIER) for note in (receipt.checkpoint, log.checkpoint()))
    check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=then.root)
    check_consistency(log.consistency(then.size, now.size), old=then.root, new=now.root)


class Breaks:
    """A fault `when` (before or after) it is the turn of step `number`."""

    def __init__(self, number: int, when: str, error: Exception) -> None:
        self._left = number
        self._when = when
        self._error = error
        self.steps: list[str] = []

    def __call__(self, step: str, when: str) -> None:
        if when == self._when:
            self.steps.append(step)
            self._left -= 1
            if self._left == -1:
                raise self._error


ERRORS: list[Callable[[], Exception]] = [
    lambda: LedgerUnavailableError("the disk is full"),
    lambda: LedgerError("the store is broken"),
    Crash,
]


@pytest.mark.parametrize("when", [BEFORE, AFTER], ids=["not persisted", "persisted, answer lost"])
@pytest.mark.parametrize("make_error", ERRORS, ids=["passing", "fatal", "process ends"])
def test_a_flush_that_fails_in_any_step_promises_nothing_and_loses_nothing(
    filled: tuple[Store, Receipt], make_error: Callable[[], Exception], when: str
) -> None:
    store, last = filled
    number, steps, size = 0, [""], FILLED
    while True:
        fault = Breaks(number, when, make_error())
        log = Log(FaultyStore(store, fault), KEY_OF_LOG)
        names = (7, *(1000 * number + each for each in BATCH[1:]))
        callers = flush(log, *names)
        if len(fault.steps) <= number:
            break
        steps.append(fault.steps[-1])
        assert all(isinstance(each.error, type(make_error())) and each.receipt is None for each in callers)
        kept = 3 if (steps[-1], when) == (COMMIT, AFTER) else 0
        size += kept
        # The same process goes on, or another one comes: both find one sound log, and the statement's one place in it.
        for again in (log, Log(store, KEY_OF_LOG)):
            assert open_checkpoint(again.checkpoint(), VERIFIER).size == size
            check_extends(again, last)
        (retried,) = flush(log, names[1])
        assert retried.receipt is not None
        size += 0 if kept else 1
        last = retried.receipt
        assert (last.index, last.proof.size) == (size - (kept or 1), size)
        check_extends(Log(store, KEY_OF_LOG), last)
        number += 1
        # Each round takes the same steps: its batch ends a tile again.
        room = (FILLED - size) % (1 << STORED_HEIGHT)
        flush(log, *range(1_000_000 * number, 1_000_000 * number + room))
        size += room
    assert [caller.receipt.index for caller in callers if caller.receipt] == [7, size, size + 1, size + 2]
    assert (steps[1], steps[-1], len(steps) > 6) == (BEGIN, COMMIT, True)


DYING = """
import os, sqlite3
class Dying(sqlite3.Connection):
    left = 8
    def execute(self, sql, *values):
        # The first are those of a log that is opened; entries come later.
        mine = sql.startswith(STEP)
        self.left -= mine
        if mine and not self.left and not AFTER:
            os.kill(os.getpid(), 9)
        answer = super().execute(sql, *values)
        if mine and not self.left:
            os.kill(os.getpid(), 9)
        return answer
real = sqlite3.connect
sqlite3.connect = lambda *given, **named: real(*given, **named, factory=Dying)
"""
STATEMENTS = ("BEGIN IMMEDIATE", "INSERT INTO", "COMMIT")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STATEMENTS)
def test_a_server_killed_around_a_statement_keeps_what_it_answered(tmp_path: Path, step: str, when: str) -> None:
    """SIGKILL in a real server, before a statement of its store and after it: who was answered is in, who was not asks again."""
    place = tmp_path / "ledger"
    verifier = load_verifier(init_ledger(place))
    receipts: list[Receipt] = []
    with serving(place, prelude=f"STEP, AFTER = {step!r}, {when == 'after'}{DYING}") as (process, url), LedgerClient(url) as client:
        with contextlib.suppress(LedgerUnavailableError):
            while True:
                receipts.append(client.append(envelope(len(receipts)), SIGNER.public))
        assert process.wait(60) == -signal.SIGKILL
    assert receipts
    with serving(place) as (_, url), LedgerClient(url) as client:
        again = [client.append(envelope(number), SIGNER.public) for number in range(len(receipts) + 1)]
        assert [each.index for each in again] == list(range(len(receipts) + 1))
        now = open_checkpoint(client.checkpoint(), verifier)
        for receipt in receipts:
            then = open_checkpoint(receipt.checkpoint, verifier)
            check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=then.root)
            check_consistency(client.consistency(then.size, now.size), old=then.root, new=now.root)
    report = check_ledger(place)
    assert (report.entries, report.findings) == (len(again), ())

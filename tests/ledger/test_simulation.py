# SPDX-License-Identifier: Apache-2.0
"""Several front ends over one store, played in one thread by a seed: every order of their steps, and every fault between them.

The log, the sequencer and the store are the real ones. The seed says who does the next step: a client sends a statement to a front
end, a front end stages, commits or answers a batch, dies and comes back, or its store fails, before a step or after it. A client
that hears of an error, or nothing, asks again, somewhere. In the end each statement has one place in one tree, and every receipt
that anybody got is true.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.merkle import check_inclusion, hash_leaf, read_nodes, root_of
from byline.errors import LedgerError, LedgerUnavailableError
from byline.keys.ed25519 import LogKey, LogVerifier
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.fsck import examine_moment
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.sequencer import Sequencer
from faulty import Crash, FaultyStore, Turn
from serving import SIGNER, Caller, envelope

if TYPE_CHECKING:
    from byline.core.bundle import Receipt
    from byline.core.entry import Submission
    from byline_ledger.engine.sequencer import Staged

KEY = LogKey("log.example", bytes(32))
VERIFIER = LogVerifier(KEY.note_key)
STATEMENTS = [Admission().admit(envelope(number), SIGNER.public) for number in range(40)]
# How many stories are played; SEEDS=5000 takes minutes.
SEEDS = int(os.environ.get("SEEDS", "60"))
FRONT_ENDS = 3
FAULTS = 0.04


class World:
    """One story: the shared store, its front ends, and clients that want every statement logged."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.store, self.turn = MemoryStore(), Turn()
        self.is_calm = False
        with self.store.write() as writer:
            Log(self.store, KEY).start(writer)
        self.front_ends = [FrontEnd(self) for _ in range(FRONT_ENDS)]
        # Twice in a row: the same statement comes from two clients.
        self.wanted = [(statement, Caller()) for statement in STATEMENTS for _ in range(2)]
        self.receipts: list[tuple[Submission, Receipt]] = []

    def fault(self, _step: str, _when: str) -> None:
        """Let something go wrong, now and then."""
        if not self.is_calm and self.chance.random() < FAULTS:
            raise self.chance.choice((LedgerUnavailableError("busy"), LedgerError("broken"), Crash()))

    def play(self) -> None:
        """Go on until everybody has a receipt; near the end nothing fails any more."""
        self.ask(*range(len(self.wanted)))
        for step in range(100_000):
            self.is_calm = step > 4000
            self.chance.choice(self.front_ends).do_something()
            self.ask_again()
            if not self.wanted:
                return
        raise AssertionError("somebody waits for ever")

    def ask(self, *numbers: int) -> None:
        """Send what is wanted to somebody who takes it."""
        for number in numbers:
            statement, _ = self.wanted[number]
            caller = Caller()
            self.wanted[number] = (statement, caller)
            self.chance.choice(self.front_ends).take(statement, caller)

    def ask_again(self) -> None:
        """Look who has a receipt, and let those ask again whose call ended without one."""
        got = {number for number, (_, caller) in enumerate(self.wanted) if caller.receipt is not None}
        self.receipts += ((self.wanted[n][0], receipt) for n in got if (receipt := self.wanted[n][1].receipt) is not None)
        self.wanted = [each for number, each in enumerate(self.wanted) if number not in got]
        self.ask(*(number for number, (_, caller) in enumerate(self.wanted) if caller.error is not None))


class FrontEnd:
    """A process that serves the log: what it has in memory is gone when it dies."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._begin()

    def _begin(self) -> None:
        self._sequencer = Sequencer(Log(FaultyStore(self._world.store, self._world.fault, self._world.turn), KEY))
        self._staged: Staged | None = None
        self._is_committed = False
        self._callers: list[Caller] = []

    def take(self, statement: Submission, caller: Caller) -> None:
        """Let somebody's statement wait."""
        self._callers.append(caller)
        try:
            self._sequencer.submit([statement], caller)
        except LedgerError as error:
            caller.set_exception(error)

    def do_something(self) -> None:
        """Do the next step of a flush, or die."""
        if not self._world.is_calm and self._world.chance.random() < FAULTS:
            self.die()
        elif self._staged is None:
            self._staged = self._sequencer.stage() if self._sequencer.waiting else None
        elif not self._is_committed:
            self._staged.commit()
            self._is_committed = True
        else:
            self._sequencer.settle(self._staged)
            self._staged, self._is_committed = None, False
            if self._sequencer.fatal is not None:
                self.die()  # as an operator would let it

    def die(self) -> None:
        """End like a process: an open transaction is rolled back, and who waits hears that nobody is there."""
        if self._staged is not None and not self._is_committed:
            self._staged._transaction.__exit__(Crash, Crash(), None)
        for caller in self._callers:
            if caller.receipt is None:
                caller.set_exception(LedgerUnavailableError("nobody is there"))
        self._begin()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_front_ends_make_one_log_whatever_happens_between_them(seed: int) -> None:
    world = World(seed)
    world.play()
    with world.store.read() as reader:
        report = examine_moment(reader, VERIFIER)
        leaves = list(reader.leaves(range(report.entries)).values())
    assert (report.entries, report.findings) == (len(STATEMENTS), ())
    assert sorted(leaves) == sorted(each.leaf for each in STATEMENTS)
    assert len(world.receipts) == 2 * len(STATEMENTS)
    nodes = read_nodes([hash_leaf(leaf) for leaf in leaves])
    for statement, receipt in world.receipts:
        head = open_checkpoint(receipt.checkpoint, VERIFIER)
        assert receipt.leaf == statement.leaf == leaves[receipt.index]
        assert head.root == root_of(head.size, nodes)
        check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=head.root)

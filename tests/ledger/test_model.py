# SPDX-License-Identifier: Apache-2.0
"""A log over every kind of store against a list: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from byline.core.checkpoint import open_checkpoint
from byline.core.facets import Query
from byline.core.merkle import EMPTY_ROOT, check_consistency, check_inclusion, hash_leaf, hash_node
from byline.core.tiles import Tile, parse_entries
from byline.errors import ProofError
from byline.keys.ed25519 import LogKey, LogVerifier
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.fsck import examine_moment
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.sqlite import SqliteStore
from faulty import AFTER, COMMIT, Crash, FaultyStore
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.ports import Store
    from postgres import Postgres

KEY = LogKey("log.example", bytes(32))
VERIFIER = LogVerifier(KEY.note_key)
# Each statement has a subject of its own and one of three that it shares.
STATEMENTS = [Admission().admit(envelope(number, f"{number % 3:02x}" * 32), SIGNER.public) for number in range(40)]
NUMBERS = st.integers(0, len(STATEMENTS) - 1)
STEPS = st.sampled_from(["begin", "known", "add_entries", "set_tile", "set_head", COMMIT])


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of `leaves` as RFC 6962 defines it, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return hash_leaf(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hash_node(naive_root(leaves[:split]), naive_root(leaves[split:]))


class Machine(RuleBasedStateMachine):
    """`self.order` is the naive log: the numbers of statements in the order in which they were logged."""

    def __init__(self, open_store: Callable[[], Store], *, lasts: bool) -> None:
        super().__init__()
        self._open_store = open_store
        self._lasts = lasts
        self._fault: tuple[str, str] | None = None
        self.order: list[int] = []
        self.receipts: list[Receipt] = []
        self._restart()

    @initialize()
    def begin(self) -> None:
        with self.store.write() as writer:
            self.log.start(writer)

    @rule(batch=st.lists(NUMBERS, min_size=1, max_size=12))
    def append(self, batch: list[int]) -> None:
        receipts = self.log.append([STATEMENTS[number] for number in batch])
        self._logged(batch)
        assert [receipt.index for receipt in receipts] == [self.order.index(number) for number in batch]
        assert [receipt.leaf for receipt in receipts] == [STATEMENTS[number].leaf for number in batch]
        self.receipts += receipts

    @rule(batch=st.lists(NUMBERS, min_size=1, max_size=4), step=STEPS, when=st.sampled_from(["before", AFTER]), dies=st.booleans())
    def append_that_fails(self, batch: list[int], step: str, when: str, dies: bool) -> None:  # noqa: FBT001 - drawn by name
        """A step fails; the process goes on with what it remembers, or another one comes."""
        self._fault = (step, when)
        try:
            self.log.append([STATEMENTS[number] for number in batch])
        except Crash:
            if (step, when) == (COMMIT, AFTER):
                self._logged(batch)
        else:
            self._logged(batch)  # nothing was new, so this step was none of it
        self._fault = None
        if dies:
            self.log = Log(self.store, KEY)

    @precondition(lambda self: self._lasts)
    @rule()
    def restart(self) -> None:
        self.store.close()
        self._restart()

    @rule(data=st.data())
    def prove(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(1, len(self.order) + 1))
        index = data.draw(st.integers(0, len(self.order)))
        if not index < size <= len(self.order):
            with pytest.raises(ProofError):
                self.log.inclusion(index, size)
        else:
            leaf = hash_leaf(STATEMENTS[self.order[index]].leaf)
            check_inclusion(self.log.inclusion(index, size), leaf=leaf, root=self._root(size))

    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        old, new = (data.draw(st.integers(0, len(self.order) + 1)) for _ in range(2))
        if not old <= new <= len(self.order):
            with pytest.raises(ProofError):
                self.log.consistency(old, new)
        else:
            check_consistency(self.log.consistency(old, new), old=self._root(old), new=self._root(new))

    @rule(group=st.integers(0, 3), limit=st.integers(1, 5), after=st.integers(-1, 40))
    def find(self, group: int, limit: int, after: int) -> None:
        page = self.log.find(Query(subject=bytes([group]) * 32), after=after, limit=limit)
        wanted = [index for index, number in enumerate(self.order) if number % 3 == group and index > after]
        assert [each.receipt.index for each in page.entries] == wanted[:limit]
        assert [each.envelope for each in page.entries] == [envelope(self.order[n], f"{group:02x}" * 32) for n in wanted[:limit]]
        assert page.after == (wanted[limit - 1] if len(wanted) > limit else None)

    @rule(width=st.integers(1, 40))
    def read_tile(self, width: int) -> None:
        hashes, entries = (self.log.tile(Tile(level=level, index=0, width=width)) for level in (0, None))
        if width > len(self.order):
            assert (hashes, entries) == (None, None)
        else:
            leaves = self._leaves(width)
            assert hashes == b"".join(map(hash_leaf, leaves))
            assert parse_entries(entries or b"") == tuple(leaves)

    @invariant()
    def the_head_is_that_of_the_list(self) -> None:
        head = open_checkpoint(self.log.checkpoint(), VERIFIER)
        assert (head.size, head.root) == (len(self.order), self._root(len(self.order)))

    def teardown(self) -> None:
        """Every receipt ever given is true, and fsck finds nothing."""
        for receipt in self.receipts:
            head = open_checkpoint(receipt.checkpoint, VERIFIER)
            assert head.root == self._root(head.size)
            check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=head.root)
        with self.store.read() as reader:
            report = examine_moment(reader, VERIFIER)
        assert (report.entries, report.findings) == (len(self.order), ())
        self.store.close()

    def _restart(self) -> None:
        self.store = FaultyStore(self._open_store(), self._fail)
        self.log = Log(self.store, KEY)

    def _fail(self, step: str, when: str) -> None:
        if (step, when) == self._fault:
            raise Crash

    def _logged(self, batch: list[int]) -> None:
        self.order += [number for number in dict.fromkeys(batch) if number not in self.order]

    def _leaves(self, size: int) -> list[bytes]:
        return [STATEMENTS[number].leaf for number in self.order[:size]]

    def _root(self, size: int) -> bytes:
        return naive_root(self._leaves(size))


def play(open_store: Callable[[], Callable[[], Store]], *, lasts: bool, examples: int) -> None:
    """Play `examples` stories, each over a store of its own."""
    run_state_machine_as_test(
        lambda: Machine(open_store(), lasts=lasts),
        settings=settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)),
    )


def test_a_log_in_memory_is_a_list() -> None:
    play(lambda: MemoryStore, lasts=False, examples=40)


def test_a_log_in_sqlite_is_a_list(tmp_path: Path) -> None:
    numbers = itertools.count()

    def fresh() -> Callable[[], Store]:
        path = tmp_path / f"{next(numbers)}.db"
        return lambda: SqliteStore(path, create=True)

    play(fresh, lasts=True, examples=25)


def test_a_log_in_postgresql_is_a_list(postgres: Postgres) -> None:
    from byline_ledger.engine.postgres import PostgresStore

    def fresh() -> Callable[[], Store]:
        url = postgres.empty()
        return lambda: PostgresStore(url, create=True)

    play(fresh, lasts=True, examples=5)

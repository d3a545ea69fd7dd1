# SPDX-License-Identifier: Apache-2.0
"""The contract of a store, kept by each of them, and what is left when a step of an append fails or the process dies in it."""

from __future__ import annotations

import contextlib
import copy
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.entry import Submission
from byline.core.facets import Facets, Query
from byline.core.merkle import check_inclusion, hash_leaf
from byline.errors import ConfigError, LedgerError, LedgerUnavailableError
from byline.keys.ed25519 import LogKey, LogVerifier, make_log_key
from byline.testing import FixedClock
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, KEY, ensure_log, init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.sql import SqlMoment
from byline_ledger.engine.sqlite import VERSION, SqliteStore
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.ports import Store

KEY_OF_LOG = LogKey("log.example", bytes(32))
ENTRIES = [
    Submission(
        identity=bytes([n]) * 32,
        leaf=b"leaf %d" % n,
        payload=b"payload %d" % n,
        facets=Facets(key=b"k" * 32, repository="r", commit=f"{n:040x}", predicate_type="t", subjects=(b"s" * 32, bytes([n]) * 32)),
    )
    for n in range(3)
]
BARE = Submission(identity=b"b" * 32, leaf=b"bare", payload=None, facets=Facets(key=b"b" * 32))
SHARED = Query(subject=b"s" * 32)


class Crash(Exception):  # noqa: N818 - it stands for the end of a process
    """The process ends here."""


def submissions(*numbers: int) -> list[Submission]:
    return [Admission().admit(envelope(number), SIGNER.public) for number in numbers]


def started(store: Store) -> Log:
    log = Log(store, KEY_OF_LOG)
    with store.write() as writer:
        log.start(writer)
    return log


def check_receipt(receipt: Receipt) -> None:
    checkpoint = open_checkpoint(receipt.checkpoint, LogVerifier(KEY_OF_LOG.note_key))
    assert receipt.proof.size == checkpoint.size
    check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=checkpoint.root)


def test_an_empty_store_holds_nothing(store: Store) -> None:
    with store.read() as reader:
        assert (reader.head(), reader.tile(0, 0), reader.state("name")) == (None, b"", None)
        assert reader.known([bytes(32)]) == reader.leaves([0]) == reader.payloads([0]) == reader.facets([0]) == reader.times(range(9)) == {}
        assert reader.find(Query(), limit=9) == reader.find(SHARED, limit=9) == ()


def test_what_was_written_is_read(store: Store) -> None:
    with store.write() as writer:
        writer.add_entries(0, ENTRIES[:2], 1000)
        writer.set_tile(0, 0, b"short")
        writer.set_head("first")
    with store.write() as writer:
        writer.add_entries(2, [*ENTRIES[2:], BARE], 2000)
        writer.set_tile(0, 0, b"shorter no more")
        writer.set_head("second")
    with store.read() as reader:
        assert reader.leaves(range(9)) == {0: b"leaf 0", 1: b"leaf 1", 2: b"leaf 2", 3: b"bare"}
        assert reader.leaves([2, 0, 7]) == {0: b"leaf 0", 2: b"leaf 2"}
        assert reader.payloads(range(1, 9)) == {1: b"payload 1", 2: b"payload 2"}
        assert reader.facets(range(9)) == {n: each.facets for n, each in enumerate([*ENTRIES, BARE])}
        assert reader.times([0, 1, 2, 3]) == {0: 1000, 1: 1000, 2: 2000, 3: 2000}
        assert reader.known([bytes([n]) * 32 for n in range(5)]) == {bytes([n]) * 32: n for n in range(3)}
        assert (reader.tile(0, 0), reader.head()) == (b"shorter no more", "second")


def test_a_writer_reads_what_it_wrote(store: Store) -> None:
    with store.write() as writer:
        writer.add_entries(0, ENTRIES, 0)
        writer.set_tile(1, 2, b"tile")
        assert (writer.leaves([1]), writer.tile(1, 2), writer.known([bytes([2]) * 32])) == ({1: b"leaf 1"}, b"tile", {bytes([2]) * 32: 2})


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    with store.write() as writer:
        writer.set_head("before")

    def write_and_crash() -> None:
        with store.write() as writer:
            writer.add_entries(0, ENTRIES, 0)
            writer.set_head("after")
            raise Crash

    with pytest.raises(Crash):
        write_and_crash()
    with store.read() as reader:
        assert (reader.head(), reader.leaves([0]), reader.find(SHARED, limit=9)) == ("before", {}, ())


def test_a_statement_with_very_many_subjects_is_found_by_each(store: Store) -> None:
    many = tuple(n.to_bytes(32, "big") for n in range(2500))
    with store.write() as writer:
        facets = Facets(key=bytes(32), subjects=many)
        writer.add_entries(0, [Submission(identity=bytes(32), leaf=b"l", payload=b"p", facets=facets)], 0)
    with store.read() as reader:
        assert [reader.find(Query(subject=each), limit=9) for each in (many[0], many[-1])] == [(0,), (0,)]
        assert reader.facets([0]) == {0: facets}


def test_entries_are_found_by_all_that_a_query_names(store: Store) -> None:
    with store.write() as writer:
        writer.add_entries(0, ENTRIES[:2], 1000)
        writer.add_entries(2, [*ENTRIES[2:], BARE], 2000)
    found = {
        Query(): (0, 1, 2, 3),
        SHARED: (0, 1, 2),
        Query(subject=bytes([1]) * 32): (1,),
        Query(subject=b"x" * 32): (),
        Query(commit=f"{2:040x}"): (2,),
        Query(key=b"k" * 32): (0, 1, 2),
        Query(key=b"b" * 32): (3,),
        Query(repository="r"): (0, 1, 2),
        Query(repository="r", key=b"b" * 32): (),
        Query(subject=b"s" * 32, commit=f"{1:040x}", key=b"k" * 32, repository="r"): (1,),
        Query(since=1001): (2, 3),
        Query(since=2001): (),
        Query(until=2000): (0, 1),
        Query(until=1000): (),
        Query(since=1000, until=3000): (0, 1, 2, 3),
        Query(repository="r", since=1500): (2,),
        Query(repository="r", until=1500): (0, 1),
    }
    with store.read() as reader:
        assert {query: reader.find(query, limit=9) for query in found} == found
        for query, indices in found.items():
            assert [reader.find(query, after=n - 1, limit=1)[:1] for n in indices] == [(n,) for n in indices]
            assert reader.find(query, after=max(indices, default=9), limit=1) == ()


def test_an_erased_payload_is_gone_and_all_else_stays(store: Store) -> None:
    with store.write() as writer:
        writer.add_entries(0, ENTRIES, 1000)
    with store.write() as writer:
        writer.erase(1)
        assert writer.payloads(range(3)).keys() == {0, 2}
    assert store.purge()
    with store.read() as reader:
        assert reader.payloads(range(3)).keys() == {0, 2}
        assert (reader.leaves([1]), reader.facets([1]), reader.times([1])) == ({1: b"leaf 1"}, {1: ENTRIES[1].facets}, {1: 1000})
        assert (reader.known([ENTRIES[1].identity]), reader.find(SHARED, limit=9)) == ({ENTRIES[1].identity: 1}, (0, 1, 2))


def test_an_erased_payload_is_not_left_in_the_file(tmp_path: Path) -> None:
    secret = b"nobody may read this " * 300
    store = SqliteStore(tmp_path / DATABASE, create=True)
    with store.write() as writer:
        writer.add_entries(0, [replace(ENTRIES[0], payload=secret)], 0)
    with store.write() as writer:
        writer.erase(0)
    store.close()
    assert secret[:21] not in (tmp_path / DATABASE).read_bytes()


def test_states_are_kept_by_name_and_forgotten(store: Store) -> None:
    with store.write() as writer:
        writer.set_state("a", b"1")
        writer.set_state("b", b"")
        assert (writer.state("a"), writer.state("b"), writer.state("c")) == (b"1", b"", None)
    with store.write() as writer:
        writer.set_state("a", b"2")
        writer.set_state("b", None)
        writer.set_state("c", None)
    with store.read() as reader:
        assert (reader.state("a"), reader.state("b"), reader.state("c")) == (b"2", None, None)


@pytest.mark.parametrize("again", [{"identity": ENTRIES[0].identity}, {"identity": bytes(32), "index": 0}], ids=["identity", "index"])
def test_a_store_refuses_a_second_entry_of_one_identity_or_index(store: Store, again: dict[str, Any]) -> None:
    with store.write() as writer:
        writer.add_entries(0, ENTRIES[:1], 0)

    def add_again() -> None:
        with store.write() as writer:
            writer.add_entries(again.get("index", 1), [replace(ENTRIES[1], identity=again["identity"])], 0)

    with pytest.raises((LedgerError, ValueError)):
        add_again()
    with store.read() as reader:
        assert reader.leaves(range(9)) == {0: b"leaf 0"}


def test_a_clock_that_goes_back_does_not_take_the_log_with_it(store: Store) -> None:
    clock = FixedClock()
    log = Log(store, KEY_OF_LOG, clock)
    with store.write() as writer:
        log.start(writer)
    for number, seconds in enumerate((0, 5, -3600, 3599)):
        clock.advance(seconds * 1_000_000_000)
        log.append(submissions(number))
    start = FixedClock().at // 1_000_000
    with store.read() as reader:
        assert reader.times(range(9)) == {0: start, 1: start + 5000, 2: start + 5000, 3: start + 5000}


def test_a_log_answers_with_receipts_that_verify(store: Store) -> None:
    log = started(store)
    for size in (1, 2, 300, 7):
        batch = submissions(*range(size))
        receipts = log.append(batch)
        assert [receipt.leaf for receipt in receipts] == [each.leaf for each in batch]
        for receipt in receipts:
            check_receipt(receipt)


def test_a_statement_has_one_index_however_often_it_comes(store: Store) -> None:
    log = started(store)
    first, second, again = log.append(submissions(1, 2, 1))
    assert (first.index, second.index, again) == (0, 1, first)
    log.append(submissions(3))
    (later,) = log.append(submissions(2))
    assert (later.index, later.proof.size) == (1, 3)
    check_receipt(later)


def test_a_log_is_not_continued_on_a_store_that_was_set_back() -> None:
    """A standby that had not heard of everything takes over, or an old copy is put back, while the log goes on: that would be a fork."""
    store = MemoryStore()
    log = started(store)
    log.append(submissions(1, 2))
    with store.read() as reader:
        before = copy.deepcopy(reader)
    log.append(submissions(3))
    store._state = before
    with pytest.raises(LedgerError, match="set back: it told of 3 entries and holds 2"):
        log.append(submissions(4))
    # Another process, which knew no better, went on meanwhile.
    Log(store, KEY_OF_LOG).append(submissions(5, 6))
    with pytest.raises(LedgerError, match="not one of this tree"):
        log.append(submissions(4))
    with store.read() as reader:
        assert reader.leaves([4]) == {}


STEPS = ("head", "known", "times", "add_entries", "tile", "set_tile", "set_head")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_in_any_step_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    """Each step of an append fails, once before it did its work and once after; the next append finds a sound log."""
    store = SqliteStore(tmp_path / DATABASE, create=True)
    log = started(store)
    log.append(submissions(*range(300)))
    before = log.checkpoint()
    log = Log(store, KEY_OF_LOG)  # one that remembers nothing does every step
    real = getattr(SqlMoment, step)

    def fail(self: SqlMoment, *args: object) -> object:
        if after:
            real(self, *args)
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(SqlMoment, step, fail)
        with pytest.raises(Crash):
            log.append(submissions(1000, 1001))
    assert log.checkpoint() == before
    # Another entry gets the index that the failed one had: nothing of it may be left, not even in memory.
    (receipt,) = log.append(submissions(2000))
    assert receipt.index == 300
    check_receipt(receipt)
    store.close()


DYING = """
import os, pathlib, sys
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.sql import SqlMoment
from byline_ledger.engine.sqlite import VERSION, SqliteStore
from serving import SIGNER, envelope
with open_embedded(pathlib.Path(sys.argv[1])) as before:
    before.append(envelope(1), SIGNER.public)
ledger = open_embedded(pathlib.Path(sys.argv[1]))
def die(*_): os.kill(os.getpid(), 9)
if sys.argv[2] == "commit":
    ledger._store._connection.set_trace_callback(lambda sql: die() if sql == "COMMIT" else None)
elif sys.argv[2] != "none":
    setattr(SqlMoment, sys.argv[2], die)
ledger.append(envelope(2), SIGNER.public)
die()
"""


@pytest.mark.parametrize(("step", "size"), [*((step, 1) for step in (*STEPS, "commit")), ("none", 2)])
def test_a_process_killed_in_any_step_loses_nothing_that_was_answered(tmp_path: Path, step: str, size: int) -> None:
    """SIGKILL before the commit: the log is as it was. After it: the entry is there, and sending it again finds it."""
    place = tmp_path / "ledger"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", DYING, place, step], env=environment, check=False, timeout=60)
    assert done.returncode == -9
    report = check_ledger(place)
    assert (report.entries, report.findings) == (size, ())
    with open_embedded(place) as ledger:
        assert ledger.append(envelope(1), SIGNER.public).index == 0
        assert ledger.append(envelope(2), SIGNER.public).index == 1
        assert ledger.append(envelope(3), SIGNER.public).index == 2
    assert check_ledger(place).findings == ()


WRITING = """
import pathlib, sys
from byline_ledger.embedded import open_embedded
from serving import SIGNER, envelope
with open_embedded(pathlib.Path(sys.argv[1])) as ledger:
    for number in range(40):
        print(ledger.append(envelope(number), SIGNER.public).index, flush=True)
"""


def test_processes_that_write_at_once_make_one_log(tmp_path: Path) -> None:
    """Four processes begin one embedded log and log the same forty statements: each has one index, the same for all."""
    place = tmp_path / "ledger"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITING, place], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    outputs = {writer.communicate(timeout=120)[0] for writer in writers}
    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(outputs) == 1
    report = check_ledger(place)
    assert (report.entries, report.findings) == (40, ())


def test_a_writer_waits_for_another_and_gives_up_in_the_end(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "store.db", create=True)
    second = SqliteStore(tmp_path / "store.db", busy_seconds=0.01)
    with first.write(), pytest.raises(LedgerUnavailableError), second.write():
        pass
    with second.write() as writer:
        writer.set_head("now")
    for store in (first, second):
        store.close()


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "store.db", create=True)
    second = SqliteStore(tmp_path / "store.db")
    with second.read() as reader:
        assert reader.head() is None
        with first.write() as writer:
            writer.set_head("new")
        assert reader.head() is None
    with second.read() as reader:
        assert reader.head() == "new"
    for store in (first, second):
        store.close()


def test_a_log_begins_once(tmp_path: Path) -> None:
    vkey = init_ledger(tmp_path / "l", origin="log.example")
    assert vkey.startswith("log.example+")
    with pytest.raises(ConfigError):
        init_ledger(tmp_path / "l")
    opened = load_log(tmp_path / "l")
    assert opened.log.vkey == vkey
    opened.store.close()


def test_a_log_whose_database_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    """A second history under one key would be a fork."""
    init_ledger(tmp_path)
    (tmp_path / DATABASE).unlink()
    with pytest.raises(LedgerError):
        ensure_log(tmp_path)
    with pytest.raises(LedgerError, match="gone"):
        init_ledger(tmp_path)


def test_a_log_whose_key_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    init_ledger(tmp_path)
    (tmp_path / KEY).unlink()
    with pytest.raises(ConfigError, match="gone"):
        ensure_log(tmp_path)


@pytest.mark.parametrize("keyed", [False, True], ids=["without key", "with key"])
def test_a_log_that_was_half_begun_begins(tmp_path: Path, *, keyed: bool) -> None:
    """The process that began it ended before its first checkpoint was stored: nothing was signed, nothing can fork."""
    SqliteStore(tmp_path / DATABASE, create=True).close()
    if keyed:
        make_log_key(tmp_path / KEY, "half.example")
        with pytest.raises(LedgerError, match="not begun"):
            load_log(tmp_path)
        assert init_ledger(tmp_path).startswith("half.example+")
    with open_embedded(tmp_path) as ledger:
        assert ledger.append(envelope(1), SIGNER.public).index == 0


def test_a_key_of_another_log_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        init_ledger(tmp_path / name, origin=f"{name}.example")
    (tmp_path / "a" / KEY).write_bytes((tmp_path / "b" / KEY).read_bytes())
    with pytest.raises(LedgerError):
        load_log(tmp_path / "a")


def test_no_ledger_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no ledger"):
        load_log(tmp_path)


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(LedgerError):
        SqliteStore(path)
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerError):
        SqliteStore(path)


@pytest.mark.parametrize(("version", "who"), [(VERSION + 1, "newer"), (VERSION - 1, "older")])
def test_the_database_of_another_version_is_refused_and_said_whose(tmp_path: Path, version: int, who: str) -> None:
    init_ledger(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(LedgerError, match=f"version {version}") as caught:
        load_log(tmp_path)
    assert caught.value.hint is not None
    assert who in caught.value.hint


@pytest.mark.parametrize("name", ["two words", "a+b", "", "line\nbreak"])
def test_a_name_that_no_log_can_have_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no log can be named"):
        init_ledger(tmp_path / "ledger", origin=name)
    assert not (tmp_path / "ledger").exists()

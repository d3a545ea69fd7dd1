# SPDX-License-Identifier: Apache-2.0
"""The contract of a store, kept by each of them, and what is left when a step of an append fails or the process dies in it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.entry import Submission
from byline.core.merkle import check_inclusion, hash_leaf
from byline.errors import ConfigError, LedgerError, LedgerUnavailableError
from byline.keys.ed25519 import LogKey, LogVerifier, make_log_key
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, KEY, ensure_log, init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.sqlite import VERSION, SqliteMoment, SqliteStore
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.ports import Store

KEY_OF_LOG = LogKey("log.example", bytes(32))
ENTRIES = [
    Submission(identity=bytes([n]) * 32, leaf=b"leaf %d" % n, payload=b"payload %d" % n, subjects=(b"s" * 32, bytes([n]) * 32))
    for n in range(3)
]


class Crash(Exception):  # noqa: N818 - it stands for the end of a process
    """The process ends here."""


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "store.db", create=True)
    yield made
    made.close()


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
        assert (reader.head(), reader.tile(0, 0), reader.leaf(0), reader.payload(0)) == (None, b"", None, None)
        assert (reader.known([bytes(32)]), reader.indices(bytes(32))) == ({}, ())


def test_what_was_written_is_read(store: Store) -> None:
    with store.write() as writer:
        writer.add_entries(0, ENTRIES[:2])
        writer.set_tile(0, 0, b"short")
        writer.set_head("first")
    with store.write() as writer:
        writer.add_entries(2, ENTRIES[2:])
        writer.set_tile(0, 0, b"shorter no more")
        writer.set_head("second")
    with store.read() as reader:
        assert [reader.leaf(n) for n in range(4)] == [b"leaf 0", b"leaf 1", b"leaf 2", None]
        assert [reader.payload(n) for n in range(4)] == [b"payload 0", b"payload 1", b"payload 2", None]
        assert reader.known([bytes([n]) * 32 for n in range(5)]) == {bytes([n]) * 32: n for n in range(3)}
        assert (reader.indices(b"s" * 32), reader.indices(bytes([1]) * 32)) == ((0, 1, 2), (1,))
        assert (reader.tile(0, 0), reader.head()) == (b"shorter no more", "second")


def test_a_writer_reads_what_it_wrote(store: Store) -> None:
    with store.write() as writer:
        writer.add_entries(0, ENTRIES)
        writer.set_tile(1, 2, b"tile")
        assert (writer.leaf(1), writer.tile(1, 2), writer.known([bytes([2]) * 32])) == (b"leaf 1", b"tile", {bytes([2]) * 32: 2})


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    with store.write() as writer:
        writer.set_head("before")

    def write_and_crash() -> None:
        with store.write() as writer:
            writer.add_entries(0, ENTRIES)
            writer.set_head("after")
            raise Crash

    with pytest.raises(Crash):
        write_and_crash()
    with store.read() as reader:
        assert (reader.head(), reader.leaf(0), reader.indices(b"s" * 32)) == ("before", None, ())


def test_a_statement_with_very_many_subjects_is_found_by_each(store: Store) -> None:
    many = tuple(n.to_bytes(32, "big") for n in range(2500))
    with store.write() as writer:
        writer.add_entries(0, [Submission(identity=bytes(32), leaf=b"l", payload=b"p", subjects=many)])
    with store.read() as reader:
        assert (reader.indices(many[0]), reader.indices(many[-1])) == ((0,), (0,))


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


STEPS = ("head", "known", "add_entries", "tile", "set_tile", "set_head")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_in_any_step_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    """Each step of an append fails, once before it did its work and once after; the next append finds a sound log."""
    store = SqliteStore(tmp_path / DATABASE, create=True)
    log = started(store)
    log.append(submissions(*range(300)))
    before = log.checkpoint()
    real = getattr(SqliteMoment, step)

    def fail(self: SqliteMoment, *args: object) -> object:
        if after:
            real(self, *args)
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(SqliteMoment, step, fail)
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
from byline_ledger.engine.sqlite import VERSION, SqliteMoment, SqliteStore
from serving import SIGNER, envelope
ledger = open_embedded(pathlib.Path(sys.argv[1]))
ledger.append(envelope(1), SIGNER.public)
def die(*_): os.kill(os.getpid(), 9)
if sys.argv[2] == "commit":
    ledger._store._connection.set_trace_callback(lambda sql: die() if sql == "COMMIT" else None)
elif sys.argv[2] != "none":
    setattr(SqliteMoment, sys.argv[2], die)
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

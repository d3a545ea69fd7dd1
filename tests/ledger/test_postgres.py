# SPDX-License-Identifier: Apache-2.0
"""A store in PostgreSQL itself: who waits for whom, what an operator may do to it, and what several processes make of it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from byline.errors import ConfigError, ContentionError, LedgerError, LedgerUnavailableError
from byline.keys.ed25519 import LogKey, LogVerifier
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.fsck import examine_moment
from byline_ledger.engine.log import MAX_ATTEMPTS, Log
from byline_ledger.engine.postgres import STALL_SECONDS, PostgresStore
from postgres import end_connections
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from byline.core.entry import Submission
    from byline_ledger.engine.fsck import FsckReport
    from byline_ledger.engine.sql import SqlMoment
    from postgres import Postgres

KEY = LogKey("log.example", bytes(32))


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.empty()


@pytest.fixture
def stores(url: str) -> Iterator[Callable[..., PostgresStore]]:
    """Open one more store on the same database, as another process does."""
    opened: list[PostgresStore] = []

    def another(**options: float) -> PostgresStore:
        opened.append(PostgresStore(url, create=True, **options))  # type: ignore[arg-type]  # seconds
        return opened[-1]

    yield another
    for each in opened:
        each.close()


def begun(store: PostgresStore) -> Log:
    log = Log(store, KEY)
    with store.write() as writer:
        log.start(writer)
    return log


def submissions(*numbers: int) -> list[Submission]:
    return [Admission().admit(envelope(number, "ab" * 32), SIGNER.public) for number in numbers]


def checked(store: PostgresStore) -> FsckReport:
    with store.read() as reader:
        return examine_moment(reader, LogVerifier(KEY.note_key))


def test_a_writer_waits_for_another_and_gives_up_in_the_end(stores: Callable[..., PostgresStore]) -> None:
    first, second = stores(), stores(busy_seconds=0.01)
    with first.write(), pytest.raises(LedgerUnavailableError), second.write():
        pass
    with second.write() as writer:
        writer.set_head("now")


def test_a_reader_sees_one_moment_and_holds_nobody_up(stores: Callable[..., PostgresStore]) -> None:
    first, second = stores(), stores()
    with second.read() as reader:
        assert reader.head() is None
        with first.write() as writer:
            writer.set_head("new")
        assert reader.head() is None
    with second.read() as reader:
        assert reader.head() == "new"


def test_a_connection_that_ends_takes_its_transaction_along_and_the_next_one_begins_anew(
    url: str, stores: Callable[..., PostgresStore]
) -> None:
    store = stores()
    log = begun(store)
    log.append(submissions(1))

    def write_without_connection() -> None:
        with log.appending(submissions(2)):
            end_connections(url)

    with pytest.raises(LedgerUnavailableError):
        write_without_connection()
    assert "\n1\n" in log.checkpoint()
    end_connections(url)
    assert log.append(submissions(3))[0].index == 1
    assert checked(store).findings == ()


def test_the_turn_of_a_process_that_ended_is_the_next_ones_at_once(url: str, stores: Callable[..., PostgresStore]) -> None:
    gone, next_one = stores(), stores()
    held = gone.write()
    held.__enter__()
    end_connections(url)
    with pytest.raises(LedgerUnavailableError):
        held.__exit__(None, None, None)
    with next_one.write() as writer:
        writer.set_head("next")


def refuse_heads(url: str, code: str, times: int) -> None:
    """Let the database itself refuse the next heads; a sequence counts also what is rolled back."""
    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute("CREATE SEQUENCE refused")
        operator.execute(
            f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('refused') <= {times}"
            f" THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$".encode()
        )
        operator.execute("CREATE TRIGGER refusing BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION refuse()")


@pytest.mark.parametrize("code", ["40001", "40P01"], ids=["serialization failure", "deadlock"])
def test_a_batch_that_was_in_the_way_of_another_is_tried_again(url: str, stores: Callable[..., PostgresStore], code: str) -> None:
    store = stores()
    log = begun(store)
    refuse_heads(url, code, MAX_ATTEMPTS - 1)
    assert [each.index for each in log.append(submissions(1, 2))] == [0, 1]
    assert (checked(store).entries, checked(store).findings) == (2, ())


def test_a_batch_that_is_in_the_way_for_ever_is_given_back(url: str, stores: Callable[..., PostgresStore]) -> None:
    log = begun(stores())
    refuse_heads(url, "40001", 1000)
    with pytest.raises(ContentionError):
        log.append(submissions(1))
    assert "\n0\n" in log.checkpoint()


@pytest.mark.parametrize(("code", "error"), [("53100", LedgerUnavailableError), ("25006", LedgerUnavailableError), ("XX001", LedgerError)])
def test_a_full_disk_and_a_standby_pass_and_damage_does_not(
    url: str, stores: Callable[..., PostgresStore], code: str, error: type[LedgerError]
) -> None:
    log = begun(stores())
    refuse_heads(url, code, 1)
    with pytest.raises(LedgerError) as caught:
        log.append(submissions(1))
    assert type(caught.value) is error


def test_a_head_replaces_no_other_than_the_one_it_was_made_from(url: str, stores: Callable[..., PostgresStore]) -> None:
    """Were two writers there at once, because a database did not lock, the second would be told."""
    begun(stores())

    def write(writer: SqlMoment) -> None:
        writer.head()
        with psycopg.connect(url) as intruder:
            intruder.execute("UPDATE head SET note = 'another'")
        writer.set_head("mine")

    store = stores()
    with pytest.raises(ContentionError), store.write() as writer:
        write(writer)
    with store.read() as reader:
        assert reader.head() == "another"


def test_a_commit_waits_for_the_disk_and_nobody_for_a_writer_that_stands_still(url: str) -> None:
    store = PostgresStore(f"{url}%20-csynchronous_commit%3Doff", create=True)
    with store.write() as writer:
        assert writer._value("SHOW synchronous_commit") == "on"
        assert writer._value("SHOW idle_in_transaction_session_timeout") == f"{STALL_SECONDS}s"
    store.close()


def test_a_database_that_does_not_wait_for_the_disk_is_refused(postgres: Postgres, url: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as operator:
        try:
            operator.execute("ALTER SYSTEM SET fsync = off")
            postgres.reload("fsync", "off")
            with pytest.raises(ConfigError, match="fsync is off"):
                PostgresStore(url, create=True)
        finally:
            operator.execute("ALTER SYSTEM RESET fsync")
            postgres.reload("fsync", "on")


def test_the_database_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(LedgerError, match="not the database of a ledger"):
        PostgresStore(url)
    with psycopg.connect(url) as other:
        other.execute("CREATE TABLE entry (a int)")
    with pytest.raises(LedgerError, match="not the database of a ledger"):
        PostgresStore(url, create=True)


@pytest.mark.parametrize(("change", "who"), [("+ 1", "newer"), ("- 1", "older")])
def test_the_database_of_another_version_is_refused_and_said_whose(url: str, change: str, who: str) -> None:
    PostgresStore(url, create=True).close()
    with psycopg.connect(url) as operator:
        operator.execute(f"UPDATE turn SET version = version {change}".encode())  # noqa: S608 - written here
    with pytest.raises(LedgerError, match="version") as caught:
        PostgresStore(url)
    assert who in (caught.value.hint or "")


@pytest.mark.parametrize("url", ["secret", "postgresql://me:secret@[host/name", "postgresql://me:secret@host/name?unknown=1"])
def test_what_is_no_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PostgresStore(url)
    assert "secret" not in str(caught.value)


def test_a_database_that_is_not_there_may_come() -> None:
    with pytest.raises(LedgerUnavailableError):
        PostgresStore("postgresql://nobody@127.0.0.1:1/nothing")


WRITING = """
import sys
from byline.keys.ed25519 import LogKey
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.log import Log
from byline_ledger.engine.postgres import STALL_SECONDS, PostgresStore
from postgres import end_connections
from serving import SIGNER, envelope
store = PostgresStore(sys.argv[1], create=True)
log = Log(store, LogKey("log.example", bytes(32)))
with store.write() as writer:
    if writer.head() is None:
        log.start(writer)
for number in range(40):
    (receipt,) = log.append([Admission().admit(envelope(number), SIGNER.public)])
    print(receipt.index, flush=True)
"""


def test_processes_that_write_at_once_make_one_log(url: str) -> None:
    """Four processes make the tables, begin one log and log the same forty statements: each has one index, the same for all."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [subprocess.Popen([sys.executable, "-c", WRITING, url], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = {writer.communicate(timeout=120)[0] for writer in writers}
    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(outputs) == 1
    store = PostgresStore(url)
    assert (checked(store).entries, checked(store).findings) == (40, ())
    store.close()


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE entry SET leaf = leaf || 'x' WHERE idx = 1", "entry 1"),
        ("UPDATE payload SET piece = piece || ' ' WHERE number >> 16 = 1", "entry 1"),
        ("DELETE FROM entry WHERE idx = 2", "entry 2"),
        ("INSERT INTO payload VALUES (9 << 16, 'x')", "table payload"),
        ("UPDATE source SET repository = 'another'", "entry 0"),
        ("DELETE FROM term WHERE idx = 1", "entry 1"),
        ("UPDATE tile SET hashes = substr(hashes, 1, 64)", "stored tile 0/0, byte 64 (hash 2)"),
        ("UPDATE head SET note = replace(note, '3', '4')", "head"),
        ("DELETE FROM head", "head"),
        ("ALTER TABLE tile RENAME TO tiles", "database"),
    ],
)
def test_a_change_is_found_where_it_is(url: str, stores: Callable[..., PostgresStore], statement: str, where: str) -> None:
    store = stores()
    begun(store).append(submissions(0, 1, 2))
    assert checked(store).findings == ()
    with psycopg.connect(url) as intruder:
        intruder.execute(statement.encode())
    assert checked(store).findings[0].where == where

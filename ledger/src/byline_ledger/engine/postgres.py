# SPDX-License-Identifier: Apache-2.0
"""A `core.ports.Store` in a PostgreSQL database, for several front ends on several machines.

How each part of the contract is kept:

1. exclusive: a writer locks the one row of the table `turn` until its transaction ends, and what it reads then is what the writer
   before it committed. The database ends the transaction of a process that is gone at once, and that of one that stands still after
   some seconds. Whoever writes a head says which one it replaces (`engine.sql`), so that two could not if a database failed to lock;
2. all or nothing, durable: one transaction, with `synchronous_commit` on whatever the database's default is (with synchronous
   standbys it waits for them); a database with `fsync` off is refused;
3. one moment: a reader's transaction is `REPEATABLE READ`;
4. unknown outcome: an error in COMMIT is reported, and the next transaction reads what is there, on a new connection if need be.

It is plain SQL without locks of a session and without anything that only PostgreSQL has, so that what speaks its protocol may do,
also where a transaction can be told to begin again: that is a `ContentionError`, nothing was written, and the same batch is tried
once more. The tables are those of `engine.sql`, made by whoever comes first. A payload is one piece: PostgreSQL cuts and compresses
what is large.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from byline.errors import ConfigError, ContentionError, LedgerError, LedgerUnavailableError
from byline_ledger.engine.sql import SqlMoment, format_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline_ledger.engine.sql import Execute, Sql

VERSION = 3
BUSY_SECONDS = 5.0
# A writer that says nothing for as long has lost its turn. Between two statements there is work for milliseconds.
STALL_SECONDS = 5
# What the URL may say otherwise. Where the other side is gone without a word, the system asks after ten seconds and gives up after ten
# more; of several hosts the one that takes writes is meant.
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 10,
    "fallback_application_name": "byline",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
    "target_session_attrs": "read-write",
}
# Statements stand in the code and name their values, so little is gained by preparing them, and a pooler may stand between.
_SESSION: dict[str, Any] = {"autocommit": True, "prepare_threshold": None, "client_encoding": "utf8"}
_SCHEMA = (
    *format_schema(number="BIGINT", blob="BYTEA", text="TEXT", rows="", keyed_rows=""),
    "CREATE TABLE turn (one BIGINT PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL)",
)
_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = {wait};"
    " SET LOCAL idle_in_transaction_session_timeout = {stall}; SELECT one FROM turn FOR UPDATE"
)
_UNFINISHED = frozenset({TransactionStatus.INTRANS, TransactionStatus.INERROR})
# By the first letters of a code of SQLSTATE (PostgreSQL's appendix A).
_CONTENTION = ("40001", "40P01")
# The connection, resources, an operator's hand, a lock that others hold, a standby that takes no writes.
_PASSING = ("08", "53", "57", "55P03", "25006", "25P03")


class PostgresStore:
    """The store in the database `url` names (libpq's form). Thread-safe: each transaction has a connection, kept for the next one."""

    def __init__(self, url: str, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        try:
            self._session = _DEFAULTS | conninfo_to_dict(url) | _SESSION
        except psycopg.ProgrammingError as error:
            # What is wrong would be said with the password in it.
            raise ConfigError("this does not name a PostgreSQL database", hint="postgresql://USER@HOST/DATABASE") from error
        self._idle: list[psycopg.Connection] = []
        self._begin_writing = _WRITE.format(wait=max(1, int(busy_seconds * 1000)), stall=STALL_SECONDS * 1000).encode()
        with _translated(), self._connect() as connection:
            _prepare(connection, create=create)

    @contextlib.contextmanager
    def read(self) -> Iterator[SqlMoment]:
        """Open one committed moment.

        Raises:
            LedgerUnavailableError: The database does not answer.
            LedgerError: It is not that of a ledger.
        """
        with _translated(), self._transaction(_READ) as connection:
            yield SqlMoment(_executing(connection))

    @contextlib.contextmanager
    def write(self) -> Iterator[SqlMoment]:
        """Open the transaction.

        Raises:
            LedgerUnavailableError: Others wrote for too long, or the database does not answer or take anything.
            ContentionError: Another writer was in the way; nothing was written.
            LedgerError: It is not that of a ledger.
        """
        with _translated(), self._transaction(self._begin_writing) as connection:
            yield SqlMoment(_executing(connection))
            if connection.execute("COMMIT").statusmessage != "COMMIT":
                raise LedgerError("a transaction that had failed was to be committed")

    def purge(self) -> bool:
        """Let the database use the room of what was erased again. What its replicas, archives and backups keep is its operator's.

        Raises:
            LedgerUnavailableError: The database does not answer.
        """
        with _translated(), self._connect() as connection:
            connection.execute("VACUUM payload")
        return True

    def close(self) -> None:
        """Let go of the connections."""
        while self._idle:
            self._idle.pop().close()

    @contextlib.contextmanager
    def _transaction(self, begin: bytes) -> Iterator[psycopg.Connection]:
        """Give a connection on which a transaction has begun; what was not committed in the end is rolled back."""
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            try:
                connection.execute(begin)
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
                # It was ended while nobody looked, and so were the others: a server that went away, or its operator.
                self.close()
                connection = self._connect()
                connection.execute(begin)
            yield connection
        finally:
            _roll_back(connection)
            # The database rolls back itself where the connection is gone, or nobody knows what goes on there.
            if connection.info.transaction_status is TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                connection.close()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(**self._session)


def _roll_back(connection: psycopg.Connection) -> None:
    with contextlib.suppress(psycopg.Error):
        if connection.info.transaction_status in _UNFINISHED:
            connection.execute("ROLLBACK")


def _prepare(connection: psycopg.Connection, *, create: bool) -> None:
    """Check that this is the database of a ledger, of this version, that keeps what it is given; make it one where that may be."""
    row = connection.execute("SELECT setting FROM pg_settings WHERE name = 'fsync'").fetchone()
    if row is not None and row[0] != "on":
        raise ConfigError("this database forgets what it was given when the power fails: fsync is off", hint="set fsync = on")
    version = _version(connection)
    if version is None and create:
        # Who comes second finds the tables in its way, once the first has committed.
        with contextlib.suppress(errors.DuplicateTable, errors.UniqueViolation), connection.transaction():
            for statement in _SCHEMA:
                connection.execute(statement.encode())
            connection.execute("INSERT INTO turn (one, version) VALUES (1, %s)", (VERSION,))
        version = _version(connection)
    if version is None:
        raise LedgerError("this is not the database of a ledger", hint="run `byline ledger init`")
    if version != VERSION:
        hint = "a newer Byline wrote it: use that one" if version > VERSION else "an older Byline wrote it, and this one cannot"
        raise LedgerError(f"the database has version {version}, this Byline reads version {VERSION}", hint=hint)


def _executing(connection: psycopg.Connection) -> Execute:
    def execute(query: str, values: Sequence[Sql] = ()) -> Iterable[Any]:
        with _translated():
            cursor = connection.execute(_marked(query), values, binary=True)
        return cursor if cursor.description else ()

    return execute


@lru_cache(maxsize=256)
def _marked(query: str) -> bytes:
    """Return `query` with the marks that this driver knows; ours hold no per cent sign and no question mark but those."""
    return query.replace("?", "%s").encode()


def _version(connection: psycopg.Connection) -> int | None:
    try:
        row = connection.execute("SELECT version FROM turn").fetchone()
    except errors.UndefinedTable:
        return None
    return cast("int", row[0]) if row else None


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        code, what = error.sqlstate or "", str(error).strip().partition("\n")[0]
        if code in _CONTENTION:
            raise ContentionError(f"another writer was in the way: {what}") from error
        # Without a code nobody answered, or the connection is gone.
        if code.startswith(_PASSING) or (not code and isinstance(error, psycopg.OperationalError)):
            raise LedgerUnavailableError(f"the ledger's database cannot be used now: {what}") from error
        raise LedgerError(f"the ledger's database cannot be used: {what}", hint="run `byline ledger fsck`") from error

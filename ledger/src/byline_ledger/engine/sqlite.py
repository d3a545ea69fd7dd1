# SPDX-License-Identifier: Apache-2.0
"""A `core.ports.Store` in one SQLite file.

How each part of the contract is kept:

1. exclusive: `BEGIN IMMEDIATE`, one writer among all processes;
2. all or nothing, durable: write-ahead log with `synchronous=FULL`, so a commit is on disk before it returns (`fullfsync` where
   the system needs to be told);
3. one moment: a reader's transaction sees the last commit before it began, however long it lasts;
4. unknown outcome: an error in COMMIT is reported, and the next transaction reads what is there.

The tables are those of `engine.sql`. What is deleted is overwritten (`secure_delete`): an erased payload is not left in the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING

from byline.errors import DamagedError, LedgerError, LedgerUnavailableError
from byline_ledger.engine.sql import SqlMoment, format_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID = 0x42594C4E  # "BYLN"
VERSION = 4
BUSY_SECONDS = 30.0
SCHEMA = format_schema(number="INTEGER", blob="BLOB", text="TEXT", rows=" STRICT", keyed_rows=" STRICT, WITHOUT ROWID")
# Six and a bit fit a page of 4096 bytes: a row is never split, and a page is nearly full whatever the lengths of payloads.
PIECE = 664
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "cache_size = -32768",  # KiB: the upper pages of the indexes of a large log
    "secure_delete = ON",
    "trusted_schema = OFF",
    "cell_size_check = ON",
)
# The disk is full, or others hold the file: later may be better. Everything else means that the store is broken.
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
# The operating system's fault as far as anybody knows.
_SYSTEM = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})


class SqliteStore:
    """The store in the file `path`, made with mode 0600 where `create` allows it. Thread-safe: one transaction at a time."""

    def __init__(self, path: Path, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        self._lock = threading.Lock()
        with _translated():
            if create:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(create=create)
            except BaseException:
                self._connection.close()
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[SqlMoment]:
        """Open one committed moment.

        Raises:
            LedgerUnavailableError: The file is locked.
            LedgerError: The file is broken.
        """
        with self._transaction("BEGIN"):
            yield SqlMoment(self._connection.execute, piece=PIECE)

    @contextlib.contextmanager
    def write(self) -> Iterator[SqlMoment]:
        """Open the transaction.

        Raises:
            LedgerUnavailableError: Others held the file for too long, or the disk is full.
            LedgerError: The file is broken.
        """
        with self._transaction("BEGIN IMMEDIATE"):
            yield SqlMoment(self._connection.execute, piece=PIECE)

    def purge(self) -> bool:
        """Empty the write-ahead log, which may still hold what was erased; False where a reader is in the way.

        Raises:
            LedgerUnavailableError: The file is locked.
            LedgerError: The file is broken.
        """
        with self._lock, _translated():
            return _pragma(self._connection, "wal_checkpoint(TRUNCATE)") == 0

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with self._lock, _translated():
            self._connection.execute(begin)
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _set(self, pragma: str) -> None:
        """Set `pragma`. A change of the journal's mode does not wait for who has the file, and a transaction does: so one comes before."""
        try:
            self._connection.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("ROLLBACK")
            self._connection.execute(f"PRAGMA {pragma}")

    def _prepare(self, *, create: bool) -> None:
        for pragma in _PRAGMAS:
            self._set(pragma)
        if create:
            self._connection.execute("BEGIN IMMEDIATE")
            if _pragma(self._connection, "user_version") == 0:
                for statement in (*SCHEMA, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {VERSION}"):
                    self._connection.execute(statement)
            self._connection.execute("COMMIT")
        _check_mark(self._connection)
        check_version(self._connection)


def check_file(path: Path) -> None:
    """Check that the file `path` is the database of a ledger of this version, and touch nothing.

    Raises:
        LedgerUnavailableError: It is locked.
        LedgerError: It is not.
    """
    with _translated(), contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        _check_mark(connection)
        check_version(connection)


def check_version(connection: sqlite3.Connection) -> None:
    """Check that the database has the tables that are read here.

    Raises:
        LedgerError: It was written by another version.
    """
    if (version := _pragma(connection, "user_version")) != VERSION:
        hint = "a newer Byline wrote it: use that one" if version > VERSION else "an older Byline wrote it, and this one cannot"
        raise LedgerError(f"the database has version {version}, this Byline reads version {VERSION}", hint=hint)


def _check_mark(connection: sqlite3.Connection) -> None:
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise LedgerError("this is not the database of a ledger")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def is_environment(error: sqlite3.Error) -> bool:
    """Whether `error` is about the disk, the folder or other processes, as far as anybody knows, and not about what the file holds."""
    return _code(error) in _PASSING | _SYSTEM


def _code(error: sqlite3.Error) -> int:
    # Extended codes hold the primary one in their low byte.
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) in _PASSING:
            raise LedgerUnavailableError(f"the ledger's store cannot take this now: {error}") from error
        if _code(error) in _SYSTEM:
            hint = "is the disk full or failing, or the folder not yours? then run `byline ledger fsck`"
            raise LedgerError(f"the ledger's store cannot be used: {error}", hint=hint) from error
        raise DamagedError(f"the ledger's store is broken: {error}") from error
    except OSError as error:
        raise LedgerError(f"the ledger's store cannot be opened: {error.strerror}") from error

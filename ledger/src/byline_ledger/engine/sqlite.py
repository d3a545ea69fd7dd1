# SPDX-License-Identifier: Apache-2.0
"""A `core.ports.Store` in one SQLite file.

How each part of the contract is kept:

1. exclusive: `BEGIN IMMEDIATE`, one writer among all processes;
2. all or nothing, durable: write-ahead log with `synchronous=FULL`, so a commit is on disk before it returns (`fullfsync` where
   the system needs to be told);
3. one moment: a reader's transaction sees the last commit before it began, however long it lasts;
4. unknown outcome: an error in COMMIT is reported, and the next transaction reads what is there.

The tables hold: entries (leaf and identity), payloads beside them, the index of subjects, tiles of hashes, and one head.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, TypeVar

from byline.errors import LedgerError, LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.core.entry import Submission

APPLICATION_ID = 0x42594C4E  # "BYLN"
VERSION = 1
BUSY_SECONDS = 30.0
SCHEMA = (
    "CREATE TABLE entry (idx INTEGER PRIMARY KEY, identity BLOB NOT NULL UNIQUE, leaf BLOB NOT NULL) STRICT",
    "CREATE TABLE payload (idx INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT",
    "CREATE TABLE subject (sha256 BLOB NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (sha256, idx)) STRICT, WITHOUT ROWID",
    "CREATE TABLE tile (level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, UNIQUE (level, idx)) STRICT",
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), note TEXT NOT NULL) STRICT",
)
# The disk is full, or others hold the file: later may be better. Everything else means that the store is broken.
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
# The operating system's fault as far as anybody knows.
_SYSTEM = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})

# SQLite allows 32,766 values in a statement; a row of ours has at most three.
_MAX_ROWS = 1000

T = TypeVar("T")


class SqliteMoment:
    """A `core.ports.StoreWriter` over an open transaction; readers get it too and only read."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def head(self) -> str | None:
        """Return the newest signed checkpoint."""
        row = self._connection.execute("SELECT note FROM head").fetchone()
        return None if row is None else str(row[0])

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile."""
        return self._blob("SELECT hashes FROM tile WHERE level = ? AND idx = ?", level, index) or b""

    def leaf(self, index: int) -> bytes | None:
        """Return a leaf."""
        return self._blob("SELECT leaf FROM entry WHERE idx = ?", index)

    def payload(self, index: int) -> bytes | None:
        """Return what was signed."""
        return self._blob("SELECT payload FROM payload WHERE idx = ?", index)

    def known(self, identities: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indices of known statements."""
        found: dict[bytes, int] = {}
        for some in _chunks(identities):
            marks = ", ".join("?" * len(some))
            found.update(self._connection.execute(f"SELECT identity, idx FROM entry WHERE identity IN ({marks})", some))  # noqa: S608 - marks only
        return found

    def indices(self, subject: bytes) -> tuple[int, ...]:
        """Return the entries about a subject."""
        return tuple(row[0] for row in self._connection.execute("SELECT idx FROM subject WHERE sha256 = ? ORDER BY idx", (subject,)))

    def add_entries(self, index: int, entries: Sequence[Submission]) -> None:
        """Add the next entries."""
        numbered = list(enumerate(entries, index))
        self._insert("entry (idx, identity, leaf)", [(number, each.identity, each.leaf) for number, each in numbered])
        self._insert("payload (idx, payload)", [(number, each.payload) for number, each in numbered])
        self._insert("subject (sha256, idx)", [(subject, number) for number, each in numbered for subject in each.subjects])

    def set_tile(self, level: int, index: int, hashes: bytes) -> None:
        """Set a tile."""
        upsert = "INSERT INTO tile (level, idx, hashes) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hashes = excluded.hashes"
        self._connection.execute(upsert, (level, index, hashes))

    def set_head(self, note: str) -> None:
        """Set the newest signed checkpoint."""
        self._connection.execute("INSERT INTO head (one, note) VALUES (1, ?) ON CONFLICT DO UPDATE SET note = excluded.note", (note,))

    def _insert(self, into: str, rows: Sequence[tuple[bytes | int, ...]]) -> None:
        # One statement for many rows: each statement lets another thread have the interpreter, and costs the wait to get it back.
        for some in _chunks(rows):
            marks = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
            values = [value for row in some for value in row]
            self._connection.execute(f"INSERT INTO {into} VALUES {marks}", values)  # noqa: S608 - names written here, and marks

    def _blob(self, query: str, *values: int) -> bytes | None:
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else bytes(row[0])


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
    def read(self) -> Iterator[SqliteMoment]:
        """Open one committed moment.

        Raises:
            LedgerUnavailableError: The file is locked.
            LedgerError: The file is broken.
        """
        with self._transaction("BEGIN"):
            yield SqliteMoment(self._connection)

    @contextlib.contextmanager
    def write(self) -> Iterator[SqliteMoment]:
        """Open the transaction.

        Raises:
            LedgerUnavailableError: Others held the file for too long, or the disk is full.
            LedgerError: The file is broken.
        """
        with self._transaction("BEGIN IMMEDIATE"):
            yield SqliteMoment(self._connection)

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

    def _prepare(self, *, create: bool) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF", "cell_size_check = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        if create:
            self._connection.execute("BEGIN IMMEDIATE")
            if self._pragma("user_version") == 0:
                for statement in (*SCHEMA, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {VERSION}"):
                    self._connection.execute(statement)
            self._connection.execute("COMMIT")
        if self._pragma("application_id") != APPLICATION_ID:
            raise LedgerError("this is not the database of a ledger")
        if (version := self._pragma("user_version")) != VERSION:
            hint = "a newer Byline wrote it: use that one" if version > VERSION else "an older Byline wrote it, and this one cannot"
            raise LedgerError(f"the database has version {version}, this Byline reads version {VERSION}", hint=hint)

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])


def is_environment(error: sqlite3.Error) -> bool:
    """Whether `error` is about the disk, the folder or other processes, as far as anybody knows, and not about what the file holds."""
    return _code(error) in _PASSING | _SYSTEM


def _code(error: sqlite3.Error) -> int:
    # Extended codes hold the primary one in their low byte.
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Give `rows` in pieces that one statement has room for."""
    for start in range(0, len(rows), _MAX_ROWS):
        yield rows[start : start + _MAX_ROWS]


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
        raise LedgerError(f"the ledger's store is broken: {error}", hint="run `byline ledger fsck`") from error
    except OSError as error:
        raise LedgerError(f"the ledger's store cannot be opened: {error.strerror}") from error

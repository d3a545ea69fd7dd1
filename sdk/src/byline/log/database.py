# SPDX-License-Identifier: Apache-2.0
"""The file of the cache: SQLite that anybody may delete, and that no reader ever fails over.

    with Database(place / "cache.db") as database:
        database.keep({key: value})
        database.kept(key)                          # value, or None: it was deleted, damaged, or pushed out by newer ones

A file that is corrupt or of another schema is replaced; where none can be written, a database in memory stands in. A value that does
not come back as it was kept is none. Thread-safe; several processes may share the file.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

VERSION = 6
BUSY_SECONDS = 10
MAX_ANSWERS = 4096
_SUM_BYTES = 16

# The file is fine and cannot be used now: to replace it would take it away from others.
_NOT_NOW = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
}

Answer = TypeVar("Answer")


class Database:
    """The cache in the file `path`; `renew` is called when a new one took its place, before it is asked again."""

    def __init__(self, path: Path, renew: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._renew = renew
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def do(self, work: Callable[[sqlite3.Connection], Answer], *, renews: bool = True) -> Answer:
        """Return what `work` does with the connection; with another one if this one turns out to be of no use."""
        with self._lock:
            for in_memory in (False, True):
                try:
                    return work(self._connection or self._open())
                except sqlite3.Error as error:
                    self.close()
                    if in_memory or getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
                        self._connection = _make(_connect(":memory:"))
                    else:
                        self._remove_file()
                if renews:
                    self._renew()
            return work(self._connection or self._open())

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of one query."""
        return self.do(lambda connection: connection.execute(query, values).fetchall())

    def kept(self, key: bytes) -> bytes | None:
        """Return what was kept under `key`, if it still is."""
        for (value,) in self.rows("SELECT value FROM answer WHERE key = ?", key):
            if isinstance(value, bytes) and value[:_SUM_BYTES] == _sum(key, value[_SUM_BYTES:]):
                return value[_SUM_BYTES:]
        return None

    def keep(self, values: Mapping[bytes, bytes]) -> None:
        """Keep each value under its key, as long as there is room."""

        def work(connection: sqlite3.Connection) -> None:
            with writing(connection):
                summed = [(key, _sum(key, value) + value) for key, value in values.items()]
                connection.executemany("INSERT OR REPLACE INTO answer (key, value) VALUES (?, ?)", summed)
                connection.execute("DELETE FROM answer WHERE id <= (SELECT MAX(id) FROM answer) - ?", (MAX_ANSWERS,))

        if values:
            self.do(work)

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._path.is_symlink():  # it would be made, or written, wherever somebody who shares the clone wants it
                self._path.unlink()
            self._path.touch(mode=0o600)
        except OSError:
            self._connection = _make(_connect(":memory:"))
            return self._connection
        self._connection = connection = _connect(str(self._path))
        if connection.execute("PRAGMA user_version").fetchone() != (VERSION,):
            if connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() != (0,):
                raise sqlite3.DatabaseError("another schema")
            _make(connection)
        return connection

    def _remove_file(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all that is done inside, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -32768")  # KiB: a large index is not built through a small window
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> sqlite3.Connection:
    from byline.log.tables import SCHEMA

    with writing(connection):
        if connection.execute("PRAGMA user_version").fetchone() != (VERSION,):  # nobody else has just made it
            for each in SCHEMA.split(";"):
                connection.execute(each)
            connection.execute(f"PRAGMA user_version = {VERSION}")
    return connection


def _sum(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(value, key=key[:64], digest_size=_SUM_BYTES).digest()

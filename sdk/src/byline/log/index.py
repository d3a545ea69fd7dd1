# SPDX-License-Identifier: Apache-2.0
"""What the evidence says, found by content in microseconds: a cache of the evidence ref that anybody may delete.

    cache.db (SQLite, WAL)
    shard      folders of the evidence that were read             -> what changed is found without listing the rest
    file       every file: statement, key, kind, commit, receipt  -> facts
    statement  every authorship payload                           -> statement
    claim      path and blob of every claim                       -> claims_of, claims_by_blob, claims_by_path
    hash       every line hash, from the first search on          -> claims_with_hashes
    answer     what others keep under a key of their own          -> cached, keep

`refresh` brings it to the state of the trees: same trees, same answers, whatever was indexed before, in whatever order. A file
that is corrupt, of another schema or not writable is replaced, or a database in memory stands in: nothing here can fail a reader
but git itself. Nothing here is verified but that a payload is the one its digest names. Thread-safe; several processes may share it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from byline.core.authorship import parse_authorship
from byline.core.statement import parse_statement
from byline.errors import StatementError
from byline.log.evidence import BadFile, EvidenceRef, StoredBundle
from byline.log.tables import FILE_COLUMNS, SCHEMA, VERSION, check_files, follow, index_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from byline.core.authorship import Authorship
    from byline.core.statement import PredicateType

BUSY_SECONDS = 10
MAX_ANSWERS = 4096
_AT_ONCE = 500
_PARSED = 1024

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One file of the evidence: who signed which statement. `key` is the hint, hex; the rest is what the payload claims."""

    name: str
    blob: str
    statement: str
    key: str
    kind: str
    change: str
    repository: str | None
    commit: str | None
    chain: str | None
    seq: int | None
    logged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """Where a claim stands: number `ordinal` of `statement`. `hits` counts the hashes asked for that it holds."""

    statement: str
    ordinal: int
    path: bytes
    blob: str | None
    op: str
    commit: str
    chain: str
    seq: int
    hits: int = 0


_CLAIM = (
    "SELECT statement.digest, claim.ordinal, claim.path, claim.blob, claim.op, statement.commit_id, statement.chain, statement.seq"
    " FROM claim JOIN statement ON statement.id = claim.statement WHERE {} ORDER BY statement.seq DESC, statement.digest, claim.ordinal"
)


class EvidenceIndex:
    """The index of one repository, in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._evidence: EvidenceRef | None = None
        self._parsed: dict[str, Authorship | None] = {}
        self._database: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    # Keeping up

    def refresh(self, evidence: EvidenceRef) -> str:
        """Bring the index to the state of `evidence`; return a fingerprint of that state. What did not change is not read.

        Raises:
            RepositoryError: Git cannot read the evidence.
        """
        self._evidence = evidence
        trees = " ".join(sorted(set(evidence.trees().values())))

        def work(database: sqlite3.Connection) -> None:
            state = "SELECT value FROM state WHERE name = 'trees'"
            if database.execute(state).fetchone() == (trees,):
                return
            with _writing(database):
                follow(database, evidence, trees.split())
                database.execute("INSERT OR REPLACE INTO state VALUES ('trees', ?)", (trees,))

        self._do(work, catch_up=False)
        return hashlib.sha256(trees.encode()).hexdigest()

    # Asking

    def facts(
        self,
        *,
        kind: PredicateType | None = None,
        commit: str | None = None,
        statement: str | None = None,
        chain: str | None = None,
        seq: int | None = None,
    ) -> tuple[Fact, ...]:
        """Return the files of the evidence that are of `kind`, about `commit`, for the `statement`, number `seq` of `chain`; by name."""
        wanted = {"kind": kind, "commit_id": commit, "digest": statement, "chain": chain, "seq": seq}
        given = {column: str(value) for column, value in wanted.items() if value is not None}
        where = "".join(f" AND {column} = ?" for column in given)
        query = f"SELECT {FILE_COLUMNS} FROM file WHERE reason IS NULL{where} ORDER BY name"  # noqa: S608 - column names of this module
        rows = self._rows(query, *given.values())
        names = ("name", "blob", "statement", "key", "kind", "change", "repository", "commit", "chain", "seq")
        return tuple(Fact(**dict(zip(names, row, strict=False)), logged=bool(row[-1])) for row in rows)

    def open(self, facts: Iterable[Fact]) -> Iterator[StoredBundle]:
        """Yield the bundles of `facts`.

        Raises:
            RepositoryError: Git cannot read them.
        """
        if self._evidence is not None:
            found = self._evidence.open_files({fact.name: fact.blob for fact in facts})
            yield from (each for each in found if isinstance(each, StoredBundle))

    def findings(self) -> tuple[BadFile, ...]:
        """Return the files among the evidence that are none, sorted by name. What was not strictly read before is read now.

        Raises:
            RepositoryError: Git cannot read the evidence.
        """

        def work(database: sqlite3.Connection) -> None:
            if self._evidence is not None and database.execute("SELECT 1 FROM file WHERE strict = 0").fetchone():
                with _writing(database):
                    check_files(database, self._evidence)

        self._do(work)
        rows = self._rows("SELECT name, blob, reason FROM file WHERE reason IS NOT NULL ORDER BY name")
        return tuple(BadFile(name=name, blob=blob, reason=reason) for name, blob, reason in rows)

    def claims_of(self, commit: str, path: bytes | None = None) -> tuple[ClaimRow, ...]:
        """Return the claims of statements about `commit`, for `path` or every path; newest of a clone first."""
        return self._claims("statement.commit_id = ?1 AND (?2 IS NULL OR claim.path = ?2)", commit, path)

    def claims_by_blob(self, blob: str, path: bytes | None = None) -> tuple[ClaimRow, ...]:
        """Return the claims that lead to the content `blob`, at `path` or anywhere; newest of a clone first."""
        return self._claims("claim.blob = ?1 AND (?2 IS NULL OR claim.path = ?2)", blob, path)

    def claims_by_path(self, path: bytes) -> tuple[ClaimRow, ...]:
        """Return the claims about `path`; newest of a clone first."""
        return self._claims("claim.path = ?", path)

    def claims_with_hashes(self, hashes: Iterable[bytes], *, limit: int = 256) -> tuple[ClaimRow, ...]:
        """Return the claims with new lines that have one of `hashes` (16 bytes each), at most `limit`: most hits, then newest first."""
        asked = list(dict.fromkeys(hashes))

        def work(database: sqlite3.Connection) -> list[ClaimRow]:
            if database.execute("SELECT 1 FROM statement WHERE hashed = 0").fetchone():
                with _writing(database):
                    index_hashes(database)
            hits: dict[tuple[int, int], int] = {}
            for start in range(0, len(asked), _AT_ONCE):
                part = asked[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                query = f"SELECT statement, ordinal, COUNT(*) FROM hash WHERE hash IN ({marks}) GROUP BY statement, ordinal"  # noqa: S608 - marks
                for statement, ordinal, count in database.execute(query, part):
                    hits[statement, ordinal] = hits.get((statement, ordinal), 0) + count
            which = _CLAIM.format("claim.statement = ? AND claim.ordinal = ?")
            return [_claim_row(database.execute(which, where).fetchone(), count) for where, count in hits.items()]

        found = sorted(self._do(work), key=lambda row: (-row.hits, -row.seq, row.statement, row.ordinal))
        return tuple(found[:limit])

    def chain_starts(self) -> tuple[str, ...]:
        """Return the commits of the first statements of all clones, sorted."""
        return tuple(row[0] for row in self._rows("SELECT DISTINCT commit_id FROM statement WHERE seq = 1 ORDER BY commit_id"))

    def statement(self, digest: str) -> Authorship | None:
        """Return the authorship statement with this digest, None if there is none or if it does not read strictly."""
        if digest not in self._parsed:
            payload = self._do(lambda database: _payload(database, digest))
            if len(self._parsed) >= _PARSED:
                self._parsed.clear()
            self._parsed[digest] = None if payload is None else _read(payload)
        return self._parsed[digest]

    # Answers that others keep

    def cached(self, key: bytes) -> bytes | None:
        """Return what was kept under `key`, if it still is."""
        rows = self._rows("SELECT value FROM answer WHERE key = ?", key)
        return rows[0][0] if rows else None

    def keep(self, key: bytes, value: bytes) -> None:
        """Keep `value` under `key`, as long as there is room."""

        def work(database: sqlite3.Connection) -> None:
            with _writing(database):
                database.execute("INSERT OR REPLACE INTO answer (key, value) VALUES (?, ?)", (key, value))
                database.execute("DELETE FROM answer WHERE id <= (SELECT MAX(id) FROM answer) - ?", (MAX_ANSWERS,))

        self._do(work)

    # The file

    def _claims(self, where: str, *values: object) -> tuple[ClaimRow, ...]:
        return tuple(_claim_row(row) for row in self._rows(_CLAIM.format(where), *values))

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._do(lambda database: database.execute(query, values).fetchall())

    def _do(self, work: Callable[[sqlite3.Connection], Answer], *, catch_up: bool = True) -> Answer:
        """Return what `work` does with the database; with another one if this one turns out to be of no use."""
        with self._lock:
            for in_memory in (False, True):
                try:
                    return work(self._database or self._open())
                except sqlite3.Error as error:
                    self.close()
                    self._parsed.clear()
                    if in_memory or getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
                        self._database = _make(_connect(":memory:"))
                    else:
                        self._remove_file()
                if catch_up and self._evidence is not None:
                    self.refresh(self._evidence)
            return work(self._database or self._open())

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        except OSError:
            self._database = _make(_connect(":memory:"))
            return self._database
        self._database = database = _connect(str(self._path))
        if database.execute("PRAGMA user_version").fetchone() != (VERSION,):
            if database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() != (0,):
                raise sqlite3.DatabaseError("another schema")
            _make(database)
        return database

    def _remove_file(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA cache_size = -32768")  # KiB: a large index is not built through a small window
    except sqlite3.Error:
        database.close()
        raise
    return database


def _make(database: sqlite3.Connection) -> sqlite3.Connection:
    with _writing(database):
        if database.execute("PRAGMA user_version").fetchone() != (VERSION,):  # nobody else has just made it
            for each in SCHEMA.split(";"):
                database.execute(each)
    return database


@contextmanager
def _writing(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


def _payload(database: sqlite3.Connection, digest: str) -> bytes | None:
    row = database.execute("SELECT payload FROM statement WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        return None
    payload: bytes = row[0]
    if hashlib.sha256(payload).hexdigest() != digest:
        raise sqlite3.DatabaseError("a payload was changed in the cache")
    return payload


def _read(payload: bytes) -> Authorship | None:
    try:
        return parse_authorship(parse_statement(payload))
    except StatementError:
        return None


def _claim_row(row: Sequence[Any], hits: int = 0) -> ClaimRow:
    statement, ordinal, path, blob, op, commit, chain, seq = row
    return ClaimRow(statement=statement, ordinal=ordinal, path=path, blob=blob, op=op, commit=commit, chain=chain, seq=seq, hits=hits)

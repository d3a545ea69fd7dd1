# SPDX-License-Identifier: Apache-2.0
"""Check all of a log, trusting nothing but its key.

1. The database is sound to SQLite, its header says what it must, and it has the tables of this version, no others.
2. The head is a checkpoint signed by the log's key.
3. There are as many entries as it says, numbered without a gap, and nothing beyond them.
4. Each leaf is spelled as it must be, its payload is what its digest says, and its signature is by its key.
5. Each identity and each facet is that of its entry, and the index has each of its terms; none is missing and none is left over.
   No entry was logged before the one before it.
6. Each tile holds the hashes of these leaves; none is missing and none is left over.
7. The root of these leaves is the root that the head signs.

It reads one moment of the database, in use or not, and changes nothing. It goes on after a finding where it can, so that the first
one names what is wrong and the others how far it reaches.

Any byte that an answer of the log could depend on is covered. What may change without a finding holds nothing: the space in a page
that no row uses, and two numbers in the header of the file, the schema cookie (bytes 40 to 43) and the version of SQLite that wrote
last (bytes 96 to 99). A log that was set back as a whole, to a state that it signed, looks like what it then was: that is found by
whoever has a later checkpoint or receipt.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import sqlite3
from typing import TYPE_CHECKING

from byline.core.checkpoint import open_checkpoint
from byline.core.entry import entry_for, identity_of, parse_entry
from byline.core.envelope import Envelope
from byline.core.facets import facets_of
from byline.core.merkle import HASH_SIZE, hash_leaf, root_of
from byline.core.sshsig import namespace_of
from byline.core.statement import parse_statement
from byline.core.tiles import Tile, grow_tiles, read_tiled_nodes, tile_path
from byline.core.value import dataclass
from byline.errors import BylineError, EntryError, LedgerError, MalformedError, SignatureError
from byline.keys.ed25519 import LogVerifier, load_log_key
from byline.keys.signatures import Signatures
from byline_ledger.engine.files import DATABASE, KEY, check_files
from byline_ledger.engine.sql import SqlMoment, read_facets
from byline_ledger.engine.sqlite import APPLICATION_ID, PIECE, SCHEMA, VERSION, is_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.checkpoint import Checkpoint
    from byline.core.facets import Facets

MAX_FINDINGS = 100
_TABLES = "SELECT rowid, type, name, tbl_name, sql FROM sqlite_schema"
_ENTRIES = (
    "SELECT e.idx, e.logged_at, s.id, e.leaf, s.key, s.repository, s.predicate_type, e.commit_id, e.subjects"
    " FROM entry e LEFT JOIN source s ON s.id = e.source ORDER BY e.idx"
)
# What SQLite's file format has for a database of ours, where SQLite itself takes anything: with or without a write-ahead log;
# format 4; no cache size, no vacuum; UTF-8; space for later versions.
_HEADER_SIZE = 100
_HEADER = (
    (18, (b"\2\2", b"\1\1")),
    (44, (b"\0\0\0\4" + bytes(8),)),
    (56, (b"\0\0\0\1",)),
    (72, (bytes(20),)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`where` it is (a part of the log, an entry, a byte of a tile) and `what` is wrong there."""

    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """`entries` that the signed head counts and its `root` (hex), both 0 and empty where there is no good head; what was found."""

    entries: int
    root: str
    findings: tuple[Finding, ...]


def check_ledger(directory: Path) -> FsckReport:
    """Check the log in `directory`.

    Raises:
        ConfigError: There is no log, or its key cannot be read.
        LedgerError: Its database is gone, or the system does not let it be read: nothing is known about it then.
    """
    check_files(directory)
    key = load_log_key(directory / KEY)
    path = directory / DATABASE
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as database:
        _check_readable(database)
        check = _Check(database, path, LogVerifier(key.note_key))
        findings = tuple(itertools.islice(_guarded(check.run()), MAX_FINDINGS))
    head = check.head
    return FsckReport(entries=head.size if head else 0, root=head.root.hex() if head else "", findings=findings)


def _check_readable(database: sqlite3.Connection) -> None:
    """Tell a disk that is full or failing from a database that is damaged."""
    try:
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        if is_environment(error):
            raise LedgerError(f"cannot read {DATABASE}: {error}", hint="is the disk full or failing, or the folder not yours?") from error
    except UnicodeDecodeError:
        return  # SQLite quotes what is damaged: a finding


def _guarded(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Give `findings`, and what ends them early as the last one."""
    try:
        yield from findings
    except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
        # Damaged pages can hold values of types and sizes that no table of ours allows.
        yield Finding(where=DATABASE, what=f"cannot be read: {error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """One entry as the tables have it."""

    index: int
    leaf: bytes
    payload: bytes | None
    logged_at: int
    facets: Facets


class _Check:
    """One run; `head` is the signed head once it is found good."""

    def __init__(self, database: sqlite3.Connection, path: Path, verifier: LogVerifier) -> None:
        self._database = database
        self._path = path
        self._verifier = verifier
        self._signatures = Signatures()
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._terms = 0
        self._pieces = 0
        self._sources: set[int] = set()
        self._logged_at = 0
        self.head: Checkpoint | None = None

    def run(self) -> Iterator[Finding]:
        self._database.execute("BEGIN")
        yield from self._check_database()  # 1
        yield from self._check_head()  # 2
        if self.head is not None:
            yield from self._check_entries(self.head.size)  # 3, 4, 5
            yield from self._check_tiles(self.head)  # 6, 7

    def _check_database(self) -> Iterator[Finding]:
        for (message,) in self._database.execute("PRAGMA integrity_check"):
            if message != "ok":
                yield Finding(where=DATABASE, what=str(message))
        marks = tuple(self._database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
            for statement in SCHEMA:
                fresh.execute(statement)
            tables = sorted(fresh.execute(_TABLES))
        if marks != (APPLICATION_ID, VERSION) or sorted(self._database.execute(_TABLES)) != tables:
            yield Finding(where=DATABASE, what="its tables are not those of a ledger of this version")
        with self._path.open("rb") as file:
            header = file.read(_HEADER_SIZE)
        for at, allowed in _HEADER:
            if not any(header.startswith(each, at) for each in allowed):
                yield Finding(where=f"{DATABASE}, byte {at}", what="the header of the file is damaged")
        if header[24:28] != header[92:96]:
            yield Finding(where=f"{DATABASE}, byte 24", what="the header of the file counts its changes in two ways")

    def _check_head(self) -> Iterator[Finding]:
        row = self._database.execute("SELECT note FROM head").fetchone()
        try:
            self.head = open_checkpoint(str(row[0]) if row else "", self._verifier)
        except (MalformedError, SignatureError) as error:
            yield Finding(where="head", what=f"not a checkpoint of this log: {error}")

    def _check_entries(self, size: int) -> Iterator[Finding]:
        expected, moment = 0, SqlMoment(self._database.execute)
        for index, logged_at, source, leaf, *columns in self._database.execute(_ENTRIES):
            if index != expected:
                yield Finding(where=f"entry {expected}", what=f"is missing: the next one is {index}")
                return
            self._tiles |= grow_tiles(index, [hash_leaf(leaf)], lambda *at: self._tiles[at])
            self._sources.add(source)
            payload = moment.payloads([index]).get(index)
            self._pieces += -(-len(payload or b"") // PIECE)
            stored = _Stored(index=index, leaf=leaf, payload=payload, logged_at=logged_at, facets=read_facets(*columns))
            for what in self._check_entry(stored):
                yield Finding(where=f"entry {index}", what=what)
            expected += 1
        if expected != size:
            yield Finding(where=f"entry {min(expected, size)}", what=f"the head counts {size} entries, there are {expected}")
        for table, count in (("identity", expected), ("payload", self._pieces), ("term", self._terms), ("source", len(self._sources))):
            found = self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - names written above
            if found != count:
                yield Finding(where=f"table {table}", what=f"{found} rows, the entries need {count}")

    def _check_entry(self, stored: _Stored) -> Iterator[str]:
        if stored.logged_at < self._logged_at:
            yield "it was logged before the entry before it"
        self._logged_at = stored.logged_at
        try:
            entry = parse_entry(stored.leaf)
        except EntryError as error:
            yield f"its leaf: {error}"
            return
        if stored.payload is None:
            yield "its payload is missing"
            return
        envelope = Envelope(payload=stored.payload, signature=entry.signature)
        if entry_for(envelope, entry.public) != entry:
            yield "its payload is not what its leaf says was signed"
            return
        try:
            statement = parse_statement(stored.payload)
            namespace = namespace_of(statement.predicate_type)
            self._signatures.verify(entry.public, entry.signature, envelope.signed_bytes, namespace=namespace)
            facets = facets_of(statement, hashlib.sha256(entry.public).digest())
        except BylineError as error:
            yield str(error)
            return
        identity = identity_of(stored.payload, entry.public)
        if SqlMoment(self._database.execute).known([identity]) != {identity: stored.index}:
            yield "it is not known by the identity of its payload and key"
        if stored.facets != facets:
            yield "its facets are not those of its payload and key"
        self._terms += len(facets.terms)
        for term in facets.terms:
            if not self._database.execute("SELECT 1 FROM term WHERE term = ? AND idx = ?", (term, stored.index)).fetchone():
                yield f"the index does not have it under the term {term.hex()}"

    def _check_tiles(self, head: Checkpoint) -> Iterator[Finding]:
        left = dict(self._tiles)
        for level, index, found in self._database.execute("SELECT level, idx, hashes FROM tile ORDER BY level, idx"):
            expected = left.pop((level, index), None)
            if expected is None:
                yield Finding(where=f"tile at level {level}, index {index}", what="the log has no such tile")
            elif found != expected:
                yield Finding(where=_byte_of(level, index, found, expected), what="is not the hash of the entries below it")
        for level, index in left:
            yield Finding(where=tile_path(Tile(level=level, index=index)), what="is missing")
        count = sum(len(data) // HASH_SIZE for (level, _), data in self._tiles.items() if level == 0)
        if count == head.size and root_of(count, read_tiled_nodes(lambda *at: self._tiles[at], {})) != head.root:
            yield Finding(where="head", what="its root is not that of the entries")


def _byte_of(level: int, index: int, found: bytes, expected: bytes) -> str:
    """Name the first byte in which a stored tile differs, and the hash that it belongs to."""
    pairs = itertools.zip_longest(found, expected)
    at = next(place for place, (left, right) in enumerate(pairs) if left != right)
    path = tile_path(Tile(level=level, index=index, width=max(1, len(expected) // HASH_SIZE)))
    return f"{path}, byte {at} (hash {at // HASH_SIZE})"

# SPDX-License-Identifier: Apache-2.0
"""A store's transaction in SQL: the same statements for every database that a log is kept in.

    entry     one row for each leaf: its index, when it was logged, its facets, and what its leaf has of its own (`engine.frames`)
    identity  the index of each statement that is known
    source    whose entries these are: key, repository, kind of statement and the frame of their leaves, each combination once
    payload   what was signed, as long as it is not erased, in pieces as long as the database keeps without waste; a piece has the number
              2**16 times the index, and its place
    term      the index of facets (`core.facets`)
    tile      hashes
    head      the newest signed checkpoint, one row
    state     small things that others keep here, by name

A store opens transactions and hands over `execute`, which runs one statement with `?` for each value. Statements are few and carry
many rows: each costs a turn of the interpreter or a message to another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from byline.core.envelope import MAX_PAYLOAD
from byline.core.facets import Facets
from byline.errors import ContentionError
from byline_ledger.engine.frames import Source, join_leaf, split_leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.entry import Submission
    from byline.core.facets import Query

Sql: TypeAlias = bytes | int | str
Execute: TypeAlias = Callable[[str, Sequence[Sql]], Iterable[Any]]

_TABLES = """
entry (idx {number} PRIMARY KEY, logged_at {number} NOT NULL, source {number} NOT NULL, commit_id {blob} NOT NULL,
    subjects {blob} NOT NULL, leaf {blob} NOT NULL){rows};
identity (identity {blob} PRIMARY KEY, idx {number} NOT NULL){keyed_rows};
source (id {number} PRIMARY KEY, key {blob} NOT NULL, repository {text} NOT NULL, predicate_type {text} NOT NULL,
    frame {blob} NOT NULL, UNIQUE (key, repository, predicate_type, frame)){rows};
payload (number {number} PRIMARY KEY, piece {blob} NOT NULL){rows};
term (term {blob} NOT NULL, idx {number} NOT NULL, PRIMARY KEY (term, idx)){keyed_rows};
tile (level {number} NOT NULL, idx {number} NOT NULL, hashes {blob} NOT NULL, UNIQUE (level, idx)){rows};
head (one {number} PRIMARY KEY CHECK (one = 1), note {text} NOT NULL){rows};
state (name {text} PRIMARY KEY, value {blob} NOT NULL){keyed_rows}
"""
_LOGGED_FROM = """
WITH RECURSIVE seek (low, high) AS (
    SELECT CAST(0 AS BIGINT), (SELECT coalesce(max(idx) + 1, 0) FROM entry)
    UNION ALL
    SELECT CASE WHEN logged_at < ? THEN idx + 1 ELSE low END, CASE WHEN logged_at < ? THEN high ELSE idx END
    FROM seek JOIN entry ON idx = (low + high) / 2 WHERE low < high)
SELECT low FROM seek WHERE low = high
"""
_ENTRY = "entry JOIN source ON source.id = entry.source"
# Each table but that of payloads, whose pieces are as long as a database likes them: its columns, of which the first are its key.
_COPIED = (
    ("entry", ("idx", "logged_at", "source", "commit_id", "subjects", "leaf"), 1),
    ("identity", ("identity", "idx"), 1),
    ("source", ("id", "key", "repository", "predicate_type", "frame"), 1),
    ("term", ("term", "idx"), 2),
    ("tile", ("level", "idx", "hashes"), 2),
    ("head", ("one", "note"), 1),
    ("state", ("name", "value"), 1),
)
_COPY_ROWS = 500
_COPY_PAYLOADS = 32
_SUBJECT_SIZE = 32
_PIECES = 1 << 16  # that one payload can have
# SQLite allows 32,766 values in a statement, PostgreSQL 65,535; a row of ours has at most seven.
_MAX_ROWS = 1000

T = TypeVar("T")


def format_schema(**words: str) -> tuple[str, ...]:
    """Return the statements that make the tables; `words` are a database's own for types and what stands after a table."""
    tables = _TABLES.format(**words).split(";")
    return tuple(f"CREATE TABLE {table.strip()}" for table in tables)


class SqlMoment:
    """A `core.ports.StoreWriter` over an open transaction; readers get it too and only read."""

    __slots__ = ("_execute", "_piece", "_seen")

    def __init__(self, execute: Execute, *, piece: int = MAX_PAYLOAD) -> None:
        self._execute = execute
        self._piece = piece
        self._seen: str | None = None

    def head(self) -> str | None:
        """Return the newest signed checkpoint."""
        if self._seen is None:
            self._seen = self._value("SELECT note FROM head")
        return self._seen

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile."""
        hashes: bytes | None = self._value("SELECT hashes FROM tile WHERE level = ? AND idx = ?", level, index)
        return hashes or b""

    def leaves(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Return leaves."""
        rows = self._rows(f"SELECT idx, frame, leaf FROM {_ENTRY}", indices)  # noqa: S608 - written above
        return {index: join_leaf(frame, own) for index, frame, own in rows}

    def payloads(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Return what was signed."""
        pieces: dict[int, list[bytes]] = {}
        for number, piece in self._pieces(indices):
            pieces.setdefault(number // _PIECES, []).append(piece)
        return {index: b"".join(some) for index, some in pieces.items()}

    def facets(self, indices: Sequence[int]) -> dict[int, Facets]:
        """Return what entries are found by."""
        select = f"SELECT idx, key, repository, predicate_type, commit_id, subjects FROM {_ENTRY}"  # noqa: S608 - written above
        return {index: read_facets(*columns) for index, *columns in self._rows(select, indices)}

    def times(self, indices: Sequence[int]) -> dict[int, int]:
        """Return when entries were logged."""
        return dict(self._rows("SELECT idx, logged_at FROM entry", indices))

    def known(self, identities: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indices of known statements."""
        return dict(self._among("SELECT identity, idx FROM identity WHERE identity IN", identities))

    def find(self, query: Query, *, after: int = -1, limit: int) -> tuple[int, ...]:
        """Return entries that `query` asks for."""
        where, values = ["found.idx >= ?"], [max(after + 1, self._logged_from(query.since))]
        if query.until is not None:
            where.append("found.idx < ?")
            values.append(self._logged_from(query.until))
        terms = query.terms
        if terms:
            where.append("found.term = ?")
        where += ["EXISTS (SELECT 1 FROM term WHERE term.term = ? AND term.idx = found.idx)"] * (len(terms) - 1)
        select = f"SELECT idx FROM {'term' if terms else 'entry'} AS found WHERE {' AND '.join(where)} ORDER BY idx LIMIT ?"  # noqa: S608 - written above
        return tuple(row[0] for row in self._execute(select, (*values, *terms, limit)))

    def state(self, name: str) -> bytes | None:
        """Return what was set under `name`."""
        value: bytes | None = self._value("SELECT value FROM state WHERE name = ?", name)
        return value

    def indexed(self, terms: Sequence[tuple[bytes, int]]) -> set[tuple[bytes, int]]:
        """Return rows that the index has."""
        found: set[tuple[bytes, int]] = set()
        for some in _chunks(terms):
            asked = f"WITH asked (term, idx) AS (VALUES {', '.join(['(?, ?)'] * len(some))})"
            select = f"{asked} SELECT term.term, term.idx FROM asked JOIN term ON term.term = asked.term AND term.idx = asked.idx"  # noqa: S608 - marks
            found.update(self._execute(select, [value for row in some for value in row]))
        return found

    def tile_places(self) -> Iterator[tuple[int, int]]:
        """Return where tiles are."""
        return ((level, index) for level, index in self._execute("SELECT level, idx FROM tile", ()))

    def counts(self) -> dict[str, int]:
        """Return how many rows there are."""
        return {table: self._value(f"SELECT count(*) FROM {table}") for table in ("identity", "term", "source")}  # noqa: S608 - written above

    def strays(self, size: int) -> dict[str, int]:
        """Return what is numbered beyond the log."""
        entry = self._value("SELECT idx FROM entry WHERE idx < 0 OR idx >= ? LIMIT 1", size)
        number = self._value("SELECT number FROM payload WHERE number < 0 OR number >= ? LIMIT 1", size * _PIECES)
        found = {"entry": entry, "payload": number if number is None else number // _PIECES}
        return {table: index for table, index in found.items() if index is not None}

    def add_entries(self, index: int, entries: Sequence[Submission], at: int) -> None:
        """Add the next entries."""
        leaves = [split_leaf(each.leaf) for each in entries]
        named = [(*each.facets.source, frame) for each, (frame, _) in zip(entries, leaves, strict=True)]
        sources = self._sources(set(named))
        rows: list[tuple[Sql, ...]] = []
        terms: list[tuple[Sql, ...]] = []
        for number, (each, source, (_, own)) in enumerate(zip(entries, named, leaves, strict=True), index):
            facets = each.facets
            rows.append((number, at, sources[source], bytes.fromhex(facets.commit), b"".join(facets.subjects), own))
            terms += ((term, number) for term in facets.terms)
        self._insert("entry (idx, logged_at, source, commit_id, subjects, leaf)", rows)
        self._insert("identity (identity, idx)", [(each.identity, number) for number, each in enumerate(entries, index)])
        self._add_payloads((number, each.payload) for number, each in enumerate(entries, index) if each.payload is not None)
        self._insert("term (term, idx)", terms)

    def erase(self, index: int) -> None:
        """Forget a payload."""
        self._execute("DELETE FROM payload WHERE number >= ? AND number < ?", (index * _PIECES, (index + 1) * _PIECES))

    def set_tile(self, level: int, index: int, hashes: bytes) -> None:
        """Set a tile."""
        upsert = "INSERT INTO tile (level, idx, hashes) VALUES (?, ?, ?) ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes"
        self._execute(upsert, (level, index, hashes))

    def set_head(self, note: str) -> None:
        """Set the newest signed checkpoint, in the place of the one that this transaction saw and of no other.

        Raises:
            ContentionError: There is another one.
        """
        before = self.head()
        if before is None:
            self._execute("INSERT INTO head (one, note) VALUES (1, ?)", (note,))
        elif not list(self._execute("UPDATE head SET note = ? WHERE one = 1 AND note = ? RETURNING one", (note, before))):
            raise ContentionError("another writer signed a head meanwhile")
        self._seen = note

    def set_state(self, name: str, value: bytes | None) -> None:
        """Keep or forget a state."""
        if value is None:
            self._execute("DELETE FROM state WHERE name = ?", (name,))
        else:
            upsert = "INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            self._execute(upsert, (name, value))

    def copy(self, other: SqlMoment) -> None:
        """Take all that `other` holds, another database's moment; this one holds nothing yet."""
        for table, columns, keys in _COPIED:
            names, key = ", ".join(columns), ", ".join(columns[:keys])
            after, last = "", tuple[Sql, ...]()
            while rows := list(other._execute(f"SELECT {names} FROM {table}{after} ORDER BY {key} LIMIT ?", (*last, _COPY_ROWS))):  # noqa: S608 - written above
                self._insert(f"{table} ({names})", rows)
                after, last = f" WHERE ({key}) > ({', '.join('?' * keys)})", tuple(rows[-1][:keys])
        size = self._value("SELECT coalesce(max(idx) + 1, 0) FROM entry")
        for start in range(0, size, _COPY_PAYLOADS):
            self._add_payloads(other.payloads(range(start, start + _COPY_PAYLOADS)).items())

    def _sources(self, sources: set[Source]) -> dict[Source, int]:
        """Return the number of each of `sources`; new ones get the next ones."""
        if not sources:
            return {}
        names, marks = "key, repository, predicate_type, frame", ", ".join(["(?, ?, ?, ?)"] * len(sources))
        select = f"SELECT id, {names} FROM source WHERE ({names}) IN (VALUES {marks})"  # noqa: S608 - names written here, and marks
        rows = self._execute(select, [value for source in sources for value in source])
        found: dict[Source, int] = {tuple(source): number for number, *source in rows}
        if fresh := sorted(sources - found.keys()):
            numbered = list(enumerate(fresh, self._value("SELECT coalesce(max(id), 0) + 1 FROM source")))
            self._insert(f"source (id, {names})", [(number, *source) for number, source in numbered])
            found |= {source: number for number, source in numbered}
        return found

    def _pieces(self, indices: Sequence[int]) -> Iterator[Any]:
        """Give the pieces of payloads with their numbers, those of one payload in order."""
        select = "SELECT number, piece FROM"
        if len(indices) == 1 or (indices and isinstance(indices, range) and indices.step == 1):
            span = indices[0] * _PIECES, (indices[0] + len(indices)) * _PIECES
            yield from self._execute(f"{select} payload WHERE number >= ? AND number < ? ORDER BY number", span)
            return
        for some in _chunks(indices):
            asked = f"WITH asked (idx) AS (VALUES {', '.join(['(CAST(? AS BIGINT))'] * len(some))})"
            where = f"number >= asked.idx * {_PIECES} AND number < (asked.idx + 1) * {_PIECES}"
            yield from self._execute(f"{asked} {select} asked JOIN payload ON {where} ORDER BY number", some)

    def _add_payloads(self, payloads: Iterable[tuple[int, bytes]]) -> None:
        """Store payloads in pieces."""
        cuts = ((index, payload, start) for index, payload in payloads for start in range(0, len(payload), self._piece))
        rows = [(index * _PIECES + start // self._piece, payload[start : start + self._piece]) for index, payload, start in cuts]
        self._insert("payload (number, piece)", rows)

    def _logged_from(self, at: int) -> int:
        """Return the first entry that was logged at `at` or later, or how many there are: order and time agree, so no index is needed."""
        return int(self._value(_LOGGED_FROM, at, at)) if at else 0

    def _rows(self, select: str, indices: Sequence[int]) -> Iterable[Any]:
        if isinstance(indices, range) and indices.step == 1:
            return self._execute(f"{select} WHERE idx >= ? AND idx < ? ORDER BY idx", (indices.start, indices.stop))
        return self._among(f"{select} WHERE idx IN", indices, "ORDER BY idx")

    def _among(self, select: str, values: Sequence[Sql], rest: str = "") -> Iterator[Any]:
        for some in _chunks(values):
            yield from self._execute(f"{select} ({', '.join('?' * len(some))}) {rest}", some)

    def _insert(self, into: str, rows: Sequence[tuple[Sql, ...]]) -> None:
        for some in _chunks(rows):
            marks = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
            self._execute(f"INSERT INTO {into} VALUES {marks}", [value for row in some for value in row])  # noqa: S608 - names written here, and marks

    def _value(self, select: str, *values: Sql) -> Any:  # noqa: ANN401 - the column's type is what the caller knows
        return next((row[0] for row in self._execute(select, values)), None)


def read_facets(key: bytes, repository: str, predicate_type: str, commit: bytes, subjects: bytes) -> Facets:
    """Return the facets that these columns hold."""
    split = tuple(subjects[at : at + _SUBJECT_SIZE] for at in range(0, len(subjects), _SUBJECT_SIZE))
    return Facets(key=key, repository=repository, commit=commit.hex(), predicate_type=predicate_type, subjects=split)


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Give `rows` in pieces that one statement has room for."""
    for start in range(0, len(rows), _MAX_ROWS):
        yield rows[start : start + _MAX_ROWS]

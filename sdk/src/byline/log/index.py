# SPDX-License-Identifier: Apache-2.0
"""What the evidence says, found by content in microseconds: a cache of the evidence ref that anybody may delete.

    cache.db (SQLite, WAL)
    shard      folders of the evidence that were read             -> what changed is found without listing the rest
    file       every file: statement, key, kind, commit, receipt  -> facts
    statement  every authorship payload                           -> statement
    claim      path and blob of every claim                       -> claims_of, claims_by_blob, claims_by_path
    step       every step of an approval, and until when           -> approvals_about, open_steps
    hash       every line hash, from the first search on          -> claims_with_hashes
    answer     what others keep under a key of their own          -> kept, keep (`log.database`)

`refresh` brings it to the state of the trees: same trees, same answers, whatever was indexed before, in whatever order. Nothing here
can fail a reader but git itself (`log.database`). Nothing here is verified but that a payload is the one its digest names.
Thread-safe; several processes may share it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING, Any, Self

from byline.core.authorship import parse_authorship
from byline.core.moment import format_moment
from byline.core.statement import PredicateType, parse_statement
from byline.core.value import dataclass
from byline.errors import StatementError
from byline.log.database import Database, writing
from byline.log.evidence import BadFile, EvidenceRef, StoredBundle
from byline.log.tables import FILE_COLUMNS, check_files, follow, follow_lacking, index_hashes, lacks_files
from byline.log.trees import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from byline.core.authorship import Authorship

_AT_ONCE = 500
_PARSED = 1024


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A step of the approval `statement`, the file `name`: it lets `path` become `new` (mode and SHA-256, None: no file)."""

    name: str
    statement: str
    path: bytes
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainGap:
    """Numbers of the clone `chain` from `first` to `last` that no statement here has; `statement` has the next one."""

    chain: str
    first: int
    last: int
    statement: str


_GAPS = (
    "SELECT before + 1, seq - 1, digest FROM (SELECT seq, digest, LAG(seq, 1, 0) OVER (ORDER BY seq) AS before FROM file WHERE chain = ?)"
    " WHERE seq > before + 1 ORDER BY seq"
)
_CLAIM = (
    "SELECT statement.digest, claim.ordinal, claim.path, claim.blob, claim.op, statement.commit_id, statement.chain, statement.seq"
    " FROM claim JOIN statement ON statement.id = claim.statement WHERE {} ORDER BY statement.seq DESC, statement.digest, claim.ordinal"
)


class EvidenceIndex:
    """The index of one repository, in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, self._catch_up)
        self._evidence: EvidenceRef | None = None
        self._parsed: dict[str, Authorship | None] = {}
        self._trees: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # Keeping up

    def refresh(self, evidence: EvidenceRef) -> str:
        """Bring the index to the state of `evidence`; return a fingerprint of that state. What did not change is not read.

        Raises:
            RepositoryError: Git cannot read the evidence.
        """
        self._evidence = evidence
        seen = _trees(evidence)

        def work(database: sqlite3.Connection) -> list[str]:
            if _state(database) == " ".join(seen):
                if lacks_files(database):
                    with writing(database):
                        follow_lacking(database, evidence)
                return seen
            with writing(database):
                # Looked at again by who may write now: what another process has brought further is not brought back.
                trees = _trees(evidence)
                follow(database, evidence, trees)
                database.execute("INSERT OR REPLACE INTO state VALUES ('trees', ?)", (" ".join(trees),))
            return trees

        trees = self._database.do(work, renews=False)
        self._trees = " ".join(trees)
        return fingerprint(trees)

    def _catch_up(self) -> None:
        self._parsed.clear()
        if self._evidence is not None:
            self.refresh(self._evidence)

    # Asking

    def facts(
        self,
        *,
        kind: PredicateType | None = None,
        change: str | None = None,
        commit: str | None = None,
        statement: str | None = None,
        name: str | None = None,
        chain: str | None = None,
        seq: int | None = None,
    ) -> tuple[Fact, ...]:
        """Return the files of the evidence of `kind`, about `change` or `commit`, for `statement`, so named, `seq` of `chain`; by name."""
        wanted = {"kind": kind, "change": change, "commit_id": commit, "digest": statement, "name": name, "chain": chain, "seq": seq}
        given = {column: str(value) for column, value in wanted.items() if value is not None}
        where = "".join(f" AND {column} = ?" for column in given)
        query = f"SELECT {FILE_COLUMNS} FROM file WHERE reason IS NULL{where} ORDER BY name"  # noqa: S608 - column names of this module
        rows = self._database.rows(query, *given.values())
        names = ("name", "blob", "statement", "key", "kind", "change", "repository", "commit", "chain", "seq")
        return tuple(Fact(**dict(zip(names, row, strict=False)), logged=bool(row[-1])) for row in rows)

    def delegations(self, keys: Iterable[str]) -> tuple[Fact, ...]:
        """Return the delegations to the agents' keys with these ids (hex), and their revocations; by name."""
        kinds = (PredicateType.DELEGATION, PredicateType.REVOCATION)
        found = {fact.name: fact for key in set(keys) for kind in kinds for fact in self.facts(kind=kind, change=key)}
        return tuple(found[name] for name in sorted(found))

    def count_statements(self) -> int:
        """Return how many authorship statements there are, however many keys signed them."""
        return sum(number for (number,) in self._database.rows("SELECT COUNT(*) FROM statement"))

    def approvals_about(self, versions: Mapping[bytes, str | None], *, at: datetime | None = None) -> tuple[Fact, ...]:
        """Return the approvals that let one of these paths become its version, and those of any step of it not over `at`; by name."""
        now = format_moment(at) if at else None
        found: set[str] = set()
        for path, new in versions.items():
            query = "SELECT name FROM step WHERE path = ? AND (new IS ? OR expires > ?)"
            found.update(name for (name,) in self._database.rows(query, path, new, now))
        return tuple(fact for name in sorted(found) for fact in self.facts(name=name))

    def open_steps(self, target: str, *, at: datetime) -> tuple[StepRow, ...]:
        """Return the steps of the approvals for `target` that have not expired `at`, by name and path."""
        query = "SELECT name, path, new FROM step WHERE expires > ? AND target = ? ORDER BY name, path"
        rows = self._database.rows(query, format_moment(at), target)
        return tuple(StepRow(name=name, statement=name[:64], path=path, new=new) for name, path, new in rows)

    def open(self, facts: Iterable[Fact]) -> Iterator[StoredBundle]:
        """Yield the bundles of `facts`.

        Raises:
            RepositoryError: Git cannot read them.
        """
        if self._evidence is not None:
            found = self._evidence.open_files({fact.name: fact.blob for fact in facts})
            yield from (each for each in found if isinstance(each, StoredBundle))

    def is_whole(self) -> bool:
        """Whether all bytes of the evidence are here: a partial clone may have none of them."""
        return not self._database.do(lacks_files)

    def findings(self) -> tuple[BadFile, ...]:
        """Return the files among the evidence that are none, sorted by name. What was not strictly read before is read now.

        Raises:
            RepositoryError: Git cannot read the evidence.
        """

        def work(database: sqlite3.Connection) -> None:
            if self._evidence is not None and database.execute("SELECT 1 FROM file WHERE strict = 0").fetchone():
                with writing(database):
                    check_files(database, self._evidence)

        self._database.do(work)
        rows = self._database.rows("SELECT name, blob, reason FROM file WHERE reason IS NOT NULL ORDER BY name")
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
                with writing(database):
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

        found = sorted(self._database.do(work), key=lambda row: (-row.hits, -row.seq, row.statement, row.ordinal))
        return tuple(found[:limit])

    def chain_starts(self) -> tuple[str, ...]:
        """Return the commits of the first statements of all clones, sorted."""
        return tuple(row[0] for row in self._database.rows("SELECT DISTINCT commit_id FROM statement WHERE seq = 1 ORDER BY commit_id"))

    def chain_gaps(self) -> tuple[ChainGap, ...]:
        """Return which numbers are missing in the chains of clones, by chain and number."""
        broken = self._database.rows("SELECT chain FROM file WHERE chain IS NOT NULL GROUP BY chain HAVING COUNT(DISTINCT seq) < MAX(seq)")
        return tuple(
            ChainGap(chain=chain, first=first, last=last, statement=statement)
            for (chain,) in sorted(broken)
            for first, last, statement in self._database.rows(_GAPS, chain)
        )

    def of_other_repositories(self, repository: str, *, limit: int) -> tuple[tuple[str, str], ...]:
        """Return the statements (digest, repository) that name another repository than `repository`, at most `limit`."""
        query = "SELECT DISTINCT digest, repository FROM file WHERE repository != ? AND reason IS NULL ORDER BY digest LIMIT ?"
        return tuple((digest, other) for digest, other in self._database.rows(query, repository, limit))

    def statement(self, digest: str) -> Authorship | None:
        """Return the authorship statement with this digest, None if there is none or if it does not read strictly."""
        if digest not in self._parsed:
            payload = self._database.do(lambda database: _payload(database, digest))
            if len(self._parsed) >= _PARSED:
                self._parsed.clear()
            self._parsed[digest] = None if payload is None else _read(payload)
        return self._parsed[digest]

    def is_recorded(self, commit: str) -> bool:
        """Whether a statement tells what was recorded about `commit`; one that was imported only tells what others' records say."""
        facts = self.facts(kind=PredicateType.AUTHORSHIP, commit=commit)
        return any((found := self.statement(fact.statement)) is not None and not found.is_imported for fact in facts)

    # Answers that others keep

    def kept(self, key: bytes) -> bytes | None:
        """Return what was kept under `key`, if it still is."""
        return self._database.kept(key)

    def keep(self, values: Mapping[bytes, bytes]) -> None:
        """Keep what was found out; nothing, if another process has brought the index to another state meanwhile."""
        if self._database.do(_state) == self._trees:
            self._database.keep(values)

    def _claims(self, where: str, *values: object) -> tuple[ClaimRow, ...]:
        return tuple(_claim_row(row) for row in self._database.rows(_CLAIM.format(where), *values))


def _trees(evidence: EvidenceRef) -> list[str]:
    return sorted(set(evidence.trees().values()))


def _state(database: sqlite3.Connection) -> str | None:
    row = database.execute("SELECT value FROM state WHERE name = 'trees'").fetchone()
    return None if row is None else str(row[0])


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

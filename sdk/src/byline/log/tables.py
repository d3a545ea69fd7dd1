# SPDX-License-Identifier: Apache-2.0
"""The tables of the index, and how evidence becomes rows.

A folder of the evidence that was read is remembered by its id, so that `follow` reads what changed and nothing else. A statement
that several keys signed is one statement with several files; it goes with the last of them.

Reading strictly costs ten times what finding costs, and most statements are never asked for. So `follow` takes a `glance`: what is
needed to find a statement again, its types checked and its digest that of the file's name. `check_files` reads strictly what nobody
has read so yet; and whoever asks for a statement or a bundle gets it strictly read, or not at all.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from byline.core.authorship import parse_authorship
from byline.core.lines import HASH_BYTES
from byline.core.statement import PredicateType, parse_statement
from byline.errors import StatementError
from byline.log.erased import erased_facts
from byline.log.evidence import NOT_HERE, BadFile, open_file
from byline.log.glance import glance

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from byline.log.evidence import EvidenceRef, Files

FILE_COLUMNS = "name, blob, digest, key, kind, change, repository, commit_id, chain, seq, logged"
SCHEMA = """
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE shard (prefix TEXT PRIMARY KEY, oids TEXT) WITHOUT ROWID;
CREATE TABLE file (
    name TEXT PRIMARY KEY, blob TEXT, digest TEXT, key TEXT, kind TEXT, change TEXT, repository TEXT, commit_id TEXT, chain TEXT,
    seq INTEGER, logged INTEGER, reason TEXT, strict INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE INDEX file_kind ON file (kind);
CREATE INDEX file_change ON file (change, kind);
CREATE INDEX file_commit ON file (commit_id);
CREATE INDEX file_digest ON file (digest);
CREATE INDEX file_chain ON file (chain, seq);
CREATE INDEX file_strict ON file (name) WHERE strict = 0;
CREATE INDEX file_reason ON file (name) WHERE reason IS NOT NULL;
CREATE TABLE statement (
    id INTEGER PRIMARY KEY, digest TEXT UNIQUE, commit_id TEXT, chain TEXT, seq INTEGER, payload BLOB, hashed INTEGER DEFAULT 0);
CREATE INDEX statement_commit ON statement (commit_id);
CREATE INDEX statement_first ON statement (commit_id) WHERE seq = 1;
CREATE INDEX statement_hashed ON statement (id) WHERE hashed = 0;
CREATE TABLE claim (
    statement INTEGER, ordinal INTEGER, path BLOB, blob TEXT, op TEXT, PRIMARY KEY (statement, ordinal)) WITHOUT ROWID;
CREATE INDEX claim_blob ON claim (blob);
CREATE INDEX claim_path ON claim (path);
CREATE TABLE hash (hash BLOB, statement INTEGER, ordinal INTEGER, PRIMARY KEY (hash, statement, ordinal)) WITHOUT ROWID;
CREATE INDEX hash_statement ON hash (statement);
CREATE TABLE step (
    path BLOB, name TEXT, new TEXT, target TEXT, expires TEXT, PRIMARY KEY (path, name)) WITHOUT ROWID;
CREATE INDEX step_name ON step (name);
CREATE INDEX step_expires ON step (expires);
CREATE TABLE answer (id INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB);
"""

_INSERT_FILE = f"INSERT OR REPLACE INTO file ({FILE_COLUMNS}, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - column names
_INSERT_STATEMENT = "INSERT OR IGNORE INTO statement (digest, commit_id, chain, seq, payload) VALUES (?, ?, ?, ?, ?)"


def follow(database: sqlite3.Connection, evidence: EvidenceRef, trees: Iterable[str]) -> None:
    """Bring file, statement and claim to what `trees` hold.

    Raises:
        RepositoryError: Git cannot read them.
        sqlite3.Error: The database cannot be written.
    """
    shards = evidence.shards(trees)
    known = dict(database.execute("SELECT prefix, oids FROM shard"))
    erased = {fact[:2] for fact in erased_facts(evidence.repository)}
    changed = {prefix: oids for prefix, oids in shards.items() if prefix in erased or known.get(prefix) != " ".join(oids)}
    wanted = evidence.files_of(changed)
    had: Files = {}
    for prefix in (*changed, *(known.keys() - shards.keys())):
        had |= database.execute("SELECT name, blob FROM file WHERE name >= ? AND name < ?", (prefix, prefix + "g"))
        database.execute("DELETE FROM shard WHERE prefix = ?", (prefix,))
    _remove(database, [name for name, blob in had.items() if wanted.get(name) != blob])
    _read(database, evidence, {name: blob for name, blob in wanted.items() if had.get(name) != blob})
    database.executemany("INSERT INTO shard VALUES (?, ?)", [(prefix, " ".join(oids)) for prefix, oids in changed.items()])


def lacks_files(database: sqlite3.Connection) -> bool:
    """Whether bytes of the evidence were not here when they were looked for."""
    return database.execute("SELECT 1 FROM file WHERE reason = ?", (NOT_HERE,)).fetchone() is not None


def follow_lacking(database: sqlite3.Connection, evidence: EvidenceRef) -> None:
    """Read what was not here and is now: a partial clone fetches the bytes of a tree that it has later, or never.

    Raises:
        RepositoryError: Git cannot read them.
        sqlite3.Error: The database cannot be written.
    """
    _read(database, evidence, dict(database.execute("SELECT name, blob FROM file WHERE reason = ?", (NOT_HERE,)).fetchall()))


def index_hashes(database: sqlite3.Connection) -> None:
    """Add the line hashes of statements that nobody has searched yet.

    Raises:
        sqlite3.Error: The database cannot be written.
    """
    for number, payload in database.execute("SELECT id, payload FROM statement WHERE hashed = 0").fetchall():
        database.executemany("INSERT OR IGNORE INTO hash VALUES (?, ?, ?)", _hash_rows(number, payload))
        database.execute("UPDATE statement SET hashed = 1 WHERE id = ?", (number,))


def check_files(database: sqlite3.Connection, evidence: EvidenceRef) -> None:
    """Read strictly what was only glanced at; what does not read is no evidence.

    Raises:
        RepositoryError: Git cannot read it.
        sqlite3.Error: The database cannot be written.
    """
    files = dict(database.execute("SELECT name, blob FROM file WHERE strict = 0"))
    for found in evidence.open_files(files):
        reason = found.reason if isinstance(found, BadFile) else _why_not(found.bundle.envelope.payload)
        if reason is not None:
            _remove(database, [found.name])
            _add_bad(database, found.name, found.blob, reason)
    database.execute("UPDATE file SET strict = 1 WHERE strict = 0")


def _why_not(payload: bytes) -> str | None:
    try:
        statement = parse_statement(payload)
        if statement.predicate_type == PredicateType.AUTHORSHIP:
            parse_authorship(statement)
    except StatementError as error:
        return str(error)
    return None


def _read(database: sqlite3.Connection, evidence: EvidenceRef, files: Files) -> None:
    for name, blob, data in evidence.read_files(files):
        if data is None:
            _add_bad(database, name, blob, evidence.unread(name, blob).reason)
        else:
            _add(database, name, blob, data)


def _add(database: sqlite3.Connection, name: str, blob: str, data: bytes) -> None:
    seen = glance(name, data)
    if seen is None:
        found = open_file(name, blob, data)
        reason = found.reason if isinstance(found, BadFile) else _why_not(found.bundle.envelope.payload)
        _add_bad(database, name, blob, reason or "not a statement that Byline reads")
        return
    what = (seen.kind, seen.change, seen.repository, seen.commit, seen.chain, seen.seq, seen.logged)
    database.execute(_INSERT_FILE, (name, blob, name[:64], seen.key, *what, None))
    steps = [(path, name, new, seen.target, seen.expires) for path, new in seen.steps]
    database.executemany("INSERT OR REPLACE INTO step VALUES (?, ?, ?, ?, ?)", steps)
    if seen.commit is not None:
        added = database.execute(_INSERT_STATEMENT, (name[:64], seen.commit, seen.chain, seen.seq, seen.payload))
        if added.rowcount:
            rows = [(added.lastrowid, ordinal, *claim) for ordinal, claim in enumerate(seen.claims)]
            database.executemany("INSERT INTO claim VALUES (?, ?, ?, ?, ?)", rows)


def _add_bad(database: sqlite3.Connection, name: str, blob: str, reason: str) -> None:
    database.execute(_INSERT_FILE, (name, blob, *[None] * 9, reason))


def _remove(database: sqlite3.Connection, names: Iterable[str]) -> None:
    for name in names:
        digest = database.execute("SELECT digest FROM file WHERE name = ?", (name,)).fetchone()
        database.execute("DELETE FROM file WHERE name = ?", (name,))
        database.execute("DELETE FROM step WHERE name = ?", (name,))
        if database.execute("SELECT 1 FROM file WHERE digest = ?", digest).fetchone():
            continue
        found = database.execute("SELECT id FROM statement WHERE digest = ?", digest).fetchall()
        for table, column in (("claim", "statement"), ("hash", "statement"), ("statement", "id")):
            database.executemany(f"DELETE FROM {table} WHERE {column} = ?", found)  # noqa: S608 - names of this module


def _hash_rows(number: int, payload: bytes) -> Iterator[tuple[bytes, int, int]]:
    for ordinal, file in enumerate(json.loads(payload)["predicate"]["files"]):
        hashes = base64.b64decode(file["hashes"])
        for line in {hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)}:
            yield line, number, ordinal

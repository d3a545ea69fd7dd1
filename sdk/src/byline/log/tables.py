# SPDX-License-Identifier: Apache-2.0
"""The tables of the index, and how evidence becomes rows.

A folder of the evidence that was read is remembered by its id, so that `follow` reads what changed and nothing else. A statement
that several keys signed is one statement with several files; it goes with the last of them.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from byline.core.authorship import parse_authorship
from byline.core.lines import HASH_BYTES
from byline.core.statement import PredicateType, parse_statement
from byline.errors import StatementError
from byline.log.evidence import BadFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from byline.core.statement import Statement
    from byline.log.evidence import EvidenceRef, Files, StoredBundle

VERSION = 1
FILE_COLUMNS = "name, blob, digest, key, kind, change, repository, commit_id, chain, seq, logged"
SCHEMA = f"""
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE shard (prefix TEXT PRIMARY KEY, oids TEXT) WITHOUT ROWID;
CREATE TABLE file (
    name TEXT PRIMARY KEY, blob TEXT, digest TEXT, key TEXT, kind TEXT, change TEXT, repository TEXT, commit_id TEXT, chain TEXT,
    seq INTEGER, logged INTEGER, reason TEXT) WITHOUT ROWID;
CREATE INDEX file_kind ON file (kind);
CREATE INDEX file_commit ON file (commit_id);
CREATE INDEX file_digest ON file (digest);
CREATE INDEX file_reason ON file (reason) WHERE reason IS NOT NULL;
CREATE TABLE statement (
    id INTEGER PRIMARY KEY, digest TEXT UNIQUE, commit_id TEXT, chain TEXT, seq INTEGER, payload BLOB, hashed INTEGER DEFAULT 0);
CREATE INDEX statement_commit ON statement (commit_id);
CREATE INDEX statement_hashed ON statement (id) WHERE hashed = 0;
CREATE TABLE claim (
    statement INTEGER, ordinal INTEGER, path BLOB, blob TEXT, op TEXT, PRIMARY KEY (statement, ordinal)) WITHOUT ROWID;
CREATE INDEX claim_blob ON claim (blob);
CREATE INDEX claim_path ON claim (path);
CREATE TABLE hash (hash BLOB, statement INTEGER, ordinal INTEGER, PRIMARY KEY (hash, statement, ordinal)) WITHOUT ROWID;
CREATE INDEX hash_statement ON hash (statement);
CREATE TABLE answer (id INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB);
PRAGMA user_version = {VERSION};
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
    changed = {prefix: oids for prefix, oids in shards.items() if known.get(prefix) != " ".join(oids)}
    wanted = evidence.files_of(changed)
    had: Files = {}
    for prefix in (*changed, *(known.keys() - shards.keys())):
        had |= database.execute("SELECT name, blob FROM file WHERE name >= ? AND name < ?", (prefix, prefix + "g"))
        database.execute("DELETE FROM shard WHERE prefix = ?", (prefix,))
    _remove(database, [name for name, blob in had.items() if wanted.get(name) != blob])
    for found in evidence.open_files({name: blob for name, blob in wanted.items() if had.get(name) != blob}):
        _add(database, found)
    database.executemany("INSERT INTO shard VALUES (?, ?)", [(prefix, " ".join(oids)) for prefix, oids in changed.items()])


def index_hashes(database: sqlite3.Connection) -> None:
    """Add the line hashes of statements that nobody has searched yet.

    Raises:
        sqlite3.Error: The database cannot be written.
    """
    for number, payload in database.execute("SELECT id, payload FROM statement WHERE hashed = 0").fetchall():
        database.executemany("INSERT OR IGNORE INTO hash VALUES (?, ?, ?)", _hash_rows(number, payload))
        database.execute("UPDATE statement SET hashed = 1 WHERE id = ?", (number,))


def _add(database: sqlite3.Connection, found: StoredBundle | BadFile) -> None:
    if isinstance(found, BadFile):
        database.execute(_INSERT_FILE, (found.name, found.blob, *[None] * 9, found.reason))
        return
    envelope = found.bundle.envelope
    try:
        statement = parse_statement(envelope.payload)
        about = _index_claims(database, statement, envelope.payload)
    except StatementError as error:
        database.execute(_INSERT_FILE, (found.name, found.blob, *[None] * 9, str(error)))
        return
    who = (found.name, found.blob, statement.digest, found.bundle.key_hint)
    what = (statement.predicate_type, statement.change, *about, found.bundle.receipt is not None)
    database.execute(_INSERT_FILE, (*who, *what, None))


def _index_claims(database: sqlite3.Connection, statement: Statement, payload: bytes) -> tuple[str | int | None, ...]:
    """Add an authorship statement and its claims; return repository, commit, chain and sequence number, None where it has none."""
    if statement.predicate_type != PredicateType.AUTHORSHIP:
        repository = statement.predicate.get("repository")
        name = repository.get("id") if isinstance(repository, dict) else None
        return (name if isinstance(name, str) else None, None, None, None)
    told = parse_authorship(statement)
    about = (told.commit.id, told.chain.id, told.chain.seq)
    added = database.execute(_INSERT_STATEMENT, (statement.digest, *about, payload))
    if added.rowcount:
        rows = [(added.lastrowid, ordinal, claim.path, claim.blob, str(claim.op)) for ordinal, claim in enumerate(told.claims)]
        database.executemany("INSERT INTO claim VALUES (?, ?, ?, ?, ?)", rows)
    return (told.repository, *about)


def _remove(database: sqlite3.Connection, names: Iterable[str]) -> None:
    for name in names:
        digest = database.execute("SELECT digest FROM file WHERE name = ?", (name,)).fetchone()
        database.execute("DELETE FROM file WHERE name = ?", (name,))
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

# SPDX-License-Identifier: Apache-2.0
"""Statements by the million, each with a good signature, for a log that is filled rather than sent to.

Signing and formatting one after another would take hours, so the statements are one text with numbers in it, and their signatures
share one nonce: each is valid, and who sees two of them can compute the key, which is why nothing but a bench may sign so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
from typing import TYPE_CHECKING

from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.entry import Entry, Submission, format_entry, identity_of
from byline.core.envelope import PAYLOAD_TYPE, pae
from byline.core.facets import Facets
from byline.core.merkle import hash_leaf, root_of
from byline.core.note import sign_note
from byline.core.statement import PredicateType, Subject, format_statement, parse_statement
from byline.core.tiles import STORED_HEIGHT, grow_tiles, read_tiled_nodes
from byline.keys.ed25519 import load_log_key
from byline.keys.p256 import PrivateKey
from byline_ledger.engine.files import DATABASE, KEY, ensure_log
from byline_ledger.engine.sql import SqlMoment
from byline_ledger.engine.sqlite import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.ports import StoreWriter
    from byline.keys.ed25519 import LogKey

BATCH = 5000
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SECRET, _NONCE = 0xB11E, 0x5EED
_KEY = PrivateKey.from_seed(_SECRET)
_R = int.from_bytes(PrivateKey.from_seed(_NONCE).public[-64:-32], "big") % _ORDER
_NONCE_INVERSE = pow(_NONCE, -1, _ORDER)
_REPOSITORY = "5f" * 16
_AT = 1_800_000_000_000
_BY_HASH = {"identity": "identity", "term": "term, idx"}
_BY_HASH_FIRST = re.compile(f"INSERT INTO ({'|'.join(_BY_HASH)})\\b")
_MARK = "0123456789abcdef" * 4
_COMMIT = "fedcba9876543210" * 2 + "fedcba98"

_PREDICATE = f"""{{
"repository": {{"id": "{_REPOSITORY}"}},
"commit": {{"id": "{_COMMIT}", "tree": "{"77" * 20}", "parents": ["{"88" * 20}"]}},
"owners": [{{"origin": "ai", "evidence": "observed", "channel": "hook", "agent": {{"name": "claude-code"}}, "session": "{"4c" * 16}"}}],
"files": [{{"path": "src/shop/basket.py", "op": "modify", "mode": "100644", "sha256": "{_MARK}", "blob": "{"3e" * 20}", "hand": 0,
    "bases": [{{"parent": 0, "path": "src/shop/basket.py", "mode": "100644", "sha256": "{"9a" * 32}", "blob": "{"0d" * 20}"}}],
    "segs": [["base", 0, 1, 120], ["new", [0], 6, null], ["base", 0, 123, 40]], "hashes": "{"q" * 128}", "removed": []}}]
}}"""


def _template() -> bytes:
    """Return the payload of a statement about a commit, with marks where each has numbers of its own."""
    return format_statement((Subject(name="change", sha256=_MARK),), PredicateType.AUTHORSHIP, json.loads(_PREDICATE))


def submissions(start: int, end: int) -> Iterator[Submission]:
    """Make the statements `start` to `end` as an admission would let them in."""
    template = _template()
    predicate_type, key = parse_statement(template).predicate_type, hashlib.sha256(_KEY.public).digest()
    for number in range(start, end):
        subject = subject_of(number)
        commit = subject.hex()[: len(_COMMIT)]
        payload = template.replace(_COMMIT.encode(), commit.encode()).replace(_MARK.encode(), subject.hex().encode())
        digest = hashlib.sha256(pae(PAYLOAD_TYPE, payload)).digest()
        yield Submission(
            identity=identity_of(payload, _KEY.public),
            leaf=format_entry(Entry(digest=digest, signature=_sign(digest), public=_KEY.public)),
            payload=payload,
            facets=Facets(key=key, repository=_REPOSITORY, commit=commit, predicate_type=predicate_type, subjects=(subject,)),
        )


def subject_of(number: int) -> bytes:
    """Return the SHA-256 that statement `number` is about."""
    return hashlib.sha256(b"%d" % number).digest()


def fill(directory: Path, entries: int) -> None:
    """Begin a log in `directory` and fill it with so many entries, past the door: what is written is what appends would have written.

    What is found by hash goes in at the end, in its order: one by one, each would touch a page of its own.
    """
    ensure_log(directory).store.close()
    key = load_log_key(directory / KEY)
    with contextlib.closing(sqlite3.connect(directory / DATABASE, isolation_level=None)) as database:
        for statement in ("PRAGMA synchronous = OFF", f"ATTACH '{directory / 'later.db'}' AS later", "PRAGMA later.journal_mode = OFF"):
            database.execute(statement)
        for table in _BY_HASH:
            database.execute(f"CREATE TABLE later.{table} AS SELECT * FROM {table}")  # noqa: S608 - written above
        moment = SqlMoment(lambda sql, values: database.execute(_BY_HASH_FIRST.sub(r"INSERT INTO later.\1", sql), values), piece=PIECE)
        for start in range(0, entries, BATCH):
            database.execute("BEGIN")
            _append(moment, key, start, min(entries, start + BATCH))
            database.execute("COMMIT")
        for table, order in _BY_HASH.items():
            database.execute(f"INSERT INTO {table} SELECT * FROM later.{table} ORDER BY {order}")  # noqa: S608 - written above
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (directory / "later.db").unlink()


def _append(moment: StoreWriter, key: LogKey, start: int, end: int) -> None:
    made = list(submissions(start, end))
    moment.add_entries(start, made, _AT + start)
    for place, hashes in grow_tiles(start, [hash_leaf(each.leaf) for each in made], moment.tile, STORED_HEIGHT).items():
        moment.set_tile(*place, hashes)
    root = root_of(end, read_tiled_nodes(moment.tile, {}, STORED_HEIGHT))
    moment.set_head(sign_note(format_checkpoint(Checkpoint(origin=key.name, size=end, root=root)), [key]))


def _sign(digest: bytes) -> bytes:
    """Return the DER signature over what has this SHA-256."""
    s = _NONCE_INVERSE * (int.from_bytes(digest, "big") + _R * _SECRET) % _ORDER
    numbers = b"".join(b"\2%c%b" % (len(each), each) for each in (_integer(_R), _integer(s)))
    return b"\x30%c%b" % (len(numbers), numbers)


def _integer(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")

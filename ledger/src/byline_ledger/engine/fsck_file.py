# SPDX-License-Identifier: Apache-2.0
"""Check the SQLite file under a log: sound to SQLite, with the header that it must have and the tables of this version, no others.

Any byte that an answer of the log could depend on is covered here or by the checks of what the tables hold. What may change without
a finding holds nothing: the space in a page that no row uses, and two numbers in the header of the file, the schema cookie (bytes 40
to 43) and the version of SQLite that wrote last (bytes 96 to 99).
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from byline_ledger.engine.finding import Finding
from byline_ledger.engine.sqlite import APPLICATION_ID, SCHEMA, check_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLES = "SELECT rowid, type, name, tbl_name, sql FROM sqlite_schema"
_PIECES = """
SELECT DISTINCT number >> 16 FROM payload WHERE length(piece) = 0
OR (number & 65535 != 0 AND NOT EXISTS (SELECT 1 FROM payload AS before WHERE before.number = payload.number - 1))
"""
# What SQLite's file format has for a database of ours, where SQLite itself takes anything: with or without a write-ahead log;
# format 4; no cache size, no vacuum; UTF-8; space for later versions.
_HEADER_SIZE = 100
_HEADER = (
    (18, (b"\2\2", b"\1\1")),
    (44, (b"\0\0\0\4" + bytes(8),)),
    (56, (b"\0\0\0\1",)),
    (72, (bytes(20),)),
)


def examine_file(database: sqlite3.Connection, path: Path, *, tree_only: bool) -> Iterator[Finding]:
    """Give what is wrong with the file `path`, which `database` is open on; nothing but its version is looked at for `tree_only`.

    Raises:
        LedgerError: It is of another version: nothing that this one knows would be true of it.
    """
    application = database.execute("PRAGMA application_id").fetchone()[0]
    if application == APPLICATION_ID:
        check_version(database)
    if tree_only:
        return
    for (message,) in database.execute("PRAGMA integrity_check"):
        if message != "ok":
            yield Finding(where=path.name, what=str(message))
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        for statement in SCHEMA:
            fresh.execute(statement)
        tables = sorted(fresh.execute(_TABLES))
    if application != APPLICATION_ID or sorted(database.execute(_TABLES)) != tables:
        yield Finding(where=path.name, what="its tables are not those of a ledger of this version")
    else:
        for (index,) in database.execute(_PIECES):
            yield Finding(where="table payload", what=f"the pieces of the payload of entry {index} are not one after the other")
    with path.open("rb") as file:
        header = file.read(_HEADER_SIZE)
    for at, allowed in _HEADER:
        if not any(header.startswith(each, at) for each in allowed):
            yield Finding(where=f"{path.name}, byte {at}", what="the header of the file is damaged")
    if header[24:28] != header[92:96]:
        yield Finding(where=f"{path.name}, byte 24", what="the header of the file counts its changes in two ways")

# SPDX-License-Identifier: Apache-2.0
"""A log leaves its file for PostgreSQL, with its key, its history and all that is kept beside it.

1. No server has the log, and nobody else writes to it from here on.
2. All tables are copied in one transaction, unless that was done before by a move that did not come to its end.
3. The copy is checked in full (`engine.fsck`), and has the head of the file.
4. The file is frozen: who still has it open, or puts it back one day, cannot go on with it.
5. The database's URL is kept in the folder, and counts from then on; the file gets another name.

Whatever ends this, either the file or the database is the log, and a second move goes on.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from byline.errors import ConfigError, DamagedError
from byline.keys.ed25519 import LogVerifier, load_log_key
from byline.keys.files import save_secret, sync_folder
from byline_ledger.engine.files import DATABASE, KEY, URL, check_files, hold_folder, is_shared, open_postgres
from byline_ledger.engine.frozen import Frozen, set_frozen
from byline_ledger.engine.fsck import examine_moment
from byline_ledger.engine.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from byline_ledger.engine.fsck import FsckReport
    from byline_ledger.engine.sql import SqlMoment

MOVED = f"{DATABASE}.moved"


def move_log(directory: Path, url: str) -> FsckReport:
    """Move the log in `directory` into the empty PostgreSQL database that `url` names, and return what was found of it there.

    Raises:
        ConfigError: There is no log in a file, a server has it, or the database holds another one.
        LedgerError: The log is damaged, or one of the databases cannot be used.
    """
    check_files(directory)
    if is_shared(directory):
        raise ConfigError(f"this ledger is in PostgreSQL already: {directory}")
    verifier = LogVerifier(load_log_key(directory / KEY).note_key)
    with hold_folder(directory):  # 1
        with contextlib.closing(SqliteStore(directory / DATABASE)) as file, file.write() as source:
            report = _copy(source, url, verifier)
            set_frozen(source, Frozen.HELD)  # 4
        save_secret(directory / URL, url.encode() + b"\n")  # 5
        (directory / DATABASE).rename(directory / MOVED)
        sync_folder(directory)
    return report


def _copy(source: SqlMoment, url: str, verifier: LogVerifier) -> FsckReport:
    with contextlib.closing(open_postgres(url, create=True)) as database:
        with database.write() as target:  # 2
            held = target.head()
            if held is None:
                target.copy(source)
            elif held != source.head():
                raise ConfigError("this database holds a ledger already", hint="name an empty one")
        with database.read() as moment:  # 3
            report = examine_moment(moment, verifier)
    if report.findings:
        first = report.findings[0]
        raise DamagedError(f"this ledger is damaged: {first.where}: {first.what}")
    return report

# SPDX-License-Identifier: Apache-2.0
"""A log moves from its file into PostgreSQL, and comes back from there through a backup: one history, whatever happens on the way."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from byline.errors import ConfigError, FrozenError, LedgerError
from byline_ledger.engine.backup import backup_log, restore_log
from byline_ledger.engine.files import DATABASE, init_ledger, load_log, open_postgres, open_store
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.moving import MOVED, move_log
from byline_ledger.engine.sqlite import SqliteStore
from serving import serving, submission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline_ledger.engine.log import Log
    from postgres import Postgres

SIZE = 300


@contextlib.contextmanager
def opened(place: Path) -> Iterator[Log]:
    log = load_log(place)
    yield log.log
    log.store.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A log of some hundred entries in a file, one of them large, and of something that is kept beside it."""
    init_ledger(tmp_path / "l")
    with opened(tmp_path / "l") as log:
        log.append([submission(number, pad=5000 * (number == 7)) for number in range(SIZE)])
    store = open_store(tmp_path / "l")
    with store.write() as writer:
        writer.set_state("kept", b"beside")
    store.close()
    return tmp_path / "l"


def test_a_log_that_moved_is_the_same_log_and_goes_on(place: Path, postgres: Postgres) -> None:
    with opened(place) as log:
        before, first = log.checkpoint(), log.append([submission(3)])
    report = move_log(place, postgres.empty())
    assert (report.entries, report.findings) == (SIZE, ())
    assert sorted(each.name for each in place.iterdir()) == [MOVED, "ledger.url", "log.key", "newest-head"]
    with opened(place) as log:
        assert log.checkpoint() == before
        assert log.append([submission(3)]) == first
        assert log.append([submission(SIZE)])[0].index == SIZE
    with contextlib.closing(open_store(place)) as store, store.read() as reader:
        assert reader.state("kept") == b"beside"
        assert reader.payloads([7]) == {7: submission(7, pad=5000).payload}
    assert check_ledger(place).findings == ()


def test_nobody_goes_on_with_the_file_that_is_left(place: Path, postgres: Postgres) -> None:
    """Not who has it open, and not who gives it its name back."""
    with opened(place) as still_open:
        move_log(place, postgres.empty())
        with pytest.raises(FrozenError):
            still_open.append([submission(SIZE)])
    (place / MOVED).rename(place / DATABASE)
    (place / "ledger.url").unlink()
    with opened(place) as log, pytest.raises(FrozenError):
        log.append([submission(SIZE)])


def test_a_move_that_was_broken_off_goes_on(place: Path, postgres: Postgres) -> None:
    """The process ended once all was copied, and before the folder knew."""
    url = postgres.empty()
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(contextlib.closing(SqliteStore(place / DATABASE)))
        database = stack.enter_context(contextlib.closing(open_postgres(url, create=True)))
        stack.enter_context(database.write()).copy(stack.enter_context(file.read()))
    assert move_log(place, url).findings == ()
    with opened(place) as log:
        assert log.append([submission(SIZE)])[0].index == SIZE


def test_a_log_moves_only_where_none_is_and_only_once(place: Path, tmp_path: Path, postgres: Postgres) -> None:
    taken = postgres.empty()
    init_ledger(tmp_path / "other", database=taken)
    with pytest.raises(ConfigError, match="holds a ledger already"):
        move_log(place, taken)
    with serving(place), pytest.raises(ConfigError, match="a server is running"):
        move_log(place, postgres.empty())
    with opened(place) as log:
        assert log.append([submission(SIZE)])[0].index == SIZE
    move_log(place, postgres.empty())
    with pytest.raises(ConfigError, match="in PostgreSQL already"):
        move_log(place, postgres.empty())


def test_a_damaged_log_does_not_move(place: Path, postgres: Postgres) -> None:
    with contextlib.closing(sqlite3.connect(place / DATABASE)) as database, database:
        database.execute("UPDATE entry SET leaf = zeroblob(3) WHERE idx = 17")
    with pytest.raises(LedgerError, match="entry 17"):
        move_log(place, postgres.empty())
    assert (place / DATABASE).exists()


def test_a_log_in_postgresql_is_backed_up_and_restored(place: Path, tmp_path: Path, postgres: Postgres) -> None:
    move_log(place, postgres.empty())
    backup = backup_log(place, tmp_path / "backup", with_key=True)
    assert backup.head.size == SIZE
    restored = restore_log(tmp_path / "backup", tmp_path / "again", seen=[backup.note])
    assert restored.head == backup.head
    assert check_ledger(tmp_path / "again").findings == ()
    with opened(tmp_path / "again") as log:
        assert log.append([submission(SIZE)])[0].index == SIZE

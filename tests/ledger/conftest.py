# SPDX-License-Identifier: Apache-2.0
"""Every kind of store, for the tests that all of them must pass; a copy of a sound log, for those that damage it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline_ledger.engine.files import DATABASE, KEY
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.sqlite import SqliteStore
from postgres import Postgres, find_binaries, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.ports import Store


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed here (initdb, pg_ctl)")
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    made: Store
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "sqlite":
        made = SqliteStore(tmp_path / "store.db", create=True)
    else:
        from byline_ledger.engine.postgres import PostgresStore

        made = PostgresStore(request.getfixturevalue("postgres").empty(), create=True)
    yield made
    made.close()


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """A copy of the folder that the module's own `sound` gives."""
    place = tmp_path / "copy"
    place.mkdir(mode=0o700)
    for name in (DATABASE, KEY):
        (place / name).write_bytes((sound / name).read_bytes())
        (place / name).chmod(0o600)
    return place

# SPDX-License-Identifier: Apache-2.0
"""Several processes that open a ledger that is not there yet, at once."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

from byline_ledger.engine.sqlite import SqliteStore

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path


def _open(together: Barrier, path: Path) -> None:
    together.wait()
    SqliteStore(path, create=True).close()


def test_processes_that_make_one_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """A commit's attester and a command beside it are the first that a clone sees."""
    fork = multiprocessing.get_context("fork")
    for number in range(20):
        together = fork.Barrier(3)
        processes = [fork.Process(target=_open, args=(together, tmp_path / f"{number}.sqlite")) for _ in range(3)]
        for each in processes:
            each.start()
        for each in processes:
            each.join()
        assert [each.exitcode for each in processes] == [0, 0, 0]

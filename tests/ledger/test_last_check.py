# SPDX-License-Identifier: Apache-2.0
"""What the last check found stays beside the ledger, and is never a reason to fail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from byline_ledger.engine.last_check import LAST, LastCheck, load_last_check, save_last_check
from installed import PROGRAM, run

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_kept_reads_back(tmp_path: Path) -> None:
    last = LastCheck(at=datetime(2026, 11, 21, 8, 30, tzinfo=UTC), entries=5, findings=1, tree_only=True)
    save_last_check(tmp_path, last)
    assert load_last_check(tmp_path) == last


@pytest.mark.parametrize(
    "data", [None, b"", b"[]", b"{}", b'{"at": "now"}', b'{"at": "2026-11-21T08:30:00Z", "entries": "5", "findings": 0}']
)
def test_what_cannot_be_read_is_nothing(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / LAST).write_bytes(data)
    assert load_last_check(tmp_path) is None


def test_fsck_keeps_what_it_found_beside_the_log(tmp_path: Path) -> None:
    run(*PROGRAM, "ledger", "init", "log", cwd=tmp_path)
    assert load_last_check(tmp_path / "log") is None
    for options, tree_only in ((), False), (("--tree",), True):
        assert run(*PROGRAM, "ledger", "fsck", "log", *options, cwd=tmp_path).code == 0
        last = load_last_check(tmp_path / "log")
        assert last is not None
        assert (last.entries, last.findings, last.tree_only) == (0, 0, tree_only)

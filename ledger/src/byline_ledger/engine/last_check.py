# SPDX-License-Identifier: Apache-2.0
"""When a ledger was checked last, and what was found: for those who look at it later.

    <directory>/last-fsck      {"at": "2026-11-21T08:30:00Z", "entries": 5, "findings": 0, "treeOnly": false}

The file stands beside the log and is no part of it: a check changes nothing that it checks, and nothing rests on what it said once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.canonical import format_canonical, parse_strict
from byline.core.moment import format_moment, parse_moment
from byline.core.value import dataclass
from byline.errors import MalformedError
from byline.log.durable import write_durably

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

LAST = "last-fsck"
_MAX_SIZE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCheck:
    """A check that was made `at` a time of `entries` entries, with so many `findings`; `tree_only` if it left out what they hold."""

    at: datetime
    entries: int
    findings: int
    tree_only: bool


def save_last_check(directory: Path, last: LastCheck) -> None:
    """Keep `last` for those who look later.

    Raises:
        OSError: The folder cannot be written.
    """
    value = {"at": format_moment(last.at), "entries": last.entries, "findings": last.findings, "treeOnly": last.tree_only}
    write_durably(directory / LAST, format_canonical(value))


def load_last_check(directory: Path) -> LastCheck | None:
    """Return what was kept, None if nothing was, or nothing that can be read."""
    try:
        value = parse_strict((directory / LAST).read_bytes(), max_bytes=_MAX_SIZE)
        if not isinstance(value, dict):
            return None
        at, entries, findings = parse_moment(value.get("at")), value.get("entries"), value.get("findings")
    except (OSError, MalformedError):
        return None
    if not isinstance(entries, int) or not isinstance(findings, int):
        return None
    return LastCheck(at=at, entries=entries, findings=findings, tree_only=value.get("treeOnly") is True)

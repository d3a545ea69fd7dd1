# SPDX-License-Identifier: Apache-2.0
"""How a log is, at a glance: what `byline ledger stats` and the operator's door tell (`byline.ledger-stats/1`, docs/formats.md)."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.moment import format_moment
from byline_ledger.engine.last_check import load_last_check

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.canonical import Json
    from byline_ledger.engine.log import Log

STATS = "byline.ledger-stats/1"
_MS = 1000


def log_stats(log: Log, directory: Path) -> dict[str, Json]:
    """Return how `log` is, whose files are in `directory`; `server` is for who runs one to fill in.

    Raises:
        LedgerError: The store is broken.
    """
    note, head = log.head()
    newest = log.entries(head.size - 1, limit=1, envelopes=False).entries if head.size else ()
    check = load_last_check(directory)
    return {
        "schema": STATS,
        "origin": head.origin,
        "vkey": log.vkey,
        "size": head.size,
        "root": head.root.hex(),
        "checkpoint": note,
        "newest": format_moment(datetime.fromtimestamp(newest[0].logged_at // _MS, UTC)) if newest else None,
        "frozen": log.is_frozen(),
        "fsck": {"at": format_moment(check.at), "entries": check.entries, "findings": check.findings} if check else None,
        "free": shutil.disk_usage(directory).free,
        "server": None,
    }

# SPDX-License-Identifier: Apache-2.0
"""Settle what one clone waits for: the inbox, what was recorded here before there was a repository, then its own marks.

The marks are listed first: a payload that was spooled before a mark is then surely seen, too. Most commits find the inbox empty, and
reading agents' payloads takes a third of the time in which a commit is attested, most of it to import: so only who finds something
there imports `capture.settle`.

Where the clone was at the last time stands in `where`: what hooks spooled before it was moved names its old place.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from byline.capture.journal import now_ns
from byline.capture.marks import agent_commits, list_marks, settle_marks
from byline.capture.places import shared_dir
from byline.core.value import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WHERE = "where"
ARRIVED = (".spool", ".torn", ".tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one run did: edits and marks written, losses recorded, payloads that had to stay, and the clones' folders that refused them."""

    edits: int = 0
    marks: int = 0
    losses: int = 0
    left: int = 0
    refused: Mapping[Path, OSError] = field(default_factory=dict)


def settle_repository(place: Path, inbox: Path, *, now: int | None = None) -> Settled:
    """Settle `inbox`, then the marks in `place` that were there before it; the journal in `place` is then complete up to them.

    Raises:
        OSError: The inbox cannot be locked, or what is to be written in `place` cannot: its marks stay.
    """
    at = now_ns() if now is None else now
    marks = list_marks(place)
    settled = Settled()
    was, here = _last_place(place), shared_dir(place)
    if _has_arrivals(inbox):
        from byline.capture.settle import settle_inbox

        moved = (was, here) if was and was != here else None
        settled = settle_inbox(inbox, now=at, commits=agent_commits(marks), moved=moved)
    _adopt(place, inbox.parent / "loose")
    if was != here:
        with suppress(OSError):  # a clone that nothing was recorded in, or a disk that takes nothing: the next time tells as well
            (place / WHERE).write_bytes(os.fsencode(here))
    for refusing, error in settled.refused.items():
        if refusing.resolve() == place.resolve():
            raise error
    return replace(settled, marks=settle_marks(place, marks, now=at))


def _adopt(place: Path, loose: Path) -> None:
    """Take what was recorded here before there was a repository; nearly nobody has any of it."""
    if loose.is_dir():
        from byline.capture.loose import adopt_edits

        with suppress(OSError):  # it stays, and is looked for the next time
            adopt_edits(place.resolve(), loose)


def _last_place(place: Path) -> str:
    try:
        return os.fsdecode((place / WHERE).read_bytes())
    except OSError:
        return ""


def _has_arrivals(inbox: Path) -> bool:
    try:
        with os.scandir(inbox) as entries:
            return any(entry.name.endswith(ARRIVED) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False

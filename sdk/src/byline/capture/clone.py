# SPDX-License-Identifier: Apache-2.0
"""Settle what one clone waits for: the inbox, what was recorded here before there was a repository, then its own marks.

The marks are listed first: a payload that was spooled before a mark is then surely seen, too. Most commits find the inbox empty, and
reading agents' payloads takes a third of the time in which a commit is attested, most of it to import: so only who finds something
there imports `capture.settle`.

What this inbox left in the clone as a mark (`capture.elsewhere`) is put aside before, and left again while something waits.

What hooks spooled before the clone was moved, or where it is mounted, names another place and its id: that is fetched (`capture.astray`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.astray import has_astray
from byline.capture.clock import now_ns
from byline.capture.elsewhere import put_back, take_back
from byline.capture.marks import list_marks, plain_commits, settle_marks
from byline.capture.places import shared_dir
from byline.capture.worktree import Clone, clone_id
from byline.core.value import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

ARRIVED = (".spool", ".torn", ".tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one run did: edits and marks written, losses recorded, payloads that had to stay, and the clones' folders that refused them."""

    edits: int = 0
    marks: int = 0
    losses: int = 0
    left: int = 0
    refused: Mapping[Path, OSError] = field(default_factory=dict)


def settle_repository(place: Path, inbox: Path) -> Settled:
    """Settle `inbox`, then the marks in `place` that were there before it; the journal in `place` is then complete up to them.

    Raises:
        OSError: The inbox cannot be locked, or what is to be written in `place` cannot: its marks stay.
    """
    at, marks = now_ns(), list_marks(place)
    settled = Settled()
    here = Clone(id=clone_id(place.parent), common_dir=Path(shared_dir(place)))
    mine = take_back(place.parent, inbox)
    try:
        if _has_arrivals(inbox) or has_astray(inbox):
            from byline.capture.settle import settle_inbox

            settled = settle_inbox(inbox, now=at, commits=plain_commits(marks), here=here)
    finally:
        put_back(mine, is_over=not _has_arrivals(inbox))
    _adopt(place, inbox.parent / "loose")
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


def _has_arrivals(inbox: Path) -> bool:
    try:
        with os.scandir(inbox) as entries:
            return any(entry.name.endswith(ARRIVED) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False

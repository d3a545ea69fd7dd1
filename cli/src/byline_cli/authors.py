# SPDX-License-Identifier: Apache-2.0
"""Counted lines by whose they are, and the commits that brought them, as `log` and `stats` tell them.

A commit's author is what git says, which anybody can write: a name to find it by, and no evidence of who wrote a line.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.flow.unmerged import person
from byline_cli.view import COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.git.objects import CommitInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who a commit names as its author, and when, in their own time zone."""

    author: str
    time: datetime

    @property
    def name(self) -> str:
        """The name without the mail address."""
        return self.author.rpartition(" <")[0] or self.author


def read_signature(info: CommitInfo) -> Signature:
    """Return the author of a commit; a time that is none is the beginning of 1970."""
    seconds, _, zone = info.author[len(person(info.author)) + 1 :].strip().decode("ascii", "replace").partition(" ")
    try:
        minutes = int(zone[-4:-2]) * 60 + int(zone[-2:])
        time = datetime.fromtimestamp(int(seconds), timezone(timedelta(minutes=-minutes if zone.startswith("-") else minutes)))
    except (ValueError, OverflowError, OSError):
        time = datetime.fromtimestamp(0, UTC)
    return Signature(author=f"{person(info.author).decode(errors='replace')}>", time=time)


def subject_of(info: CommitInfo) -> str:
    """Return the first line of a commit's message."""
    return info.message.decode("utf-8", "replace").strip().split("\n")[0]


def by_origin(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return pairs of origin and number added up, in the order of `COLOURS`."""
    sums = dict.fromkeys(COLOURS, 0)
    for origin, number in counts:
        sums[origin] += number
    return {origin: number for origin, number in sums.items() if number}

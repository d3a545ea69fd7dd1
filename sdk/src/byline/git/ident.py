# SPDX-License-Identifier: Apache-2.0
"""Whom a commit names, and when: `name <mail> seconds zone`, as git has it. Anybody can write it, so it is no evidence of anything.

>>> read_ident(b"Ana <ana@example.org> 1700000000 +0100").time.isoformat()
'2023-11-14T23:13:20+01:00'
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from byline.core.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ident:
    """`who` is name and mail as bytes, `time` the moment in the zone that stands beside it."""

    who: bytes
    time: datetime

    @property
    def text(self) -> str:
        """Name and mail as text."""
        return self.who.decode(errors="replace")

    @property
    def name(self) -> str:
        """The name without the mail address."""
        return self.text.rpartition(" <")[0] or self.text


def read_ident(raw: bytes) -> Ident:
    """Return what the `raw` ident says; a time that is none is the beginning of 1970."""
    who, bracket, moment = raw.rpartition(b">")
    seconds, _, zone = moment.strip().decode("ascii", "replace").partition(" ")
    try:
        minutes = int(zone[-4:-2]) * 60 + int(zone[-2:])
        time = datetime.fromtimestamp(int(seconds), timezone(timedelta(minutes=-minutes if zone.startswith("-") else minutes)))
    except (ValueError, OverflowError, OSError):
        time = datetime.fromtimestamp(0, UTC)
    return Ident(who=who + bracket, time=time)

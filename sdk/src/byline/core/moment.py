# SPDX-License-Identifier: Apache-2.0
"""A moment, as statements and trust write it: RFC 3339 in UTC, whole seconds, `Z`; none from before the year 1000.

Time is always an argument (`at`, an aware datetime in UTC); nothing here asks a clock.

>>> format_moment(parse_moment("2026-11-21T08:30:00Z"))
'2026-11-21T08:30:00Z'
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from byline.errors import MalformedError

SKEW = timedelta(seconds=60)  # clocks of honest machines differ by less

_MOMENT = re.compile(r"[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def parse_moment(text: object) -> datetime:
    """Read `YYYY-MM-DDTHH:MM:SSZ`.

    Raises:
        MalformedError: Another form, or no such moment.
    """
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise MalformedError("a moment is written YYYY-MM-DDTHH:MM:SSZ")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError("a moment that no calendar has") from error


def format_moment(at: datetime) -> str:
    """Return `at` in UTC, cut to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

# SPDX-License-Identifier: Apache-2.0
"""The clock of the journal, of refusals and of losses: the one that gives files their times."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

CLOCK_REALTIME_COARSE: Final = 5  # of linux/time.h; Python has no name for it


def now_ns() -> int:
    """Return the time by the clock that gives files their times, so that records and marks of the git hooks compare.

    On Linux that clock is up to a few milliseconds behind `time.time_ns`.
    """
    return time.clock_gettime_ns(CLOCK_REALTIME_COARSE) if sys.platform == "linux" else time.time_ns()


def format_time(at: int) -> str:
    """Return the time `at` (nanoseconds) as agents' transcripts write it.

    >>> format_time(1_700_000_000_012_345_678)
    '2023-11-14T22:13:20.012Z'
    """
    seconds, rest = divmod(at, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 10**6:03d}Z"

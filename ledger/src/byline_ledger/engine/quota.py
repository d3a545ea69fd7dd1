# SPDX-License-Identifier: Apache-2.0
"""How much somebody may send: so much a second, and what was not used of the last seconds.

Time is an argument, in seconds of a clock that only goes forward.

>>> bucket = Bucket(rate=2, seconds=5)
>>> [bucket.pause(10, at=0.0), bucket.take(10), bucket.pause(1, at=0.0), bucket.pause(1, at=0.5)]
[0.0, None, 0.5, 0.0]
"""

from __future__ import annotations


class Bucket:
    """`rate` units a second; a bucket that is full holds those of `seconds`. Not thread-safe."""

    def __init__(self, *, rate: int, seconds: int) -> None:
        self._rate = rate
        self._most = self._level = float(rate * seconds)
        self._at: float | None = None

    def go_on(self, before: Bucket) -> None:
        """Begin with what was left in `before`, as far as it fits."""
        self._level, self._at = min(self._most, before._level), before._at

    def pause(self, units: int, *, at: float) -> float:
        """Return in how many seconds `units` may be taken; what is more than the whole bucket may be when it is full."""
        if self._at is not None:
            self._level = min(self._most, self._level + max(0.0, at - self._at) * self._rate)
        self._at = at
        return max(0.0, (min(float(units), self._most) - self._level) / self._rate)

    def take(self, units: int) -> None:
        """Take `units`, also more than there are: who comes next waits for them."""
        self._level -= units

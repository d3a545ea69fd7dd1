# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom before they are checked and logged together.

A signature, a transaction and a flush of the disk cost less each the more share them, and who is alone shall not wait. So a batch
is due once all are there that were around when the last two were answered, or once it is as large as is of use: of a large crowd one
part is received and answered while another is checked and made durable. Those who do not come any more are waited for until nobody
came for two pauses, and no longer than it takes to receive so many, `patience`. What is due goes on in chunks, so that more than one
processor has something to check.

>>> gathering = Gathering[str]()
>>> gathering.add("the only caller", 1, 100)
>>> gathering.is_due, gathering.take()
(True, ['the only caller'])
>>> gathering.answered(4)
>>> gathering.add("the first of four", 1, 100)
>>> gathering.is_due
False
>>> gathering.has_paused(), gathering.has_paused(), gathering.has_paused()
(False, False, True)
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

ENOUGH = 32
ENOUGH_BYTES = 1024 * 1024
CHUNK = 32
RECEIVE_SECONDS = 0.0005
PAUSE_SECONDS = 0.004
_QUIET_PAUSES = 2

T = TypeVar("T")


class Gathering(Generic[T]):
    """Callers in the order in which they came, each with a number of statements. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[T, int, int]] = deque()
        self._around = (1, 1)
        self._bytes = 0
        self._pauses = self._quiet = 0
        self._seen = 0
        self.number = 0

    @property
    def is_due(self) -> bool:
        """Whether nobody is to be waited for."""
        return self.number >= min(max(self._around), ENOUGH) or self._bytes >= ENOUGH_BYTES

    @property
    def patience(self) -> float:
        """How many seconds the first caller of a batch is to wait for others."""
        return min(max(self._around), ENOUGH) * RECEIVE_SECONDS

    def has_paused(self) -> bool:
        """Whether those who wait are to wait no longer, now that `PAUSE_SECONDS` have passed once more."""
        self._pauses += 1
        self._quiet = self._quiet + 1 if self.number == self._seen else 0
        self._seen = self.number
        return self._quiet >= _QUIET_PAUSES or self._pauses * PAUSE_SECONDS >= self.patience

    def add(self, caller: T, number: int, size: int) -> None:
        """Let `caller` wait with `number` statements of `size` bytes together."""
        self._waiting.append((caller, number, size))
        self.number += number
        self._bytes += size

    def take(self) -> list[T]:
        """Return the callers of one chunk: the first, and those after it that it has room for."""
        taken: list[T] = []
        number = size = 0
        while self._waiting:
            caller, more, larger = self._waiting[0]
            if taken and (number + more > CHUNK or size + larger > ENOUGH_BYTES):
                break
            self._waiting.popleft()
            taken.append(caller)
            number, size = number + more, size + larger
        self.number -= number
        self._bytes -= size
        self._pauses = self._quiet = self._seen = 0
        return taken

    def answered(self, around: int) -> None:
        """Remember that a batch was answered while `around` statements were on their way, those of it included."""
        self._around = (self._around[1], around)

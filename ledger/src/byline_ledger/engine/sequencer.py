# SPDX-License-Identifier: Apache-2.0
"""Many callers, one order: group commit.

Callers submit and get their answers when somebody flushes: everything that waits, up to a batch, becomes part of the log in one
transaction. Who drives the sequencer decides when; `linger` tells how long a flush is worth waiting for. After a batch of one it
is worth nothing, so one caller alone pays one commit and no timer; after a batch with company it is a few milliseconds, so that a
crowd shares commits instead of paying one for every few.

What waits is bounded, in number and in bytes: what does not fit is pushed back at once. After an error that is not passing the
sequencer takes nothing more: a log whose store is broken must not go on. It runs in the thread of its driver and needs no other:
SQLite gives the interpreter away at each call, and a second busy thread made it wait for it longer than for the disk.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from byline.errors import LedgerError, LedgerUnavailableError, PushbackError

if TYPE_CHECKING:
    from byline.core.bundle import Receipt
    from byline.core.entry import Submission
    from byline_ledger.engine.log import Log

MAX_BATCH = 256
CAPACITY = 2048
LINGER_SECONDS = 0.005
MAX_WAITING_BYTES = 64 * 1024 * 1024
RETRY_SECONDS = 0.5


class Answer(Protocol):
    """Where an answer goes; a future is one. Who went away meanwhile is done."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def set_result(self, receipt: Receipt, /) -> None:
        """Hand over the receipt."""
        ...

    def set_exception(self, error: BaseException, /) -> None:
        """Hand over what went wrong."""
        ...


class Sequencer:
    """The one writer of `log` in this process; not thread-safe."""

    def __init__(self, log: Log, *, capacity: int = CAPACITY) -> None:
        self._log = log
        self._capacity = capacity
        self._waiting: deque[tuple[Submission, Answer]] = deque()
        self._bytes = 0
        self._crowded = False
        self.fatal: Exception | None = None

    @property
    def waiting(self) -> int:
        """How many submissions wait."""
        return len(self._waiting)

    @property
    def linger(self) -> float:
        """Seconds after which the next flush is best made."""
        return LINGER_SECONDS if self._crowded else 0.0

    def submit(self, submission: Submission, answer: Answer) -> None:
        """Let `submission` wait for the next flush; `answer` gets its receipt once it is durable and in the tree.

        Raises:
            PushbackError: Too much waits already.
            LedgerError: The store is broken.
        """
        if self.fatal is not None:
            raise LedgerError(f"the ledger stopped: {self.fatal}")
        if len(self._waiting) >= self._capacity or self._bytes > MAX_WAITING_BYTES:
            raise PushbackError("the ledger has more to do than it can", retry_after=RETRY_SECONDS)
        self._waiting.append((submission, answer))
        self._bytes += len(submission.payload)

    def flush(self) -> None:
        """Append one batch of what waits and answer it; what goes wrong is an answer too, and `fatal` if it will not pass."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        self._bytes -= sum(len(submission.payload) for submission, _ in batch)
        self._crowded = len(batch) > 1
        # Who went away was promised nothing.
        batch = [each for each in batch if not each[1].done()]
        try:
            if self.fatal is not None:
                raise LedgerError(f"the ledger stopped: {self.fatal}")
            receipts = self._log.append([submission for submission, _ in batch]) if batch else []
        except Exception as error:  # noqa: BLE001 - nothing is hidden: every caller is told, and nothing more is taken
            if not isinstance(error, LedgerUnavailableError):
                self.fatal = self.fatal or error
            for _, answer in batch:
                answer.set_exception(error)
        else:
            for (_, answer), receipt in zip(batch, receipts, strict=True):
                answer.set_result(receipt)

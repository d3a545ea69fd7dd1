# SPDX-License-Identifier: Apache-2.0
"""Many callers, one order: group commit.

Callers submit and get their answers when somebody flushes: everything that waits, up to a batch, becomes part of the log in one
transaction. A flush has three steps, so that a server can go on while the disk works:

    staged = sequencer.stage()     takes what waits and adds it to the log, uncommitted
    staged.commit()                makes it durable; the one step that may run in another thread, and mostly waits for the disk
    sequencer.settle(staged)       answers everybody; only now may the next one be staged

Who drives the sequencer decides when; `linger` tells how long a flush is worth waiting for. After a batch of one it is worth
nothing, so one caller alone pays one commit and no timer; after a batch with company it is a few milliseconds, so that a crowd
shares commits instead of paying one for every few.

What waits is bounded, in number and in bytes: what does not fit is pushed back at once. After an error that is not passing the
sequencer takes nothing more: a log whose store is broken must not go on. But for a commit everything runs in its driver's thread:
SQLite gives the interpreter away at each call, and a second busy thread made it wait for it longer than for the disk.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Protocol

from byline.errors import LedgerError, LedgerUnavailableError, PushbackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.bundle import Receipt
    from byline.core.entry import Submission
    from byline_ledger.engine.log import Log

MAX_BATCH = 256
CAPACITY = 2048
LINGER_SECONDS = 0.004
MAX_LINGER_SECONDS = 0.032
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


class Staged:
    """A batch on its way: who waits for it, and what became of it."""

    def __init__(self, batch: list[tuple[Submission, Answer]]) -> None:
        self.answers = [answer for _, answer in batch]
        self.receipts: list[Receipt] = []
        self.error: Exception | None = None
        self._submissions = [submission for submission, _ in batch]
        self._transaction = contextlib.ExitStack()

    def begin(self, log: Log) -> None:
        """Add the batch to `log`; `error` tells what went wrong."""
        with self._telling():
            self.receipts = self._transaction.enter_context(log.appending(self._submissions))

    def commit(self) -> None:
        """Make it durable; `error` tells what went wrong."""
        with self._telling():
            self._transaction.close()

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - nothing is hidden: every caller is told
            self.error = error


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

    def stage(self) -> Staged:
        """Take one batch of what waits and add it to the log, uncommitted."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        self._bytes -= sum(len(submission.payload) for submission, _ in batch)
        self._crowded = len(batch) > 1
        # Who went away was promised nothing.
        staged = Staged([each for each in batch if not each[1].done()])
        if self.fatal is not None:
            staged.error = LedgerError(f"the ledger stopped: {self.fatal}")
        elif staged.answers:
            staged.begin(self._log)
        return staged

    def settle(self, staged: Staged) -> None:
        """Answer who waits for `staged`; what went wrong is an answer too, and `fatal` if it will not pass."""
        if staged.error is not None and not isinstance(staged.error, LedgerUnavailableError):
            self.fatal = self.fatal or staged.error
        for number, answer in enumerate(staged.answers):
            if answer.done():
                continue
            if staged.error is not None:
                answer.set_exception(staged.error)
            else:
                answer.set_result(staged.receipts[number])

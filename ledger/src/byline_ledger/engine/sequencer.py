# SPDX-License-Identifier: Apache-2.0
"""Many callers, one order: group commit.

Callers submit what was admitted, one submission or some, and get their receipts when somebody flushes: everything that waits, up
to a batch, becomes part of the log in one transaction. A flush has three steps, so that a server can go on while the disk works:

    staged = sequencer.stage()     takes what waits and adds it to the log, uncommitted
    staged.commit()                makes it durable; the one step that may run in another thread, and mostly waits for the disk
                                   (where the log is in another machine's database it also adds it: all of that is to wait)
    sequencer.settle(staged)       answers everybody; only now may the next one be staged

Who drives the sequencer decides when, and bounds how much may wait (`engine.gathering`, `server.appends`). A batch is bounded, in
number and in bytes: a driver that does other things is held up for milliseconds. After an error that is not passing the sequencer
takes nothing more: a log whose store is broken must not go on. But for a commit everything runs in its driver's thread: SQLite
gives the interpreter away at each call, and a second busy thread made it wait for it longer than for the disk.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from byline.errors import FrozenError, LedgerError, LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from byline.core.bundle import Receipt
    from byline.core.entry import Submission
    from byline_ledger.engine.log import Log

MAX_BATCH = 512
MAX_BATCH_BYTES = 1024 * 1024


class Answer(Protocol):
    """Where an answer goes; a future is one. Who went away meanwhile is done."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def set_result(self, receipts: list[Receipt | FrozenError], /) -> None:
        """Hand over the receipts, one for each submission; of a frozen log for those alone that it has."""
        ...

    def set_exception(self, error: BaseException, /) -> None:
        """Hand over what went wrong."""
        ...


class Ask(NamedTuple):
    """What waits: `submissions` that enter the log in one batch, and who wants their receipts; `size` in bytes."""

    submissions: Sequence[Submission]
    answer: Answer
    size: int


class Staged:
    """A batch on its way: who waits for it, and what became of it."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        self.asks = asks
        self.receipts: list[Receipt | FrozenError] = []
        self.error: Exception | None = None
        self._transaction = contextlib.ExitStack()
        self._remote: Log | None = None

    def begin(self, log: Log, *, is_remote: bool = False) -> None:
        """Add the batch to `log`, later where it is remote; `error` tells what went wrong."""
        if is_remote:
            self._remote = log
        else:
            with self._telling():
                self._add(log, lambda submissions: self._transaction.enter_context(log.appending(submissions)))

    def commit(self) -> None:
        """Make it durable; `error` tells what went wrong."""
        with self._telling():
            if self._remote is not None:
                self._add(self._remote, self._remote.append)
            self._transaction.close()

    def _add(self, log: Log, add: Callable[[list[Submission]], list[Receipt]]) -> None:
        submissions = [each for ask in self.asks for each in ask.submissions]
        try:
            self.receipts = [*add(submissions)] if submissions else []
        except FrozenError as error:  # what is there already has its receipt
            self.receipts = [receipt or error for receipt in log.receipts(submissions)]

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - nothing is hidden: every caller is told
            self.error = error


class Sequencer:
    """The one writer of `log` in this process; not thread-safe. What a log that `is_remote` is asked takes a message each."""

    def __init__(self, log: Log, *, is_remote: bool = False) -> None:
        self._log = log
        self._is_remote = is_remote
        self._asks: deque[Ask] = deque()
        self.waiting = 0
        self.fatal: Exception | None = None

    def check(self) -> None:
        """Check that the log takes anything.

        Raises:
            LedgerError: The store is broken.
        """
        if self.fatal is not None:
            raise LedgerError(f"the ledger stopped: {self.fatal}")

    def submit(self, submissions: Sequence[Submission], answer: Answer) -> None:
        """Let `submissions` wait for the next flush; `answer` gets their receipts once they are durable and in the tree, or why not.

        Raises:
            LedgerError: The store is broken.
        """
        self.check()
        self._asks.append(Ask(submissions, answer, sum(len(each.payload or b"") for each in submissions)))
        self.waiting += len(submissions)

    def stage(self) -> Staged:
        """Take one batch of what waits and add it to the log, uncommitted."""
        # Who went away was promised nothing.
        staged = Staged([ask for ask in self._take() if not ask.answer.done()])
        try:
            self.check()
        except LedgerError as error:
            staged.error = error
        else:
            staged.begin(self._log, is_remote=self._is_remote)
        return staged

    def settle(self, staged: Staged) -> None:
        """Answer who waits for `staged`; what went wrong is an answer too, and `fatal` if it will not pass."""
        if staged.error is not None and not isinstance(staged.error, LedgerUnavailableError):
            self.fatal = self.fatal or staged.error
        start = 0
        for submissions, answer, _ in staged.asks:
            receipts = staged.receipts[start : (start := start + len(submissions))]
            if answer.done():
                continue
            if staged.error is not None:
                answer.set_exception(staged.error)
            else:
                answer.set_result(receipts)

    def probe(self) -> None:
        """Write what changes nothing, to learn whether the log takes anything; not beside a flush, and as `Staged.commit` in any thread.

        Raises:
            LedgerError: It does not; a `LedgerUnavailableError` where it may later.
        """
        self.check()
        self._log.rewrite_head()

    def _take(self) -> Iterator[Ask]:
        number = size = 0
        while self._asks:
            ask = self._asks[0]
            if number and (number + len(ask.submissions) > MAX_BATCH or size + ask.size > MAX_BATCH_BYTES):
                break
            number, size = number + len(ask.submissions), size + ask.size
            yield self._asks.popleft()
        self.waiting -= number

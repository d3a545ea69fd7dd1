# SPDX-License-Identifier: Apache-2.0
"""Many callers, one order: group commit.

A thread takes everything that waits, up to a batch, appends it in one transaction, answers, and takes what came meanwhile. So one
caller alone pays one commit, and a crowd shares it; nobody waits for a timer. The queue is bounded: what does not fit is pushed
back at once. After an error that is not passing the sequencer takes nothing more: a log whose store is broken must not go on.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from byline.errors import LedgerError, LedgerUnavailableError, PushbackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from byline.core.bundle import Receipt
    from byline_ledger.engine.admission import Submission
    from byline_ledger.engine.log import Log

MAX_BATCH = 256
CAPACITY = 2048
MAX_WAITING_BYTES = 64 * 1024 * 1024
RETRY_SECONDS = 0.5


class Sequencer:
    """The one writer of `log` in this process; `on_fatal` is called from its thread when the store is found broken."""

    def __init__(self, log: Log, *, capacity: int = CAPACITY, on_fatal: Callable[[Exception], None] | None = None) -> None:
        self._log = log
        self._capacity = capacity
        self._on_fatal = on_fatal
        self._waiting: deque[tuple[Submission, Future[Receipt]]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._fatal: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="byline-sequencer", daemon=True)
        self._thread.start()

    def submit(self, submission: Submission) -> Future[Receipt]:
        """Queue `submission`; the future holds its receipt once it is durable and in the tree.

        Raises:
            PushbackError: The queue is full.
            LedgerUnavailableError: The sequencer is closing.
            LedgerError: The store is broken.
        """
        future: Future[Receipt] = Future()
        with self._changed:
            if self._fatal is not None:
                raise LedgerError(f"the ledger stopped: {self._fatal}")
            if self._closed:
                raise LedgerUnavailableError("the ledger is shutting down")
            if len(self._waiting) >= self._capacity or self._bytes > MAX_WAITING_BYTES:
                raise PushbackError("the ledger has more to do than it can", retry_after=RETRY_SECONDS)
            self._waiting.append((submission, future))
            self._bytes += len(submission.payload)
            self._changed.notify()
        return future

    def close(self) -> None:
        """Take nothing more, finish what waits, and return when it is answered."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            # A caller that went away meanwhile was promised nothing.
            self._append([(submission, future) for submission, future in batch if future.set_running_or_notify_cancel()])

    def _next_batch(self) -> list[tuple[Submission, Future[Receipt]]]:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            self._bytes -= sum(len(submission.payload) for submission, _ in batch)
            return batch

    def _append(self, batch: list[tuple[Submission, Future[Receipt]]]) -> None:
        if self._fatal is not None:
            for _, future in batch:
                future.set_exception(LedgerError(f"the ledger stopped: {self._fatal}"))
            return
        try:
            receipts = self._log.append([submission for submission, _ in batch])
        except Exception as error:  # noqa: BLE001 - every caller is told, and the thread must live to tell the next ones
            for _, future in batch:
                future.set_exception(error)
            if not isinstance(error, LedgerUnavailableError):
                self._stop(error)
            return
        for (_, future), receipt in zip(batch, receipts, strict=True):
            future.set_result(receipt)

    def _stop(self, error: Exception) -> None:
        with self._changed:
            self._fatal = error
        if self._on_fatal is not None:
            self._on_fatal(error)

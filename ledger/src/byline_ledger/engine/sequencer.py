# SPDX-License-Identifier: Apache-2.0
"""Many callers, one order: group commit.

Callers submit and get their answers when somebody flushes: everything that waits, up to a batch, becomes part of the log in one
transaction. A flush has three steps, so that a server can go on while the disk works:

    staged = sequencer.stage()     takes what waits, refuses what may not enter, and adds the rest to the log, uncommitted
    staged.commit()                makes it durable; the one step that may run in another thread, and mostly waits for the disk
    sequencer.settle(staged)       answers everybody; only now may the next one be staged

Who drives the sequencer decides when. A flush is best made when `is_gathered`: everybody who was around at the last one is there
again, or a batch is full. One caller alone pays one commit and no wait; a crowd is waited for, as long as somebody comes every
few milliseconds, so that it shares commits instead of paying one for every few. Admission is work for a batch as well: one check
after another costs less than each between other things.

What waits is bounded, in number and in bytes: what does not fit is pushed back at once. So is a batch: a driver that does other
things is held up for milliseconds. After an error that is not passing the sequencer takes nothing more: a log whose store is
broken must not go on. But for a commit everything runs in its driver's thread: SQLite gives the interpreter away at each call,
and a second busy thread made it wait for it longer than for the disk.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from byline.errors import LedgerError, LedgerUnavailableError, PushbackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.core.bundle import Receipt
    from byline.core.entry import Submission
    from byline.core.envelope import Envelope
    from byline_ledger.engine.admission import Admission
    from byline_ledger.engine.log import Log

MAX_BATCH = 64
MAX_BATCH_BYTES = 1024 * 1024
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


class Ask(NamedTuple):
    """What waits: `envelope`, signed by the key `public` (SPKI DER), and who wants its receipt."""

    envelope: Envelope
    public: bytes
    answer: Answer


class Staged:
    """A batch on its way: who waits for it, and what became of it."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.receipts: list[Receipt] = []
        self.refused: list[tuple[Answer, Exception]] = []
        self.error: Exception | None = None
        self._transaction = contextlib.ExitStack()

    def begin(self, batch: Sequence[Ask], admission: Admission, log: Log) -> None:
        """Add to `log` what `admission` lets in of `batch`; `error` tells what went wrong."""
        submissions: list[Submission] = []
        for ask in batch:
            try:
                submissions.append(admission.admit(ask.envelope, ask.public))
            except Exception as error:  # noqa: BLE001 - nothing is hidden: who asked is told, and nobody else is in it
                self.refused.append((ask.answer, error))
            else:
                self.answers.append(ask.answer)
        if submissions:
            with self._telling():
                self.receipts = self._transaction.enter_context(log.appending(submissions))

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
    """The one writer of `log` in this process, behind the door `admission`; not thread-safe."""

    def __init__(self, log: Log, admission: Admission, *, capacity: int = CAPACITY) -> None:
        self._log = log
        self._admission = admission
        self._capacity = capacity
        self._waiting: deque[Ask] = deque()
        self._bytes = 0
        self._crowd = 1
        self.fatal: Exception | None = None

    @property
    def waiting(self) -> int:
        """How many submissions wait."""
        return len(self._waiting)

    @property
    def is_gathered(self) -> bool:
        """Whether nobody is to be waited for."""
        return len(self._waiting) >= min(self._crowd, MAX_BATCH) or self._bytes >= MAX_BATCH_BYTES

    def submit(self, envelope: Envelope, public: bytes, answer: Answer) -> None:
        """Let `envelope` wait for the next flush; `answer` gets its receipt once it is durable and in the tree, or why not.

        Raises:
            PushbackError: Too much waits already.
            LedgerError: The store is broken.
        """
        if self.fatal is not None:
            raise LedgerError(f"the ledger stopped: {self.fatal}")
        if len(self._waiting) >= self._capacity or self._bytes > MAX_WAITING_BYTES:
            raise PushbackError("the ledger has more to do than it can", retry_after=RETRY_SECONDS)
        self._waiting.append(Ask(envelope, public, answer))
        self._bytes += len(envelope.payload)

    def stage(self) -> Staged:
        """Take one batch of what waits and add it to the log, uncommitted."""
        batch = list(self._take())
        staged = Staged()
        if self.fatal is not None:
            staged.error = LedgerError(f"the ledger stopped: {self.fatal}")
            staged.answers = [ask.answer for ask in batch]
        else:
            # Who went away was promised nothing.
            staged.begin([ask for ask in batch if not ask.answer.done()], self._admission, self._log)
        return staged

    def settle(self, staged: Staged) -> None:
        """Answer who waits for `staged`; what went wrong is an answer too, and `fatal` if it will not pass."""
        if staged.error is not None and not isinstance(staged.error, LedgerUnavailableError):
            self.fatal = self.fatal or staged.error
        self._crowd = len(staged.answers) + len(staged.refused) + len(self._waiting)
        for number, answer in enumerate(staged.answers):
            if answer.done():
                continue
            if staged.error is not None:
                answer.set_exception(staged.error)
            else:
                answer.set_result(staged.receipts[number])
        for answer, error in staged.refused:
            if not answer.done():
                answer.set_exception(error)

    def probe(self) -> None:
        """Write what changes nothing, to learn whether the log takes anything; not beside a flush, and as `Staged.commit` in any thread.

        Raises:
            LedgerError: It does not; a `LedgerUnavailableError` where it may later.
        """
        if self.fatal is not None:
            raise LedgerError(f"the ledger stopped: {self.fatal}")
        self._log.rewrite_head()

    def _take(self) -> Iterator[Ask]:
        size = 0
        for _ in range(min(len(self._waiting), MAX_BATCH)):
            if size and size + len(self._waiting[0].envelope.payload) > MAX_BATCH_BYTES:
                break
            ask = self._waiting.popleft()
            size += len(ask.envelope.payload)
            yield ask
        self._bytes -= size

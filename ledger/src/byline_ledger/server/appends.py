# SPDX-License-Identifier: Apache-2.0
"""The writing half of a server: what is asked is gathered, checked, put into one order, made durable and answered.

Every door that takes statements comes through here, so that all share one admission, one sequencer and one bound. All of it runs on
the loop but for the checks of a crowd, which other processes make, and the wait for the disk, which a thread does. What arrives
meanwhile is the next batch. What is on its way is bounded, in number and in bytes: what does not fit is pushed back, or waits with
its caller outside (`room`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from byline.core.bundle import Receipt
from byline.errors import BylineError, FrozenError, PushbackError
from byline.keys.ids import key_id
from byline_ledger.engine.access import Guest
from byline_ledger.engine.gathering import PAUSE_SECONDS, Gathering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from byline.core.entry import Submission
    from byline.core.envelope import Envelope
    from byline_ledger.engine.access import Visit
    from byline_ledger.engine.sequencer import Sequencer
    from byline_ledger.server.checks import Checks
    from byline_ledger.server.metrics import Metrics

CAPACITY = 2048
MAX_BYTES = 64 * 1024 * 1024
PROBE_SECONDS = 1.0
RETRY_SECONDS = 0.5
LOGGED = "logged"

Outcome: TypeAlias = Receipt | Exception
T = TypeVar("T")


class _Caller:
    """Who waits for the outcomes of `asked`, sent by `visit`; a `sequencer.Answer` once those that may come (`asks`) are checked."""

    def __init__(self, asked: Sequence[tuple[Envelope, bytes]], visit: Visit) -> None:
        self._guests = [visit.let(key_id(public), len(envelope.payload)) for envelope, public in asked]
        self._sizes = [len(envelope.payload) for envelope, _ in asked]
        self.asks = [ask for ask, guest in zip(asked, self._guests, strict=True) if isinstance(guest, Guest)]
        self.size = sum(len(envelope.payload) for envelope, _ in self.asks)
        self.outcomes: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._checked: Sequence[Submission | Exception] = ()

    def done(self) -> bool:
        return self.outcomes.done()

    def set_checked(self, found: Sequence[Submission | Exception]) -> list[Submission]:
        """Remember what was refused, and return the rest: what was `found`, as far as its sender may send so much."""
        rest = iter(found)
        self._checked = [
            guest.charged(next(rest), size) if isinstance(guest, Guest) else guest
            for guest, size in zip(self._guests, self._sizes, strict=True)
        ]
        return [each for each in self._checked if not isinstance(each, Exception)]

    def set_result(self, receipts: list[Receipt | FrozenError], /) -> None:
        rest = iter(receipts)
        self.outcomes.set_result([each if isinstance(each, Exception) else next(rest) for each in self._checked])

    def set_exception(self, error: BaseException, /) -> None:
        self.outcomes.set_exception(error)


class Appends:
    """Statements on their way into the log; `failing` is set while it takes nothing, for now or for ever.

    `publish` is called with each new checkpoint, once it is durable; `has_room` tells whether the disk does.
    """

    def __init__(
        self,
        *,
        checks: Checks,
        sequencer: Sequencer,
        writer: Executor,
        publish: Callable[[str], None],
        metrics: Metrics,
        has_room: Callable[[], bool] = lambda: True,
        capacity: int = CAPACITY,
    ) -> None:
        self._checks = checks
        self._sequencer = sequencer
        self._writer = writer
        self._publish = publish
        self._metrics = metrics
        self._has_room = has_room
        self._capacity = capacity
        self._asides: deque[tuple[Callable[[], object], asyncio.Future[Any]]] = deque()
        self._gathering = Gathering[_Caller]()
        self._pause: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushing: asyncio.Task[None] | None = None
        self._freed = asyncio.Event()
        self._number = 0
        self._bytes = 0
        self.failing = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many statements are on their way."""
        return self._number

    @property
    def is_full(self) -> bool:
        """Whether what comes now is pushed back."""
        return self._number >= self._capacity or self._bytes > MAX_BYTES

    async def room(self) -> None:
        """Return once something has room."""
        while self.is_full:
            self._freed.clear()
            await self._freed.wait()

    async def append(self, asks: Sequence[tuple[Envelope, bytes]], visit: Visit) -> list[Outcome]:
        """Log envelopes with the keys that signed them, sent by `visit`; return for each its receipt, or why it was refused.

        All that are logged have receipts to one checkpoint. Who stops waiting is logged if the batch is under way.

        Raises:
            PushbackError: Too much is on its way already.
            LedgerUnavailableError: Nobody knows whether they were taken.
            LedgerError: The store is broken.
        """
        try:
            outcomes = await self._append(asks, visit)
        except BylineError as error:
            self._metrics.entered(error.code, len(asks))
            raise
        refused = [each for each in outcomes if isinstance(each, Exception)]
        self._metrics.entered(LOGGED, len(outcomes) - len(refused))
        for each in refused:
            self._metrics.entered(_word(each), 1)
        return outcomes

    async def _append(self, asks: Sequence[tuple[Envelope, bytes]], visit: Visit) -> list[Outcome]:
        self._check_room()
        caller = _Caller(asks, visit)
        if not caller.asks:  # nobody is kept waiting for a no
            caller.set_checked(())
            caller.set_result([])
            return await caller.outcomes
        with self._counted(len(caller.asks), caller.size):
            self._gathering.add(caller, len(caller.asks), caller.size)
            self._gather()
            return await caller.outcomes

    async def log(self, submission: Submission) -> Receipt:
        """Log what another door has admitted; as `append`.

        Raises:
            PushbackError: As `append`.
            LedgerUnavailableError: As `append`; a `FrozenError` where the log is frozen.
            LedgerError: As `append`.
        """
        self._check_room()
        with self._counted(1, len(submission.leaf)):
            answer: asyncio.Future[list[Receipt | FrozenError]] = asyncio.get_running_loop().create_future()
            self._sequencer.submit([submission], answer)
            self._flush_soon()
            (outcome,) = await answer
        if isinstance(outcome, FrozenError):
            self._metrics.entered(_word(outcome), 1)
            raise outcome
        self._metrics.entered(LOGGED, 1)
        return outcome

    def _check_room(self) -> None:
        self._sequencer.check()
        if self.is_full:
            raise PushbackError("the ledger has more to do than it can", retry_after=RETRY_SECONDS)

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what writes to the log by itself, in the writer's thread, between two batches.

        Raises:
            BylineError: As `work`.
        """
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asides.append((work, done))
        self._flush_soon()
        found: T = await done
        return found

    async def recover(self) -> None:
        """Return once the log takes something again. Nobody may send anything to a server that says it cannot: so it tries itself."""
        while self.failing.is_set():
            await asyncio.sleep(PROBE_SECONDS)
            if self._flushing is None:
                self._flushing = asyncio.get_running_loop().create_task(self._probe())

    @contextlib.contextmanager
    def _counted(self, number: int, size: int) -> Iterator[None]:
        self._number += number
        self._bytes += size
        try:
            yield
        finally:
            self._number -= number
            self._bytes -= size
            self._freed.set()

    async def _probe(self) -> None:
        try:
            with contextlib.suppress(BylineError):  # said before, and asked again
                await asyncio.get_running_loop().run_in_executor(self._writer, self._sequencer.probe)
                self._calm()
        finally:
            await self._flush()

    def _calm(self) -> None:
        """Say that the log takes something again. A disk that is nearly full takes little things and no batch, so it must have room."""
        if self.failing.is_set() and self._has_room():
            self.failing.clear()

    def _gather(self) -> None:
        """Check what is due; see to it that nobody waits for long."""
        if self._gathering.is_due:
            self._take_all()
        elif self._pause is None:
            self._pause = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._look)

    def _look(self) -> None:
        self._pause = None
        if self._gathering.has_paused():
            self._take_all()
        else:
            self._gather()

    def _take_all(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        while self._gathering.number:
            self._take()

    def _take(self) -> None:
        task = asyncio.get_running_loop().create_task(self._check(self._gathering.take()))
        self._tasks.add(task)  # or nobody else would hold it
        task.add_done_callback(self._tasks.discard)

    async def _check(self, callers: Sequence[_Caller]) -> None:
        """Check what `callers` ask for, and let what is admitted wait for the next flush. Who went away was promised nothing."""
        callers = [each for each in callers if not each.done()]
        try:
            checked = iter(await self._checks.check([ask for each in callers for ask in each.asks]))
            for caller in callers:
                self._submit(caller, [next(checked) for _ in caller.asks])
        except Exception as error:  # noqa: BLE001 - nothing is hidden: every caller is told
            for caller in callers:
                if not caller.done():
                    caller.set_exception(error)
        self._flush_soon()

    def _submit(self, caller: _Caller, checked: Sequence[Submission | Exception]) -> None:
        admitted = caller.set_checked(checked)
        if admitted:
            self._sequencer.submit(admitted, caller)
        elif not caller.done():
            caller.set_result([])

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        """Flush until nothing waits; the loop goes on while the disk makes a batch durable."""
        loop = asyncio.get_running_loop()
        while self._sequencer.waiting or self._asides:
            if self._asides:
                await self._do(*self._asides.popleft())
            if not self._sequencer.waiting:
                continue
            staged, began = self._sequencer.stage(), loop.time()
            await loop.run_in_executor(self._writer, staged.commit)
            self._metrics.committed(len(staged.receipts), loop.time() - began)
            self._sequencer.settle(staged)
            self._gathering.answered(self._number)
            if staged.error is not None:
                self.failing.set()
            elif (made := next((each for each in staged.receipts if isinstance(each, Receipt)), None)) is not None:
                self._calm()
                self._publish(made.checkpoint)
        self._flushing = None

    async def _do(self, work: Callable[[], object], done: asyncio.Future[Any]) -> None:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._writer, work)
        except Exception as error:  # noqa: BLE001 - nothing is hidden: who asked is told
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(found)


def _word(refused: Exception) -> str:
    """Return how what was `refused` is counted: under the code of the error."""
    return refused.code if isinstance(refused, BylineError) else BylineError.default_code

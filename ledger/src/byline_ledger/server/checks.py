# SPDX-License-Identifier: Apache-2.0
"""Who checks what comes in: this process a few at a time, others when there are many.

A signature takes longer than everything else about an append. A caller or two are checked at once, on the loop: to ask another
process would take them longer. Larger batches go to processes of `engine.checking`, one for each core at most, made when the first
one comes; until they have started, the loop checks. When one dies, who waits for it is told that nobody knows, and what comes next
finds another.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from byline.errors import LedgerUnavailableError
from byline_ledger.engine import checking
from byline_ledger.engine.checking import HEAD_SIZE, format_question, read_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline_ledger.engine.admission import Admission
    from byline_ledger.engine.checking import Ask, Found

FEW = 8
_BUFFER = 4 * 1024 * 1024


class _Job(NamedTuple):
    asks: Sequence[Ask]
    answer: asyncio.Future[list[Found]]


class Checks:
    """The checks of `admission`, by at most `processes` beside this one, by default as many as there are cores for it."""

    def __init__(self, admission: Admission, *, processes: int | None = None) -> None:
        self._admission = admission
        self._processes = len(os.sched_getaffinity(0)) if processes is None else processes
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._workers: set[asyncio.Task[None]] = set()
        self._listening = 0
        self._starting: asyncio.Task[None] | None = None

    async def check(self, asks: Sequence[Ask]) -> list[Found]:
        """Return for each of `asks` (an envelope, and the key that signed it) what is to be logged, or why nothing is.

        Raises:
            LedgerUnavailableError: The process that was at it died.
        """
        if len(asks) > FEW:
            if self._listening < self._processes and (self._starting is None or self._starting.done()):
                self._starting = asyncio.get_running_loop().create_task(self.start())
            if self._listening:
                job = _Job(asks, asyncio.get_running_loop().create_future())
                self._jobs.put_nowait(job)
                return await job.answer
        return self._admission.admit_all(asks)

    async def start(self) -> None:
        """Start the other processes that are missing; return when they listen."""
        missing = self._processes - self._listening
        await asyncio.gather(*(self._start_one() for _ in range(missing)))

    async def close(self) -> None:
        """End the other processes."""
        ending = [*self._workers, *([self._starting] if self._starting else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _start_one(self) -> None:
        pipe = asyncio.subprocess.PIPE
        program = (sys.executable, "-m", checking.__name__)
        process = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe, limit=_BUFFER)
        worker = _Worker(process)
        try:
            await worker.check([])  # it listens
        except BaseException:  # also where the server ends meanwhile
            await worker.end()
            raise
        task = asyncio.get_running_loop().create_task(self._work(worker))
        self._listening += 1
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)

    async def _work(self, worker: _Worker) -> None:
        """Give `worker` one job after another, until it ends."""
        try:
            while True:
                asks, answer = await self._jobs.get()
                if answer.done():
                    continue
                try:
                    found = await worker.check(asks)
                except (OSError, EOFError) as error:
                    if not answer.done():
                        answer.set_exception(LedgerUnavailableError(f"a process that checks signatures ended: {error}"))
                    return
                if not answer.done():
                    answer.set_result(found)
        finally:
            self._listening -= 1
            while not self._listening and not self._jobs.empty():  # nobody else would
                asks, answer = self._jobs.get_nowait()
                if not answer.done():
                    answer.set_result(self._admission.admit_all(asks))
            await worker.end()


class _Worker:
    """A process of `engine.checking`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for by who started it
        assert process.stdout is not None  # noqa: S101 - asked for by who started it
        self._process = process
        self._sink, self._source = process.stdin, process.stdout

    async def check(self, asks: Sequence[Ask]) -> list[Found]:
        self._sink.write(format_question(asks))
        head = await self._source.readexactly(HEAD_SIZE)
        return read_answer(await self._source.readexactly(int.from_bytes(head, "big")), asks)

    async def end(self) -> None:
        self._sink.close()
        await self._process.wait()

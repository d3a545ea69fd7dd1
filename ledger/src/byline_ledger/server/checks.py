# SPDX-License-Identifier: Apache-2.0
"""Who checks what comes in: this process a few at a time, others when there are many.

A signature takes longer than everything else about an append. A caller or two are checked at once, on the loop: to ask another
process would take them longer. A crowd goes to processes of `engine.checking`, one for each core at most, made when the first
crowd comes; each gets a chunk at a time and what waits meanwhile is the next one. Until they have started, the loop checks. When
one dies, who waits for it is told that nobody knows, and the next chunk finds another.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from byline.errors import LedgerUnavailableError
from byline_ledger.engine import checking
from byline_ledger.engine.checking import HEAD_SIZE, admit_all, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.entry import Submission
    from byline.core.envelope import Envelope
    from byline_ledger.engine.admission import Admission

FEW = 8
CHUNK = 64
_BUFFER = 4 * 1024 * 1024


class _Job(NamedTuple):
    asks: Sequence[tuple[Envelope, bytes]]
    answer: asyncio.Future[list[Submission | Exception]]


class Checks:
    """The checks of `admission`, by at most `processes` beside this one, by default as many as there are cores for it."""

    def __init__(self, admission: Admission, *, processes: int | None = None) -> None:
        self._admission = admission
        self._processes = len(os.sched_getaffinity(0)) if processes is None else processes
        self._waiting: deque[_Job] = deque()
        self._some = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()
        self._starting: asyncio.Task[None] | None = None
        self._look: asyncio.Handle | None = None

    async def check(self, asks: Sequence[tuple[Envelope, bytes]]) -> list[Submission | Exception]:
        """Return for each of `asks` (an envelope, and the key that signed it) what is to be logged, or why nothing is.

        Raises:
            LedgerUnavailableError: The process that was at it died.
        """
        loop = asyncio.get_running_loop()
        job = _Job(asks, loop.create_future())
        self._waiting.append(job)
        if self._look is None:  # once all that came together are there
            self._look = loop.call_soon(self._share)
        return await job.answer

    async def start(self) -> None:
        """Start the other processes that are missing; return when they listen."""
        missing = self._processes - len(self._workers)
        await asyncio.gather(*(self._start_one() for _ in range(missing)))

    async def close(self) -> None:
        """End the other processes."""
        ending = [*self._workers, *([self._starting] if self._starting else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _share(self) -> None:
        """Check what waits here if it is little, or else leave it to the others."""
        self._look = None
        if sum(len(job.asks) for job in self._waiting) > FEW:
            if len(self._workers) < self._processes and (self._starting is None or self._starting.done()):
                self._starting = asyncio.get_running_loop().create_task(self.start())
            if self._workers:
                self._some.set()
                return
        while self._waiting:
            job = self._waiting.popleft()
            if not job.answer.done():
                job.answer.set_result(admit_all(self._admission, job.asks))

    async def _start_one(self) -> None:
        pipe = asyncio.subprocess.PIPE
        program = (sys.executable, "-m", checking.__name__)
        process = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe, limit=_BUFFER)
        worker = _Worker(process)
        worker.send(self._admission)
        worker.send(())
        await worker.receive()
        task = asyncio.get_running_loop().create_task(self._work(worker))
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)

    async def _work(self, worker: _Worker) -> None:
        """Give `worker` what waits, until it ends."""
        jobs: list[_Job] = []
        try:
            while True:
                jobs = await self._take()
                worker.send([ask for job in jobs for ask in job.asks])
                found = iter(await worker.receive())
                for job in jobs:
                    some = [next(found) for _ in job.asks]
                    if not job.answer.done():
                        job.answer.set_result(some)
        except (OSError, EOFError):
            for job in jobs:
                if not job.answer.done():
                    job.answer.set_exception(LedgerUnavailableError("a process that checks signatures ended"))
        finally:
            await worker.end()

    async def _take(self) -> list[_Job]:
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        jobs: list[_Job] = []
        number = 0
        while self._waiting and (not jobs or number + len(self._waiting[0].asks) <= CHUNK):
            jobs.append(self._waiting.popleft())
            number += len(jobs[-1].asks)
        return jobs


class _Worker:
    """A process of `engine.checking`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for by who started it
        assert process.stdout is not None  # noqa: S101 - asked for by who started it
        self._process = process
        self._sink, self._source = process.stdin, process.stdout

    def send(self, value: object) -> None:
        self._sink.write(pack(value))

    async def receive(self) -> list[Submission | Exception]:
        head = await self._source.readexactly(HEAD_SIZE)
        data = await self._source.readexactly(int.from_bytes(head, "big"))
        found: list[Submission | Exception] = pickle.loads(data)  # noqa: S301 - our own process wrote it
        return found

    async def end(self) -> None:
        self._sink.close()
        await self._process.wait()

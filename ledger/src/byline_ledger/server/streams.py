# SPDX-License-Identifier: Apache-2.0
"""`AppendStream`: requests are read while there is room, answers are written as their batches become durable.

At most `WINDOW` requests of a stream are on their way. Beyond that, and while the server has enough to do, nothing is read: HTTP/2
then holds up the client. The same holds for a client that does not read its answers. What was read is answered before the stream
ends, but for a client that is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import grpc

from byline.errors import BylineError, MalformedError
from byline_ledger.server.status import write_status
from byline_ledger.server.wire import read_append, write_entry, write_head
from byline_proto.v1 import ledger_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from byline_ledger.engine.access import Visit
    from byline_ledger.server.appends import Appends, Outcome
    from byline_ledger.server.heads import Heads
    from byline_ledger.server.reception import Context

WINDOW = 8
MAX_APPENDS = 256


class AppendStream:
    """One stream of the caller `visit`; `failed` is told of what is refused."""

    def __init__(self, context: Context, appends: Appends, heads: Heads, *, visit: Visit, failed: Callable[[Exception, str], None]) -> None:
        self._visit = visit
        self._failed = failed
        self._context = context
        self._appends = appends
        self._heads = heads
        self._window = asyncio.Semaphore(WINDOW)
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Answer all requests.

        Raises:
            MalformedError: A request has too many statements.
            LedgerUnavailableError: The server goes down.
        """
        why: BylineError | None = None
        leaving = asyncio.ensure_future(self._heads.leaving.wait())
        try:
            async with asyncio.TaskGroup() as answering:
                try:
                    while request := await self._read(leaving):
                        answering.create_task(self._answer(request))
                except BylineError as error:
                    why = error
        finally:
            leaving.cancel()
        if why is not None:
            raise why

    async def _read(self, leaving: asyncio.Future[Literal[True]]) -> ledger_pb2.AppendStreamRequest | None:
        """Wait for room and return the next request, None at the end."""
        reading = asyncio.ensure_future(self._next())
        await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            reading.cancel()
            self._heads.check()
        request = await reading
        if request is not None and len(request.appends) > MAX_APPENDS:
            raise MalformedError(f"a request of {len(request.appends)} statements, at most {MAX_APPENDS} are taken")
        return request

    async def _next(self) -> ledger_pb2.AppendStreamRequest | None:
        await self._window.acquire()
        await self._appends.room()
        request = await self._context.read()
        return None if request is grpc.aio.EOF else request

    async def _answer(self, request: ledger_pb2.AppendStreamRequest) -> None:
        outcomes = await self._append(request)
        head = next((write_head(each) for each in outcomes if not isinstance(each, Exception)), None)
        response = ledger_pb2.AppendStreamResponse(head=head)
        for each, outcome in zip(request.appends, outcomes, strict=True):
            self._write(outcome, response.answers.add(number=each.number))
        async with self._writing:
            await self._context.write(response)
        self._window.release()

    async def _append(self, request: ledger_pb2.AppendStreamRequest) -> list[Outcome]:
        try:
            await self._appends.room()
            return await self._appends.append([read_append(each.append) for each in request.appends], self._visit.again())
        except BylineError as error:
            return [error] * len(request.appends)

    def _write(self, outcome: Outcome, answer: ledger_pb2.NumberedAnswer) -> None:
        if isinstance(outcome, Exception):
            self._failed(outcome, self._visit.name)
            answer.status.CopyFrom(write_status(outcome))
        else:
            write_entry(outcome, answer.entry)

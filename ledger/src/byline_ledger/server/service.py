# SPDX-License-Identifier: Apache-2.0
"""`byline.v1.LedgerService` over a log: each call in a few lines, all decisions in the engine.

Appends go through admission and the sequencer, which this service drives from the loop; a thread does nothing but wait for the
disk, and what arrives meanwhile is the next batch. Everything else reads the last commit through a store of its own, in another
thread, so that no reader holds up an append.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from byline.core.facets import Query
from byline.errors import BylineError, MalformedError
from byline_ledger.engine.sequencer import LINGER_SECONDS, MAX_LINGER_SECONDS
from byline_ledger.server.status import answering
from byline_ledger.server.wire import read_envelope, write_found, write_receipt
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from concurrent.futures import Executor

    import grpc

    from byline.core.bundle import Receipt
    from byline_ledger.engine.log import Log
    from byline_ledger.engine.sequencer import Sequencer

_SHA256_SIZE = 32
PROBE_SECONDS = 1.0

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")


class LedgerService(ledger_pb2_grpc.LedgerServiceServicer):
    """The calls; see ledger.proto for what each promises. `failing` is set while the log takes nothing, for now or for ever."""

    def __init__(self, *, sequencer: Sequencer, writer: Executor, reader: Log, readers: Executor) -> None:
        self._sequencer = sequencer
        self._flushing: asyncio.Task[None] | None = None
        self._gathered = asyncio.Event()
        self.failing = asyncio.Event()
        self._writer = writer
        self._log = reader
        self._readers = readers

    async def Append(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.AppendRequest, context: Context
    ) -> ledger_pb2.AppendResponse:
        """Log one statement."""
        async with answering(context):
            answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
            self._sequencer.submit(read_envelope(request.envelope), request.public_key, answer)
            self._flush_soon()
            receipt = await answer
        return ledger_pb2.AppendResponse(receipt=write_receipt(receipt))

    async def GetCheckpoint(  # noqa: N802 - named by the protocol
        self, _request: ledger_pb2.GetCheckpointRequest, context: Context
    ) -> ledger_pb2.GetCheckpointResponse:
        """Return the newest checkpoint."""
        async with answering(context):
            note = await self._read(self._log.checkpoint)
        return ledger_pb2.GetCheckpointResponse(checkpoint=note)

    async def GetInclusionProof(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.GetInclusionProofRequest, context: Context
    ) -> ledger_pb2.GetInclusionProofResponse:
        """Prove an entry."""
        async with answering(context):
            proof = await self._read(lambda: self._log.inclusion(request.index, request.size))
        return ledger_pb2.GetInclusionProofResponse(hashes=proof.hashes)

    async def GetConsistencyProof(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.GetConsistencyProofRequest, context: Context
    ) -> ledger_pb2.GetConsistencyProofResponse:
        """Prove that one tree begins with another."""
        async with answering(context):
            proof = await self._read(lambda: self._log.consistency(request.old_size, request.new_size))
        return ledger_pb2.GetConsistencyProofResponse(hashes=proof.hashes)

    async def FindBundles(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.FindBundlesRequest, context: Context
    ) -> AsyncIterator[ledger_pb2.FindBundlesResponse]:
        """Give what was logged about a subject, a few at a time."""
        async with answering(context):
            if len(request.subject_sha256) != _SHA256_SIZE:
                raise MalformedError("a subject is named by its SHA-256, 32 bytes")
            chunks = self._log.find(Query(subject=request.subject_sha256))
            while (chunk := await self._read(lambda: next(chunks, None))) is not None:
                for bundle, public in chunk:
                    yield write_found(bundle, public)

    async def recover(self) -> None:
        """Return once the log takes something again. Nobody may send anything to a server that says it cannot: so it tries itself."""
        while self.failing.is_set():
            await asyncio.sleep(PROBE_SECONDS)
            if self._flushing is None:
                self._flushing = asyncio.get_running_loop().create_task(self._probe())

    async def _probe(self) -> None:
        try:
            with contextlib.suppress(BylineError):  # said before, and asked again
                await asyncio.get_running_loop().run_in_executor(self._writer, self._sequencer.probe)
                self.failing.clear()
        finally:
            await self._flush()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())
        elif self._sequencer.is_gathered:
            self._gathered.set()

    async def _flush(self) -> None:
        """Flush until nothing waits; the loop goes on while the disk makes a batch durable."""
        loop = asyncio.get_running_loop()
        while self._sequencer.waiting:
            await self._gather()
            staged = self._sequencer.stage()
            await loop.run_in_executor(self._writer, staged.commit)
            self._sequencer.settle(staged)
            if staged.error is not None:
                self.failing.set()
            elif staged.receipts:
                self.failing.clear()
        self._flushing = None

    async def _gather(self) -> None:
        """Wait while a crowd is still arriving, for a bounded time."""
        loop, seen = asyncio.get_running_loop(), 0
        deadline = loop.time() + MAX_LINGER_SECONDS
        while seen < self._sequencer.waiting and not self._sequencer.is_gathered and loop.time() < deadline:
            seen = self._sequencer.waiting
            self._gathered.clear()
            enough = loop.call_later(LINGER_SECONDS, self._gathered.set)
            await self._gathered.wait()
            enough.cancel()

    async def _read(self, ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

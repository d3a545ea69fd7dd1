# SPDX-License-Identifier: Apache-2.0
"""`byline.v1.LedgerService` over a log: each call in a few lines, all decisions in the engine.

What is to be logged goes to `server.appends`. Everything else reads the last commit through a store of its own, in another thread,
so that no reader holds up an append.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from byline_ledger.engine.identities import Door
from byline_ledger.engine.log import MAX_PAGE
from byline_ledger.server.heads import size_of
from byline_ledger.server.streams import AppendStream
from byline_ledger.server.wire import read_append, read_keys, read_query, write_entry, write_head, write_index, write_logged
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from concurrent.futures import Executor

    from byline.core.logged import Page
    from byline_ledger.engine.log import Log
    from byline_ledger.engine.sealing import SealedIndex
    from byline_ledger.server.appends import Appends
    from byline_ledger.server.heads import Heads
    from byline_ledger.server.reception import Context, Reception
    from byline_ledger.server.seals import Seals

WATCH_SECONDS = 0.1

T = TypeVar("T")


class LedgerService(ledger_pb2_grpc.LedgerServiceServicer):
    """The calls; see ledger.proto for what each promises."""

    def __init__(
        self,
        *,
        reception: Reception,
        appends: Appends,
        heads: Heads,
        seals: Seals,
        reader: Log,
        index: SealedIndex,
        readers: Executor,
    ) -> None:
        self._reception = reception
        self._appends = appends
        self._seals = seals
        self._index = index
        self._heads = heads
        self._log = reader
        self._readers = readers

    async def Append(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.AppendRequest, context: Context
    ) -> ledger_pb2.AppendResponse:
        """Log one statement."""
        async with self._reception.receive(context, Door.APPEND, "Append") as visit:
            (outcome,) = await self._appends.append([read_append(request)], visit)
            if isinstance(outcome, Exception):
                raise outcome
        response = ledger_pb2.AppendResponse(head=write_head(outcome))
        write_entry(outcome, response.entry)
        return response

    async def AppendStream(  # type: ignore[override]  # noqa: N802 - named by the protocol; it reads and writes by itself
        self, _requests: AsyncIterator[ledger_pb2.AppendStreamRequest], context: Context
    ) -> None:
        """Log many statements."""
        async with self._reception.receive(context, Door.APPEND, "AppendStream") as visit:
            await AppendStream(context, self._appends, self._heads, visit=visit, failed=self._reception.failed).run()

    async def GetCheckpoint(  # noqa: N802 - named by the protocol
        self, _request: ledger_pb2.GetCheckpointRequest, context: Context
    ) -> ledger_pb2.GetCheckpointResponse:
        """Return the newest checkpoint."""
        async with self._reception.receive(context, Door.READ, "GetCheckpoint"):
            note = await self._read(self._log.checkpoint)
        return ledger_pb2.GetCheckpointResponse(checkpoint=note)

    async def GetInclusionProof(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.GetInclusionProofRequest, context: Context
    ) -> ledger_pb2.GetInclusionProofResponse:
        """Prove an entry."""
        async with self._reception.receive(context, Door.READ, "GetInclusionProof"):
            proof = await self._read(lambda: self._log.inclusion(request.index, request.size))
        return ledger_pb2.GetInclusionProofResponse(hashes=proof.hashes)

    async def GetConsistencyProof(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.GetConsistencyProofRequest, context: Context
    ) -> ledger_pb2.GetConsistencyProofResponse:
        """Prove that one tree begins with another."""
        async with self._reception.receive(context, Door.READ, "GetConsistencyProof"):
            proof = await self._read(lambda: self._log.consistency(request.old_size, request.new_size))
        return ledger_pb2.GetConsistencyProofResponse(hashes=proof.hashes)

    async def ListEntries(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.ListEntriesRequest, context: Context
    ) -> ledger_pb2.ListEntriesResponse:
        """Show entries by their place."""
        async with self._reception.receive(context, Door.READ, "ListEntries"):
            limit = request.page_size or MAX_PAGE
            page = await self._read(lambda: self._log.entries(request.start, limit=limit, envelopes=request.with_envelopes))
        return ledger_pb2.ListEntriesResponse(head=self._head(page), entries=map(write_logged, page.entries))

    async def FindBundles(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.FindBundlesRequest, context: Context
    ) -> ledger_pb2.FindBundlesResponse:
        """Show what was logged about something."""
        async with self._reception.receive(context, Door.READ, "FindBundles"):
            query, after = read_query(request)
            page = await self._read(lambda: self._log.find(query, after=after, limit=request.page_size or MAX_PAGE))
        token = "" if page.after is None else str(page.after)
        return ledger_pb2.FindBundlesResponse(head=self._head(page), entries=map(write_logged, page.entries), next_page_token=token)

    async def ProveIndex(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.ProveIndexRequest, context: Context
    ) -> ledger_pb2.ProveIndexResponse:
        """Show what the index has, and that it has nothing else."""
        async with self._reception.receive(context, Door.READ, "ProveIndex"):
            keys = read_keys(request)
            await self._seals.cover()
            proof = await self._read(lambda: self._index.prove(keys))
        return write_index(proof, self._log.log_id)

    async def Watch(  # noqa: N802 - named by the protocol
        self, request: ledger_pb2.WatchRequest, context: Context
    ) -> AsyncIterator[ledger_pb2.WatchResponse]:
        """Give checkpoints as the log grows."""
        async with self._reception.receive(context, Door.READ, "Watch") as visit:
            old = request.size
            while True:
                await self._heads.beyond(old)
                visit.again()
                note = await self._read(self._log.checkpoint)  # the one for readers may come later
                if (new := size_of(note)) > old:
                    proof = await self._read(lambda old=old, new=new: self._log.consistency(old, new))  # type: ignore[misc]  # bound to this round
                    yield ledger_pb2.WatchResponse(checkpoint=note, size=new, hashes=proof.hashes)
                    old = new
                await asyncio.sleep(WATCH_SECONDS)

    def _head(self, page: Page) -> ledger_pb2.Head:
        return ledger_pb2.Head(log_id=self._log.log_id, size=size_of(page.checkpoint), checkpoint=page.checkpoint)

    async def _read(self, ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

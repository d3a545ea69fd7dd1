# SPDX-License-Identifier: Apache-2.0
"""`AppendStream`: many statements in one call, each answered for itself, never more on their way than there is room for."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import queue
import select
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from appending import appending, visit
from byline.core.bundle import Receipt
from byline.core.checkpoint import open_checkpoint
from byline.core.entry import check_entry
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.errors import BylineError, EntryRejectedError, LedgerError, LedgerUnavailableError, MalformedError
from byline.keys.ed25519 import load_verifier
from byline.log.answers import read_error, write_append
from byline.log.client import LedgerClient
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.server.heads import Heads
from byline_ledger.server.streams import MAX_APPENDS, WINDOW, AppendStream
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc
from serving import SIGNER, envelope, memory_log, serving, web_serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from byline.core.envelope import Envelope
    from byline.keys.ed25519 import LogVerifier


@pytest.fixture
def place(tmp_path: Path) -> Path:
    init_ledger(tmp_path / "ledger")
    return tmp_path / "ledger"


def asks(*numbers: int) -> Iterator[tuple[Envelope, bytes]]:
    return ((envelope(number), SIGNER.public) for number in numbers)


def request(*numbers: int) -> ledger_pb2.AppendStreamRequest:
    appends = [ledger_pb2.NumberedAppend(number=number, append=write_append(envelope(number), SIGNER.public)) for number in numbers]
    return ledger_pb2.AppendStreamRequest(appends=appends)


def keep(outcomes: Iterable[tuple[int, Receipt | BylineError]], receipts: dict[int, Receipt]) -> None:
    """Put the receipts into `receipts`, also those before an error; a statement has one index however often it is answered."""
    for number, outcome in outcomes:
        assert isinstance(outcome, Receipt)
        assert receipts.setdefault(number, outcome).index == outcome.index


def receipts_of(outcomes: Iterable[tuple[int, Receipt | BylineError]]) -> dict[int, Receipt]:
    answered = list(outcomes)
    found: dict[int, Receipt] = {}
    keep(answered, found)
    assert len(found) == len(answered)
    return found


def check_receipts(receipts: dict[int, Receipt], client: LedgerClient, verifier: LogVerifier) -> None:
    """Check each receipt, and that the log of now extends its tree; `receipts` are by the number of the statement."""
    now = open_checkpoint(client.checkpoint(), verifier)
    for number, receipt in receipts.items():
        then = open_checkpoint(receipt.checkpoint, verifier)
        check_entry(receipt.leaf, envelope(number), SIGNER.public)
        check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=then.root)
        check_consistency(client.consistency(then.size, now.size), old=then.root, new=now.root)


def test_every_statement_of_a_stream_is_answered_once_with_a_receipt_that_holds(tmp_path: Path) -> None:
    verifier = load_verifier(init_ledger(tmp_path / "ledger"))
    with serving(tmp_path / "ledger") as (_, url), LedgerClient(url) as client:
        receipts = receipts_of(client.append_stream(asks(*range(300))))
        assert sorted(receipts) == list(range(300))
        assert sorted(each.index for each in receipts.values()) == list(range(300))
        check_receipts(receipts, client, verifier)
        again = receipts_of(client.append_stream(asks(*range(300))))
        assert {number: each.index for number, each in again.items()} == {number: each.index for number, each in receipts.items()}
        assert list(client.append_stream([])) == []


def test_what_is_refused_gets_its_own_answer_and_the_stream_goes_on(place: Path) -> None:
    """Also what is too large for any server, which is not even sent."""
    sent = list(asks(*range(6)))
    sent[1] = (replace(sent[1][0], signature=b"no"), SIGNER.public)
    sent[3] = (replace(sent[3][0], payload=bytes(2 * 1024 * 1024)), SIGNER.public)
    with serving(place) as (_, url), LedgerClient(url) as client:
        outcomes = dict(client.append_stream(sent))
        assert [type(outcomes[number]) for number in (1, 3)] == [EntryRejectedError, EntryRejectedError]
        assert {each.index for each in outcomes.values() if isinstance(each, Receipt)} == {0, 1, 2, 3}
        assert client.append(sent[5][0], SIGNER.public).index == 3


def test_a_request_of_too_many_ends_the_stream_after_what_came_before_was_answered(place: Path) -> None:
    with serving(place) as (_, url), grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        calls = ledger_pb2_grpc.LedgerServiceStub(channel).AppendStream(
            iter([request(1, 2), request(*[3] * (MAX_APPENDS + 1)), request(4)])
        )
        answered = next(calls)
        assert [each.number for each in answered.answers if each.HasField("entry")] == [1, 2]
        with pytest.raises(grpc.RpcError) as caught:
            next(calls)
        error = read_error(caught.value)
        assert isinstance(error, MalformedError)
        assert "at most 256" in str(error)


def test_a_server_that_goes_down_answers_what_it_read_and_says_so(place: Path) -> None:
    """The client would send more, and somebody watches: both hear that the server goes, and it ends well."""
    waiting: queue.Queue[tuple[Envelope, bytes] | None] = queue.Queue()
    for ask in asks(*range(200)):
        waiting.put(ask)
    with serving(place) as (process, url), LedgerClient(url) as client, ThreadPoolExecutor(1) as pool:
        watching = pool.submit(lambda: list(client.watch()))
        outcomes = client.append_stream(iter(waiting.get, None))
        receipts = receipts_of([next(outcomes)])
        process.send_signal(signal.SIGTERM)
        with pytest.raises(LedgerUnavailableError, match="goes down") as caught:
            keep(outcomes, receipts)
        waiting.put(None)
        assert caught.value.retry_after == 1.0
        assert isinstance(watching.exception(60), LedgerUnavailableError)
        assert process.wait(60) == 0
    report = check_ledger(place)
    assert (report.findings, report.entries) == ((), len(receipts))


def test_a_log_that_breaks_is_told_to_each(place: Path) -> None:
    with serving(place, prelude=BREAKING) as (_, url), LedgerClient(url) as client:
        for _ in range(2):
            outcomes = dict(client.append_stream(asks(1, 2)))
            assert {type(each) for each in outcomes.values()} == {LedgerError}


BREAKING = """
import byline_ledger.engine.sqlite
def broken(*_):
    from byline.errors import LedgerError
    raise LedgerError("the store is broken")
byline_ledger.engine.sqlite.SqliteStore.write = broken
"""


class Peer:
    """A client's end of a stream, as gRPC shows it to a handler: it sends all the time, and reads its answers when it is told to."""

    def __init__(self) -> None:
        self.sent = 0
        self.fills = asyncio.Event()
        self.reads = asyncio.Event()
        self.answered = 0
        self.end = 0

    async def read(self) -> ledger_pb2.AppendStreamRequest | object:
        if self.end and self.sent >= self.end:
            return grpc.aio.EOF
        self.sent += 1
        if self.sent == WINDOW:
            self.fills.set()
        return request(self.sent)

    async def write(self, response: ledger_pb2.AppendStreamResponse) -> None:
        await self.reads.wait()
        self.answered += len(response.answers)


@contextlib.asynccontextmanager
async def stream_to(peer: Peer, *, capacity: int) -> AsyncIterator[asyncio.Task[None]]:
    log = memory_log()
    async with appending(log, capacity=capacity) as appends:
        stream = AppendStream(peer, appends, Heads(log.checkpoint()), visit=visit(), failed=lambda *_: None)  # type: ignore[arg-type]  # see Peer
        task = asyncio.create_task(stream.run())
        yield task
        task.cancel()


def test_who_does_not_read_the_answers_is_not_read_from() -> None:
    async def hold() -> None:
        peer = Peer()
        async with stream_to(peer, capacity=2048) as task:
            await peer.fills.wait()
            for _ in range(100):
                await asyncio.sleep(0)
            assert (peer.sent, peer.answered) == (WINDOW, 0)
            peer.end = 3 * WINDOW
            peer.reads.set()
            await task
            assert (peer.sent, peer.answered) == (3 * WINDOW, 3 * WINDOW)

    asyncio.run(hold())


def test_while_the_server_has_enough_to_do_nothing_is_read() -> None:
    """A stream waits where a single append is pushed back."""

    async def hold() -> None:
        peer = Peer()
        peer.end = 20
        peer.reads.set()
        async with stream_to(peer, capacity=1) as task:
            await task
            assert peer.answered == 20

    asyncio.run(hold())


def test_sigkill_in_a_stream_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """What has no answer is sent again, and each statement has one index."""
    place = tmp_path / "ledger"
    verifier = load_verifier(init_ledger(place))
    receipts: dict[int, Receipt] = {}
    for enough in (1, 200):
        with serving(place) as (process, url), LedgerClient(url) as client:
            outcomes = client.append_stream(asks(*range(2000)))
            keep(itertools.islice(outcomes, enough), receipts)
            process.kill()
            with pytest.raises(LedgerUnavailableError):
                keep(outcomes, receipts)
    with serving(place) as (_, url), LedgerClient(url) as client:
        again = receipts_of(client.append_stream(asks(*range(400))))
        assert {number: again[number].index for number in receipts if number < 400} == {
            number: each.index for number, each in receipts.items() if number < 400
        }
        check_receipts(dict(list(receipts.items())[:50]), client, verifier)
    report = check_ledger(place)
    assert report.findings == ()
    assert report.entries >= len(receipts)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's children in /proc")
def test_processes_that_check_signatures_end_with_their_server_however_it_ends(place: Path) -> None:
    with serving(place) as (process, url), LedgerClient(url) as client:
        list(client.append_stream(asks(*range(200))))
        threads = Path(f"/proc/{process.pid}/task").glob("*/children")
        children = [os.pidfd_open(int(child)) for each in threads for child in each.read_text().split()]
        assert children
        process.kill()
        for child in children:
            assert select.select([child], [], [], 60)[0] == [child]
            os.close(child)


def test_starting_processes_that_check_is_no_reason_for_a_library_to_speak(tmp_path: Path) -> None:
    init_ledger(tmp_path / "ledger")
    with web_serving(tmp_path / "ledger", told=tmp_path / "told") as (process, url, _), LedgerClient(url) as client:
        for start in range(0, 300, 100):
            receipts_of(client.append_stream(asks(*range(start, start + 100))))
        process.terminate()
        process.wait(timeout=30)
    assert {json.loads(line)["event"] for line in (tmp_path / "told").read_text().splitlines()} == {"serving", "stopping"}

# SPDX-License-Identifier: Apache-2.0
"""A ledger server of its own process, durable and checking every signature: how many entries a second, and how long one takes.

The load of single appends comes from one connection of a bare client (`wire`) with requests that are ready, so that the machine is
the server's; the same load on a gRPC server that does nothing is the second baseline: more than that no ledger in this process can
answer. Both take turns. The second number of each is calls for each second of the processor time of the server and of the processes
that check signatures for it (Linux tells it): what the server would answer with a core to itself, whatever else the machine does.
Streams come from gRPC's own client; beside their rate stands the share that the signatures alone have in the processor time. Every
answer is read afterwards and must be a receipt.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from byline.core.statement import PredicateType, Subject, format_statement
from byline.keys.p256 import KeyCache, load_key, make_key
from byline.sign.file import sign_payload
from byline_proto.v1 import ledger_pb2
from figure import BYLINE, Figure, isolated, milliseconds, run
from wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENTRIES, TURN, IN_FLIGHT = 6000, 400, 64
STREAMED, STREAM_TURN, IN_REQUEST = 12_000, 3000, 128
RATE, SECONDS = 100, 4
CHECKS = 2000
APPEND = "/byline.v1.LedgerService/Append"
STREAM = "/byline.v1.LedgerService/AppendStream"
# Answers as long as a receipt, from a server as `byline ledger serve` has it.
EMPTY = """
import sys, grpc, uvloop

async def answer(request, context):
    return bytes(1500)

async def serve():
    server = grpc.aio.server()
    service, method = sys.argv[1].strip("/").split("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()

uvloop.run(serve())
"""


def _requests(place: Path) -> list[bytes]:
    """Sign what is to be logged, before anything is timed."""
    make_key(place / "key.pem")
    key = load_key(place / "key.pem")
    made = []
    for number in range(ENTRIES + RATE * SECONDS + STREAMED):
        subject = Subject(name="change", sha256=f"{number:064x}")
        payload = format_statement((subject,), PredicateType.AUTHORSHIP, {"number": number})
        envelope = sign_payload(payload, key)
        parts = ledger_pb2.Envelope(payload=payload, signature=envelope.signature, keyid=envelope.keyid)
        made.append(ledger_pb2.AppendRequest(envelope=parts, public_key=key.public).SerializeToString())
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: its process and its address."""

    pid: int
    address: str

    def cpu(self) -> float:
        """The seconds of processor time that it and its children took, NaN where the system does not tell."""
        children = (child for each in Path(f"/proc/{self.pid}/task").glob("*/children") for child in each.read_text().split())
        tasks = (task for pid in (self.pid, *children) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9 or math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """Calls a second, calls for each second of the server's processor time, and the answers."""

    rate: float
    per_core: float
    answers: list[bytes]


@contextmanager
def _server(place: Path) -> Iterator[Server]:
    """Run a real server on a port that it chooses."""
    environ = isolated(place / "home")
    run([BYLINE, "ledger", "init", str(place / "ledger")], cwd=place, environ=environ)
    command = [BYLINE, "ledger", "serve", str(place / "ledger"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.readline() if process.stdout else ""
        try:
            yield Server(pid=process.pid, address=next(word for word in said.split() if ":" in word).removeprefix("grpc://"))
        finally:
            process.terminate()


@contextmanager
def _empty_server() -> Iterator[Server]:
    """Run a gRPC server that does nothing: what is left of a ledger without a ledger."""
    with subprocess.Popen([sys.executable, "-c", EMPTY, APPEND], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(pid=process.pid, address=f"127.0.0.1:{int(process.stdout.readline() if process.stdout else 0)}")
        finally:
            process.terminate()


def _flood(server: Server, requests: Sequence[bytes]) -> Flood:
    """Call with everything, a fixed number of calls in flight."""
    answers: list[bytes] = []
    with Wire(server.address, APPEND) as wire:
        start, cpu = time.perf_counter(), server.cpu()
        wire.send(requests[:IN_FLIGHT])
        sent = IN_FLIGHT
        while len(answers) < len(requests):
            ended = wire.receive()
            answers += (answer for _, answer in ended)
            wire.send(requests[sent : sent + len(ended)])
            sent += len(ended)
        seconds, cpu = time.perf_counter() - start, server.cpu() - cpu
    return Flood(rate=len(requests) / seconds, per_core=len(requests) / cpu, answers=answers)


def _stream(server: Server, requests: Sequence[bytes]) -> Flood:
    """Send everything in one stream; the answers are those of single appends."""
    messages = []
    for start in range(0, len(requests), IN_REQUEST):
        some = map(ledger_pb2.AppendRequest.FromString, requests[start : start + IN_REQUEST])
        appends = [ledger_pb2.NumberedAppend(number=start + number, append=each) for number, each in enumerate(some)]
        messages.append(ledger_pb2.AppendStreamRequest(appends=appends).SerializeToString())
    with grpc.insecure_channel(server.address) as channel:
        start_time, cpu = time.perf_counter(), server.cpu()
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(STREAM)
        received = list(stream(iter(messages)))
        seconds, cpu = time.perf_counter() - start_time, server.cpu() - cpu
    answers = [each for data in received for each in ledger_pb2.AppendStreamResponse.FromString(data).answers]
    singles = [ledger_pb2.AppendResponse(entry=each.entry).SerializeToString() for each in answers if each.HasField("entry")]
    return Flood(rate=len(requests) / seconds, per_core=len(requests) / cpu, answers=singles)


def _shown(floods: Sequence[Flood]) -> str:
    rate, per_core = (statistics.median(column) for column in zip(*((each.rate, each.per_core) for each in floods), strict=True))
    return f"{rate:,.0f}/s ({per_core:,.0f} a core)"


def _drip(address: str, requests: Sequence[bytes]) -> list[float]:
    """Append at a fixed rate whatever the answers do; return the seconds that each took, from when it was due."""
    took: list[float] = []
    with Wire(address, APPEND) as wire:
        begin = time.perf_counter() + 0.1
        sent = 0
        while len(took) < len(requests):
            due = begin + sent / RATE
            if sent < len(requests) and time.perf_counter() >= due:
                wire.send(requests[sent : sent + 1])
                sent += 1
                continue
            ended = wire.receive(max(due - time.perf_counter(), 1e-4) if sent < len(requests) else None)
            took += (time.perf_counter() - begin - number / RATE for number, _ in ended)
    return took


def _check(answers: Sequence[bytes], entries: int) -> None:
    """Check that there is a receipt for each of `entries`, each for a place of its own."""
    places = {ledger_pb2.AppendResponse.FromString(answer).entry.index for answer in answers if answer}
    if len(places) != entries:
        raise SystemExit(f"ledger: {len(places)} receipts for {entries} entries")


def _checks_a_second(place: Path) -> float:
    """Return how many P-256 signatures a core checks in a second of its time, one after another with nothing between."""
    key, keys, message = load_key(place / "key.pem"), KeyCache(), b"one signature check"
    signature = key.sign(message)
    start = time.thread_time()
    for _ in range(CHECKS):
        keys.check(key.public, signature, message)
    return CHECKS / (time.thread_time() - start)


def measure(place: Path) -> Iterator[Figure]:
    """Flood the server, then drip."""
    requests = _requests(place)
    streamed = requests[ENTRIES + RATE * SECONDS :]
    empty, logged, streams, checks = [], [], [], []
    with _empty_server() as nothing, _server(place) as ledger:
        for start in range(0, ENTRIES, TURN):
            empty.append(_flood(nothing, requests[start : start + TURN]))
            logged.append(_flood(ledger, requests[start : start + TURN]))
        times = sorted(_drip(ledger.address, requests[ENTRIES : ENTRIES + RATE * SECONDS]))
        for start in range(0, STREAMED, STREAM_TURN):
            checks.append(_checks_a_second(place))
            streams.append(_stream(ledger, streamed[start : start + STREAM_TURN]))
    _check([answer for flood in logged for answer in flood.answers], ENTRIES)
    _check([answer for flood in streams for answer in flood.answers], STREAMED)
    limit = statistics.median(checks)
    yield Figure(
        name=f"ledger: append, {IN_FLIGHT} in flight",
        value=_shown(logged),
        baseline=f"P-256 {limit:,.0f}/s a core, empty gRPC {_shown(empty)}",
        budget=">= 2,000/s",
        holds=statistics.median(flood.rate for flood in logged) >= 2000,
    )
    p99 = times[int(len(times) * 0.99)]
    yield Figure(
        name=f"ledger: append at {RATE}/s, p99",
        value=milliseconds(p99),
        baseline=f"median {milliseconds(statistics.median(times))}",
        budget="<= 20 ms",
        holds=p99 <= 0.020,
    )
    rate, per_core = (statistics.median(column) for column in zip(*((each.rate, each.per_core) for each in streams), strict=True))
    yield Figure(
        name=f"ledger: stream, {IN_REQUEST} in a request",
        value=f"{_shown(streams)} = {per_core / limit:.0%} of P-256",
        baseline=f"P-256 {limit:,.0f}/s a core",
        budget=">= 10,000/s, >= 80 %",
        holds=rate >= 10_000 and per_core / limit >= 0.8,
    )

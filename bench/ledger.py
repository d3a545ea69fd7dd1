# SPDX-License-Identifier: Apache-2.0
"""A ledger server of its own process, durable and checking every signature: how many entries a second, and how long one takes."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc

from byline.core.statement import PredicateType, Subject, format_statement
from byline.keys.p256 import check_signature, load_key, make_key
from byline.sign.file import sign_payload
from byline_proto.v1 import ledger_pb2
from figure import BYLINE, Figure, isolated, milliseconds, run, timed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ENTRIES, IN_FLIGHT = 6000, 64
RATE, SECONDS = 100, 4
# Called with bytes that are ready, so that the client leaves the machine to the server.
APPEND = "/byline.v1.LedgerService/Append"


def _requests(place: Path) -> list[bytes]:
    """Sign what is to be logged, before anything is timed."""
    make_key(place / "key.pem")
    key = load_key(place / "key.pem")
    made = []
    for number in range(ENTRIES + RATE * SECONDS):
        subject = Subject(name="change", sha256=f"{number:064x}")
        payload = format_statement((subject,), PredicateType.AUTHORSHIP, {"number": number})
        envelope = sign_payload(payload, key)
        parts = ledger_pb2.Envelope(payload=payload, signature=envelope.signature, keyid=envelope.keyid)
        made.append(ledger_pb2.AppendRequest(envelope=parts, public_key=key.public).SerializeToString())
    return made


@contextmanager
def _server(place: Path) -> Iterator[str]:
    """Run a real server on a port that it chooses; yield its address."""
    environ = isolated(place / "home")
    run([BYLINE, "ledger", "init", str(place / "ledger")], cwd=place, environ=environ)
    command = [BYLINE, "ledger", "serve", str(place / "ledger"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.readline() if process.stdout else ""
        try:
            yield next(word for word in said.split() if ":" in word).removeprefix("grpc://")
        finally:
            process.terminate()


async def _flood(address: str, requests: Sequence[bytes]) -> float:
    """Append everything with a fixed number of calls in flight; return the seconds."""
    queue = iter(requests)
    async with grpc.aio.insecure_channel(address) as channel:
        append: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(APPEND)

        async def work() -> None:
            for request in queue:
                await append(request)

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        return time.perf_counter() - start


async def _drip(address: str, requests: Sequence[bytes]) -> list[float]:
    """Append at a fixed rate whatever the answers do; return the seconds that each took."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(APPEND)

        async def append(request: bytes, at: float) -> float:
            await asyncio.sleep(at - time.perf_counter())
            start = time.perf_counter()
            await call(request)
            return time.perf_counter() - start

        await call(requests[0])
        begin = time.perf_counter() + 0.1
        return await asyncio.gather(*(append(request, begin + number / RATE) for number, request in enumerate(requests)))


def measure(place: Path) -> Iterator[Figure]:
    """Flood the server, then drip."""
    requests = _requests(place)
    message = b"one signature check"
    key = load_key(place / "key.pem")
    signature = key.sign(message)
    check = statistics.median(timed(lambda: check_signature(key.public, signature, message)) for _ in range(200))
    with _server(place) as address:
        rate = ENTRIES / asyncio.run(_flood(address, requests[:ENTRIES]))
        times = sorted(asyncio.run(_drip(address, requests[ENTRIES:])))
    yield Figure(
        name=f"ledger: append, {IN_FLIGHT} in flight",
        value=f"{rate:,.0f}/s",
        baseline=f"one P-256 check {check * 1e6:.0f} us = {1 / check:,.0f}/s",
        budget=">= 2,000/s",
        holds=rate >= 2000,
    )
    p99 = times[int(len(times) * 0.99)]
    yield Figure(
        name=f"ledger: append at {RATE}/s, p99",
        value=milliseconds(p99),
        baseline=f"median {milliseconds(statistics.median(times))}",
        budget="<= 20 ms",
        holds=p99 <= 0.020,
    )

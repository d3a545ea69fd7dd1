# SPDX-License-Identifier: Apache-2.0
"""Traces go to a collector, hold nothing that was sent, and cost nothing but themselves when it is away."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from byline.errors import ConfigError, EntryRejectedError
from byline.log.client import LedgerClient
from byline_ledger.engine.files import init_ledger
from byline_ledger.server.config import ServerConfig
from serving import SIGNER, envelope, web_serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """OpenTelemetry's own service, as far as it takes spans."""

    def __init__(self) -> None:
        self.taken: queue.SimpleQueue[trace_service_pb2.ExportTraceServiceRequest] = queue.SimpleQueue()

    def Export(  # noqa: N802 - named by the protocol
        self, request: trace_service_pb2.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        self.taken.put(request)
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    server, service = grpc.server(ThreadPoolExecutor(2)), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service, f"http://127.0.0.1:{port}"
    server.stop(0).wait()


def set_up(place: Path, address: str) -> Path:
    init_ledger(place / "ledger", origin="ledger.example")
    (place / "ledger/ledger.toml").write_text(f'schema = 1\ntelemetry.traces = "{address}"')
    return place / "ledger"


def test_a_call_is_a_span_that_says_how_it_ended_and_nothing_that_was_sent(tmp_path: Path, collector: tuple[Collector, str]) -> None:
    service, address = collector
    with web_serving(set_up(tmp_path, address)) as (process, url, _), LedgerClient(url, token=None) as client:
        client._metadata = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
        client.append(envelope(1, pad=7), SIGNER.public)
        with pytest.raises(EntryRejectedError):
            client.append(type(envelope(2))(payload=b'{"private": 1}', signature=b"x"), SIGNER.public)
        process.terminate()
        assert process.wait(60) == 0
    requests = [service.taken.get(timeout=60)]
    while not service.taken.empty():
        requests.append(service.taken.get())
    spans = [span for request in requests for batch in request.resource_spans for scope in batch.scope_spans for span in scope.spans]
    ended = [(span.name, {each.key: each.value.string_value for each in span.attributes}["byline.code"]) for span in spans]
    assert ended == [("Append", "OK"), ("Append", "INVALID_ARGUMENT")]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert [each for each in (b"private", b"xxxxxxx") if any(each in request.SerializeToString() for request in requests)] == []


def test_a_collector_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    with web_serving(set_up(tmp_path, "http://127.0.0.1:1")) as (process, url, _), LedgerClient(url) as client:
        for number in range(20):
            assert client.append(envelope(number), SIGNER.public).index == number
        process.terminate()
        assert process.wait(120) == 0


@pytest.mark.parametrize("address", ["127.0.0.1:4317", "grpc://127.0.0.1:4317", "http://127.0.0.1", "http://a:1/x", "http://a b:1"])
def test_what_is_no_collector_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="not a collector"):
        ServerConfig(directory=tmp_path, traces=address).check()

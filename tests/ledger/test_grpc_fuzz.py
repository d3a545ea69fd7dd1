# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to any method of a ledger's gRPC service, it answers or refuses as documented, fails at nothing, and goes on.

The methods and their messages are read out of the protocol, so a new one is tried without a word here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from byline.keys.ids import key_id
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from byline_proto.v1 import ledger_pb2
from serving import SIGNER, envelope, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.protobuf.descriptor import Descriptor, MethodDescriptor
    from google.protobuf.message import Message
    from hypothesis.strategies import SearchStrategy

SIZE = 300
SERVICE = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"]
METHODS = sorted(SERVICE.methods, key=lambda each: each.name)
# FUZZ=10000 takes minutes.
EXAMPLES = int(os.environ.get("FUZZ", "60"))
REFUSALS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.RESOURCE_EXHAUSTED}  # fmt: skip
# A stream that waits for what comes next has answered well.
WAITS = REFUSALS | {grpc.StatusCode.DEADLINE_EXCEEDED}
PATIENCE_SECONDS = 20.0
GLANCE_SECONDS = 0.2
MAX_GROWTH = 64 * 1024 * 1024

pytestmark = pytest.mark.slow


class Served(NamedTuple):
    """A server's process id, what it said on stderr so far, and a channel to it."""

    pid: int
    said: Path
    channel: grpc.Channel


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A log of `SIZE` statements."""
    place = tmp_path_factory.mktemp("served") / "ledger"
    said = place.parent / "stderr"
    init_ledger(place)
    with open_embedded(place) as ledger:
        for number in range(SIZE):
            ledger.append(envelope(number), SIGNER.public)
    redirected = f"import os\nos.dup2(os.open({str(said)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)\n"
    with serving(place, prelude=redirected) as (process, url), grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        yield Served(process.pid, said, channel)
        assert process.poll() is None
    assert "Traceback" not in said.read_text()
    assert check_ledger(place).findings == ()


GOOD = envelope(1)
VALUES: dict[int, SearchStrategy[object]] = {
    FieldDescriptor.TYPE_UINT64: st.sampled_from((0, 1, 43, SIZE - 1, SIZE, SIZE + 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)),
    FieldDescriptor.TYPE_INT64: st.sampled_from((0, 1, -1, 2**31, -(2**63), 2**63 - 1)),
    FieldDescriptor.TYPE_UINT32: st.sampled_from((0, 1, 16, 256, 2**31, 2**32 - 1)),
    FieldDescriptor.TYPE_INT32: st.sampled_from((0, 1, -1, 2**31 - 1, -(2**31))),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.sampled_from((GOOD.payload, GOOD.signature, SIGNER.public, bytes(32))) | st.binary(max_size=70),
    FieldDescriptor.TYPE_STRING: st.sampled_from((key_id(SIGNER.public), "00" * 20, "5f" * 16, "1f" * 32)) | st.text(max_size=8),
}  # fmt: skip


def messages(kind: Descriptor, depth: int = 3) -> SearchStrategy[Message]:
    """Make messages of `kind` from the protocol: values that mean something, and others."""
    parts: dict[str, SearchStrategy[object]] = {}
    for field in kind.fields:
        inner = VALUES.get(field.type)
        if field.type == FieldDescriptor.TYPE_MESSAGE and depth:
            inner = messages(field.message_type, depth - 1)
        if inner is not None:
            parts[field.name] = st.lists(inner, max_size=3) if field.label == FieldDescriptor.LABEL_REPEATED else inner
    return st.fixed_dictionaries({}, optional=parts).map(lambda chosen: GetMessageClass(kind)(**chosen))


@st.composite
def requests(draw: st.DrawFn, method: MethodDescriptor) -> bytes:
    """Make the bytes of a request: well formed, or with a few bytes changed."""
    data = bytearray(draw(messages(method.input_type)).SerializeToString())
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 3)))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(data)


def call(channel: grpc.Channel, method: MethodDescriptor, asked: Sequence[bytes]) -> grpc.StatusCode:
    """Call with bytes as they are, read everything that comes, and return how it ended."""
    name = f"/{SERVICE.full_name}/{method.name}"
    streams = method.server_streaming
    timeout = GLANCE_SECONDS if streams and not method.client_streaming else PATIENCE_SECONDS
    answer = method.output_type and GetMessageClass(method.output_type).FromString
    try:
        if method.client_streaming:
            ended = channel.stream_stream(name, response_deserializer=answer)(iter(asked), timeout=timeout)
            list(ended)
        elif streams:
            list(channel.unary_stream(name, response_deserializer=answer)(asked[0], timeout=timeout))
        else:
            channel.unary_unary(name, response_deserializer=answer)(asked[0], timeout=timeout)
    except grpc.RpcError as error:
        return error.code() if isinstance(error, grpc.Call) and error.details() else grpc.StatusCode.UNKNOWN
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_request_is_answered_or_refused_with_a_reason(served: Served, method: MethodDescriptor, data: st.DataObject) -> None:
    asked = data.draw(st.lists(requests(method), min_size=1, max_size=4 if method.client_streaming else 1))
    allowed = WAITS if method.server_streaming and not method.client_streaming else REFUSALS
    code = call(served.channel, method, asked)
    assert code is grpc.StatusCode.OK or code in allowed, served.said.read_text()[-2000:]


def test_large_requests_do_not_stay_in_memory(served: Served) -> None:
    """As large as a message may be, again and again, on every method that reads one."""
    status = Path(f"/proc/{served.pid}/status")
    if not status.exists():
        pytest.skip("this system does not tell how much memory a process has (/proc)")

    def resident() -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        return int(found[1]) * 1024 if found else 0

    before = resident()
    largest = b"\xfa\x7f\xe0\x84\xee\x01" + bytes(3_900_000)  # a field that nobody knows
    for method in METHODS:
        for _ in range(30):
            call(served.channel, method, [largest])
    assert resident() - before < MAX_GROWTH

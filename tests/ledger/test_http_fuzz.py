# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to a ledger's HTTP doors, it answers what it should, fails at nothing, and goes on."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import urllib.parse
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from byline.core.tiles import is_covered, parse_tile_path
from byline.errors import MalformedError
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from byline_proto.v1 import ledger_pb2
from private_issuer import PrivateIssuer
from serving import SIGNER, envelope, web_serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 300
SERVICE = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"]
UNARY = sorted(each.name for each in SERVICE.methods if not (each.client_streaming or each.server_streaming))
FIELDS = sorted({field.json_name for name in UNARY for field in SERVICE.methods_by_name[name].input_type.fields})
SEGMENTS = ("tile", "entries", "0", "1", "63", "64", "000", "001", "x000", "x001", "000.p", "001.p", "1", "44", "45", "255", "256",
            "api", "v2", "checkpoint", "healthz", "..", ".", "", "%00", "\u0660", "log", SERVICE.full_name, *UNARY)  # fmt: skip
FAILS = 500

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, httpx.Client]]:
    """A log of `SIZE` statements with every door open."""
    place = tmp_path_factory.mktemp("served") / "ledger"
    init_ledger(place, origin="ledger.example")
    with open_embedded(place) as ledger:
        for number in range(SIZE):
            ledger.append(envelope(number), SIGNER.public)
    with web_serving(place, "--rekor", "certificates") as (_, _, url), httpx.Client(base_url=url) as client:
        yield place, client
    assert check_ledger(place).findings == ()


tile_paths = st.builds(
    lambda level, groups, width: f"tile/{level}/{groups}{width}",
    st.sampled_from(("entries", "0", "1", "2", "00", "64", "-1")),
    st.sampled_from(("000", "001", "002", "x000/000", "x001/001", "1", "0000")),
    st.sampled_from(("", ".p/1", ".p/44", ".p/45", ".p/255", ".p/256", ".p/0", ".p/01", "/", ".p")),
)
paths = tile_paths | st.lists(st.sampled_from(SEGMENTS) | st.text(max_size=4), max_size=6).map("/".join)


@given(paths, st.sampled_from(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")))
def test_a_path_is_served_exactly_where_there_is_something(served: tuple[Path, httpx.Client], path: str, method: str) -> None:
    """A tile is there if its path is one that a writer makes and the log reaches it; nothing else answers under its name."""
    url = httpx.URL(str(served[1].base_url)).copy_with(raw_path=("/" + urllib.parse.quote(path, safe="/.%")).encode())
    answer = served[1].request(method, url)
    assert answer.status_code < FAILS
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.json().keys() == {"code", "message", "details"}
    if path.startswith("tile/") and method in {"GET", "HEAD"} and "%" not in path:
        try:
            there = is_covered(parse_tile_path(path), SIZE)
        except MalformedError:
            there = False
        assert (answer.status_code == 200) == there


words = st.text(max_size=8) | st.sampled_from(("AAAA", "00" * 32, "5", "-1", "1e9"))
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | words
names = st.sampled_from(FIELDS)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12)
bodies = st.binary(max_size=100) | st.dictionaries(names | st.text(max_size=5), values, max_size=5).map(
    lambda value: json.dumps(value).encode()
)


@given(st.sampled_from(UNARY), bodies)
def test_a_call_is_answered_or_refused_with_a_reason(served: tuple[Path, httpx.Client], method: str, body: bytes) -> None:
    answer = served[1].post(f"/{SERVICE.full_name}/{method}", content=body)
    assert answer.status_code != FAILS
    assert isinstance(answer.json(), dict)
    if answer.status_code >= 400:
        assert answer.json()["message"]


def record(message: bytes) -> dict[str, Any]:
    """Return a good request of a client that signs with a certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = PrivateIssuer().issue(key.public_key(), "dev@byline.test").public_bytes(Encoding.DER)
    verifier = {"x509Certificate": {"rawBytes": base64.b64encode(der).decode()}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
    content = base64.b64encode(key.sign(message, ec.ECDSA(hashes.SHA256()))).decode()
    digest = base64.b64encode(hashlib.sha256(message).digest()).decode()
    return {"hashedRekordRequestV002": {"digest": digest, "signature": {"content": content, "verifier": verifier}}}


GOOD = record(b"a release")


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - JSON
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))


@given(st.sampled_from(list(places(GOOD))[1:]), values)
def test_an_altered_record_is_refused(served: tuple[Path, httpx.Client], path: tuple[str, ...], value: object) -> None:
    body = json.loads(json.dumps(GOOD))
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    answer = served[1].post("/api/v2/log/entries", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


DER = base64.b64decode(GOOD["hashedRekordRequestV002"]["signature"]["verifier"]["x509Certificate"]["rawBytes"])


@given(st.integers(0, len(DER) - 1), st.integers(1, 255))
def test_a_damaged_certificate_is_refused_or_logged_and_fails_nothing(served: tuple[Path, httpx.Client], at: int, change: int) -> None:
    """Whether a certificate is to be believed is not the log's question: one that still holds the key is logged as it is."""
    damaged = DER[:at] + bytes([DER[at] ^ change]) + DER[at + 1 :]
    body = json.loads(json.dumps(GOOD))
    body["hashedRekordRequestV002"]["signature"]["verifier"]["x509Certificate"]["rawBytes"] = base64.b64encode(damaged).decode()
    assert served[1].post("/api/v2/log/entries", json=body).status_code in {201, 400}


lines = st.lists(
    st.sampled_from((
        b"GET / HTTP/1.1", b"POST /api/v2/log/entries HTTP/1.1", b"GET /checkpoint HTTP/9.9", b"Host: x", b"Content-Length: 5",
        b"Content-Length: 99999999999999999999", b"Content-Length: -1", b"Transfer-Encoding: chunked", b"5", b"zzz", b"0", b"", b"{}",
        b"Expect: 100-continue", b"Upgrade: websocket", b"Connection: Upgrade", b"Accept-Encoding: gzip", b"X: " + b"y" * 70_000,
    )) | st.binary(max_size=20), max_size=10,
)  # fmt: skip


@given(lines)
def test_bytes_that_are_no_request_end_no_server(served: tuple[Path, httpx.Client], sent: list[bytes]) -> None:
    url = served[1].base_url
    with contextlib.suppress(OSError), socket.create_connection((url.host, url.port or 0), timeout=5) as connection:
        connection.sendall(b"\r\n".join([*sent, b"", b""]))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65_536):
            answer += data
        assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert served[1].get("/healthz").status_code == 200

# SPDX-License-Identifier: Apache-2.0
"""The ledger over HTTP, as a real server answers it: tiles to the byte, JSON for the calls, health, a page, and refusals."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import signal
import socket
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.merkle import hash_leaf
from byline.core.tiles import parse_entries, parse_tile_path, tile_path, tile_root, tiles_for
from byline.errors import PushbackError
from byline.keys.ed25519 import load_verifier
from byline.log.client import LedgerClient
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import DATABASE, init_ledger
from byline_ledger.engine.last_check import LastCheck, save_last_check
from byline_ledger.server.http import answer, listen
from byline_ledger.server.status import write_status
from byline_ledger.server.witness import init_witness
from serving import SIGNER, envelope, web_serving

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/tiles.json").read_text())
SIZE = 259
KEPT = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, httpx.Client]]:
    """A log of `SIZE` entries behind HTTP, and its vkey."""
    place = tmp_path_factory.mktemp("served") / "ledger"
    vkey = init_ledger(place)
    with open_embedded(place) as ledger:
        for number in range(SIZE):
            ledger.append(envelope(number), SIGNER.public)
    with web_serving(place) as (_, _, url), httpx.Client(base_url=url) as client:
        yield vkey, client


def test_the_checkpoint_is_a_note_that_may_be_kept_for_a_second(log: tuple[str, httpx.Client]) -> None:
    vkey, client = log
    for path in ("/checkpoint", "/api/v2/checkpoint"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["Cache-Control"] == "public, max-age=1"
        assert open_checkpoint(answer.text, load_verifier(vkey)).size == SIZE


def test_tiles_hold_the_hashes_of_the_entries(log: tuple[str, httpx.Client]) -> None:
    _, client = log
    leaves = [each for tile in ("000", "001.p/3") for each in parse_entries(client.get(f"/tile/entries/{tile}").content)]
    assert len(leaves) == SIZE
    hashes = [hash_leaf(leaf) for leaf in leaves]
    for tile in tiles_for(SIZE):
        answer = client.get(f"/{tile_path(tile)}")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Cache-Control"] == KEPT
        start = tile.index * 256
        below = hashes[start : start + tile.width] if tile.level == 0 else [tile_root(b"".join(hashes[:256]))]
        assert answer.content == b"".join(below)
        assert client.get(f"/api/v2/{tile_path(tile)}").content == answer.content


def test_a_tile_is_served_in_every_width_that_it_had(log: tuple[str, httpx.Client]) -> None:
    """Whoever holds an older checkpoint finds its tiles, also once they are full."""
    _, client = log
    full = client.get("/tile/0/000").content
    for width in (1, 2, 255):
        assert client.get(f"/tile/0/000.p/{width}").content == full[: 32 * width]
        assert len(parse_entries(client.get(f"/tile/entries/000.p/{width}").content)) == width


@pytest.mark.parametrize(
    "path",
    [
        *("tile/0/001", "tile/0/001.p/4", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/63/000.p/1", "tile/entries/001.p/4"),
        *("tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/0", "tile/0/x000/000", "tile/00/000", "tile/64/000"),
        *(
            "tile/0/000/",
            "tile/0/000.p",
            "tile/-1/000",
            "tile/data/000",
            "tile/",
            "tile",
            "tile/0/x001/x234",
            "checkpoint/",
            "x",
            "tile/0/\u0660\u0660\u0660",
        ),
        "tile/0/" + "x999/" * 400 + "999",
    ],
)
def test_what_is_not_there_is_not_found_and_not_kept(log: tuple[str, httpx.Client], path: str) -> None:
    for prefix in ("/", "/api/v2/"):
        answer = log[1].get(prefix + path)
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json().keys() == {"code", "message", "details"}


def test_the_paths_of_the_vectors_are_the_paths_served() -> None:
    for case in VECTORS["tile_paths"]:
        tile = parse_tile_path(case["path"])
        assert (tile.level if tile.level is not None else "entries", tile.index, tile.width) == (
            case["level"],
            case["index"],
            case["width"],
        )


def test_head_says_how_much_there_is_and_sends_none_of_it(log: tuple[str, httpx.Client]) -> None:
    answer = log[1].head("/tile/0/000")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "8192")
    assert log[1].post("/checkpoint").status_code == 405


def test_entries_come_packed_to_those_who_take_it(log: tuple[str, httpx.Client]) -> None:
    _, client = log
    plain = client.get("/tile/entries/000", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/tile/entries/000", headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) * 0.8


def test_the_calls_are_answered_in_json(log: tuple[str, httpx.Client]) -> None:
    _, client = log
    note = client.post("/byline.v1.LedgerService/GetCheckpoint", json={}).json()["checkpoint"]
    assert note == client.get("/checkpoint").text
    sent = envelope(3)
    request = {
        "envelope": {"payload": base64.b64encode(sent.payload).decode(), "signature": base64.b64encode(sent.signature).decode()},
        "publicKey": base64.b64encode(SIGNER.public).decode(),
    }
    answer = client.post("/byline.v1.LedgerService/Append", json=request).json()
    assert (answer["entry"]["index"], answer["head"]["size"]) == ("3", str(SIZE))
    proof = client.post("/byline.v1.LedgerService/GetInclusionProof", json={"index": "3", "size": str(SIZE)}).json()
    assert proof["hashes"] == answer["entry"]["hashes"]


@pytest.mark.parametrize("path", ["/byline.v1.LedgerService/GetCheckpoint", "/api/v2/log/entries"])
def test_no_web_page_makes_its_readers_browser_call(log: tuple[str, httpx.Client], path: str) -> None:
    answer = log[1].post(path, content=b"{}", headers={"Origin": "https://elsewhere.example", "Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (403, 7)


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("Append", b"{}", 400),
        ("Append", b"nonsense", 400),
        ("Append", b"[]", 400),
        ("Append", b'{"unknown": 1}', 400),
        ("Append", b'{"publicKey": "***"}', 400),
        ("Append", b"[" * 100_000, 400),
        ("Append", b"x" * (3 * 1024 * 1024), 413),
        ("GetInclusionProof", b'{"index": "5", "size": "1000"}', 400),
        ("GetInclusionProof", b'{"index": 1.5}', 400),
        ("GetInclusionProof", b'{"index": "-1"}', 400),
        ("GetInclusionProof", b'{"index": 1, "index": 2}', 400),
        ("NoSuchMethod", b"{}", 404),
        ("", b"{}", 404),
    ],
)
def test_a_bad_call_is_refused_with_a_reason(log: tuple[str, httpx.Client], method: str, body: bytes, status: int) -> None:
    answer = log[1].post(f"/byline.v1.LedgerService/{method}", content=body)
    assert answer.status_code == status
    assert answer.json()["message"]
    assert answer.json()["code"] > 0


@pytest.mark.parametrize("name", ["Watch", "GetEntry"])
def test_who_asks_for_a_call_that_is_not_there_is_told_which_are(log: tuple[str, httpx.Client], name: str) -> None:
    answer = log[1].post(f"/byline.v1.LedgerService/{name}", content=b"{}")
    assert answer.status_code == 404
    assert answer.json()["message"].startswith(f"{name} is not called over HTTP; these are: Append, GetCheckpoint, ")
    assert "Stream" not in answer.json()["message"]


def test_the_page_tells_which_log_this_is(log: tuple[str, httpx.Client]) -> None:
    vkey, client = log
    answer = client.get("/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script" not in answer.text
    style = answer.text.split("<style>")[1].split("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in answer.headers["Content-Security-Policy"]
    for told in (vkey, str(SIZE), open_checkpoint(client.get("/checkpoint").text, load_verifier(vkey)).root.hex()):
        assert told in answer.text


def test_the_page_tells_when_the_log_was_checked_and_how_it_grows(tmp_path: Path) -> None:
    place = tmp_path / "ledger"
    init_ledger(place, origin="<b>&amp;")
    with web_serving(place) as (_, url, web), LedgerClient(url) as client:
        assert "never" in httpx.get(web).text
        client.append(envelope(1), SIGNER.public)
        last = LastCheck(at=datetime(2026, 11, 21, 8, 30, tzinfo=UTC), entries=1, findings=0, tree_only=False)
        save_last_check(place, last)
        told = httpx.get(web).text
    assert "2026-11-21T08:30:00Z: 1 entries, sound" in told
    assert "Last entries" in told
    assert "<title>&lt;b&gt;&amp;amp;</title>" in told
    assert "<b>" not in told


def test_what_no_witness_has_cosigned_is_not_shown_where_one_is_required(tmp_path: Path) -> None:
    """The page shows no checkpoint that the door for readers does not show, and says what the witness does."""
    place = tmp_path / "ledger"
    init_ledger(place)
    (vkey,) = init_witness(tmp_path / "witness", "witness.example")
    (place / "policy").write_text(f"witness one {vkey} http://127.0.0.1:1/\nquorum one\n")
    (place / "ledger.toml").write_text('schema = 1\n[witnesses]\npolicy = "policy"\nrequired = true\n')
    with web_serving(place) as (_, _, web):
        refused = httpx.get(f"{web}/checkpoint")
        told = httpx.get(web).text
    assert refused.status_code == 503
    assert refused.json()["message"] in told
    assert "Root" not in told
    assert "Witness one" in told


def test_health_says_when_appends_fail(tmp_path: Path) -> None:
    init_ledger(tmp_path / "ledger")
    with web_serving(tmp_path / "ledger") as (process, url, web), httpx.Client(base_url=web) as client, LedgerClient(url) as ledger:
        assert client.get("/healthz").json() == {"status": "SERVING", "reads": True, "appends": True}
        with contextlib.closing(sqlite3.connect(tmp_path / "ledger" / DATABASE)) as database, database:
            database.execute("DROP TABLE tile")
        with pytest.raises(Exception, match="ledger"):
            ledger.append(envelope(1), SIGNER.public)
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (503, "NOT_SERVING")
        assert "appends fail" in client.get("/").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_refusal_says_what_would_help() -> None:
    """A token, a later time: what HTTP has headers for."""
    assert answer.refuse(grpc.StatusCode.UNAUTHENTICATED, "who?").headers["WWW-Authenticate"] == "Bearer"
    later = answer.refuse_status(write_status(PushbackError("busy", retry_after=1.2)))
    assert (later.status_code, later.headers["Retry-After"]) == (429, "2")
    assert "Retry-After" not in answer.refuse(grpc.StatusCode.INTERNAL, "broken").headers


def test_an_answer_is_not_held_back_by_the_system() -> None:
    """Nagle's algorithm waits 40 ms for the client's word between headers and body; the loop turns it off for what says it is TCP."""
    with contextlib.closing(listen._bind("127.0.0.1", 0)) as bound:
        assert bound.proto == socket.IPPROTO_TCP

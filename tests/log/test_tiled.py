# SPDX-License-Identifier: Apache-2.0
"""A log over HTTP: what is read is bounded, what may pass is tried again, and nothing that a server says is believed."""

from __future__ import annotations

import gzip
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar

import pytest

from byline.core.tiles import Tile, tile_path
from byline.errors import CheckpointError, ConfigError, LedgerError, LedgerUnavailableError
from byline.log import tiled
from byline.log.tiled import TiledLog, Web, open_tiles
from published import PublishedLog, leaf, web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEAVES = [leaf(n) for n in range(3)]


@pytest.fixture
def published(tmp_path: Path) -> PublishedLog:
    log = PublishedLog(tmp_path / "log")
    log.append(LEAVES)
    return log


@pytest.mark.parametrize("over", ["folder", "web"])
def test_checkpoint_and_tiles_are_what_is_published(published: PublishedLog, over: str) -> None:
    with web(published.folder) as url, open_tiles(url if over == "web" else str(published.folder)) as log:
        assert log.checkpoint() == (published.folder / "checkpoint").read_text()
        for tile in (Tile(level=0, index=0, width=3), Tile(level=None, index=0, width=3)):
            assert log.fetch(tile) == (published.folder / tile_path(tile)).read_bytes()
        with pytest.raises(LedgerError, match="does not serve tile/0/001"):
            log.fetch(Tile(level=0, index=1))


def test_a_partial_tile_that_is_gone_is_cut_from_the_full_one(published: PublishedLog) -> None:
    before = {level: open_tiles(str(published.folder)).fetch(Tile(level=level, index=0, width=3)) for level in (0, None)}
    published.append([leaf(n) for n in range(3, 256)])
    for level, data in before.items():
        (published.folder / tile_path(Tile(level=level, index=0, width=3))).unlink()
        assert open_tiles(str(published.folder)).fetch(Tile(level=level, index=0, width=3)) == data


class Scripted(BaseHTTPRequestHandler):
    """Answers with what the test put into `answers`, one after the other: status, headers, body."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[Iterator[tuple[int, dict[str, str], bytes]]]

    def do_GET(self) -> None:
        """Give the next answer."""
        status, headers, body = next(type(self).answers)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def ask(*answers: tuple[int, dict[str, str], bytes]) -> tuple[str | LedgerError, list[float]]:
    """Return what a log says, or why it cannot, whose server gives `answers`; and the pauses before new tries."""
    handler = type("Handler", (Scripted,), {"answers": iter(answers)})
    pauses: list[float] = []
    with web(handler) as url, TiledLog(url, Web(url, timeout=5, sleep=pauses.append)) as log:
        try:
            return log.checkpoint(), pauses
        except LedgerError as error:
            return error, pauses


def test_what_may_pass_is_tried_again_after_a_while_that_grows() -> None:
    assert ask(*[(503, {}, b"")] * 3, (200, {}, b"note")) == ("note", [1.0, 1.0, 2.0])


def test_a_server_says_when_to_come_back_but_not_for_how_long_we_wait() -> None:
    slow = (429, {"Retry-After": "7"}, b""), (429, {"Retry-After": "99999"}, b""), (503, {"Retry-After": "soon"}, b"")
    assert ask(*slow, (200, {}, b"note")) == ("note", [7.0, 60.0, 2.0])


def test_who_never_answers_well_is_given_up() -> None:
    found, pauses = ask(*[(500, {}, b"")] * 4)
    assert isinstance(found, LedgerUnavailableError)
    assert len(pauses) == 3


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403])
def test_other_answers_are_no_log_and_no_redirect_is_followed(status: int) -> None:
    found, pauses = ask((status, {"Location": "http://127.0.0.1:1/"}, b""))
    assert isinstance(found, LedgerError)
    assert not isinstance(found, LedgerUnavailableError)
    assert (pauses, "127.0.0.1:1" in found.hint) == ([], True)


def test_an_answer_is_read_no_further_than_it_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "MAX_NOTE", 100)
    for answer in ((200, {}, b"x" * 101), (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(10**6)))):
        found, _ = ask(answer)
        assert isinstance(found, LedgerError)
        assert "more than 100 bytes" in str(found)
    assert ask((200, {}, b"x" * 100)) == ("x" * 100, [])


def test_a_body_shorter_than_it_claims_to_be_is_no_answer() -> None:
    found, _ = ask(*[(200, {"Content-Length": "1000", "Connection": "close"}, b"x")] * 4)
    assert isinstance(found, str | LedgerUnavailableError)


def test_compressed_answers_are_read() -> None:
    assert ask((200, {"Content-Encoding": "gzip"}, gzip.compress(b"note"))) == ("note", [])
    found, _ = ask((200, {"Content-Encoding": "gzip"}, b"note"))
    assert isinstance(found, LedgerError)


def test_a_server_that_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "TOTAL_SECONDS", -1.0)
    found, pauses = ask(*[(200, {}, b"x")] * 4)
    assert isinstance(found, LedgerUnavailableError)
    assert len(pauses) == 3


def test_nobody_there_is_unavailable() -> None:
    with TiledLog("nobody", Web("http://127.0.0.1:1", sleep=lambda _: None)) as log, pytest.raises(LedgerUnavailableError):
        log.checkpoint()


def test_a_checkpoint_that_is_no_text_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(b"\xff")
    with open_tiles(str(tmp_path)) as log, pytest.raises(CheckpointError):
        log.checkpoint()


@pytest.mark.parametrize(
    "where", ["http://log.example/x", "ftp://log.example", "https://", "https://u@log.example", "https://h/?q=1", "https://[", "/not/here"]
)
def test_what_is_no_place_of_a_log_is_refused(where: str) -> None:
    with pytest.raises(ConfigError):
        open_tiles(where)

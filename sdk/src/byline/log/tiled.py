# SPDX-License-Identifier: Apache-2.0
"""Read a log from where its tiles are: any C2SP tlog-tiles log over HTTP, or a folder of the same files.

    https://HOST[:PORT][/PATH]      TLS, checked against the system's roots, or those given
    http://HOST[:PORT][/PATH]       plain text; loopback only
    a path                          a folder with `checkpoint` and `tile/...`

Nothing that is read is verified here (`core.checked_tree` does that), so what is read is bounded instead: bytes, seconds and tries. No
length that a server names is believed. A partial tile may be gone once the tile is full: then the full one is read and cut. What may
pass (no connection, 429, 5xx) is tried again after a while that doubles, or that the server asks for; what is left of it then is a
`LedgerUnavailableError`. No redirect is followed: who reads a log knows where it is.
"""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from byline.core.entry import MAX_ENTRY
from byline.core.merkle import HASH_SIZE
from byline.core.note import MAX_NOTE
from byline.core.tiles import WIDTH, Tile, cut_tile, tile_path
from byline.core.value import replace
from byline.errors import CheckpointError, ConfigError, LedgerError, LedgerUnavailableError
from byline.log.address import KEPT_OUT, UNTRUSTED, split_url

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKPOINT = "checkpoint"
MAX_BUNDLE = WIDTH * (2 + MAX_ENTRY)
TIMEOUT_SECONDS = 10.0
TOTAL_SECONDS = 120.0
TRIES = 4
MAX_PAUSE_SECONDS = 60.0
_PASSING = frozenset({429, 500, 502, 503, 504})
_NOT_THERE = frozenset({404, 410})
_KEPT_OUT = frozenset({401, 403})
_PIECE = 65_536
_GZIP = 31  # what zlib calls it


class Files(Protocol):
    """What a log's files are read from."""

    def read(self, path: str, limit: int) -> bytes | None:
        """Return the bytes of `path`, at most one more than `limit`; None if there are none."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class TiledLog:
    """The log whose checkpoint and tiles are in `files`; a context manager that lets go of them. `where` names it in errors."""

    def __init__(self, where: str, files: Files) -> None:
        self._where = where
        self._files = files

    def checkpoint(self) -> str:
        """Return the signed note that is served as the newest checkpoint.

        Raises:
            CheckpointError: It is no text.
            LedgerUnavailableError: Nobody answers.
            LedgerError: There is none.
        """
        data = self._read(CHECKPOINT, MAX_NOTE)
        if data is None:
            hint = "name the URL where the log serves its tiles, or the folder of a mirror"
            raise LedgerError(f"there is no log at {self._where}: it has no checkpoint", hint=hint)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise CheckpointError("a checkpoint is text in UTF-8") from error

    def fetch(self, tile: Tile) -> bytes:
        """Return the bytes of `tile`.

        Raises:
            EntryError: A full bundle that had to be cut is none.
            LedgerUnavailableError: Nobody answers.
            LedgerError: There is no such tile, or it is larger than any.
        """
        data = self._tile(tile)
        if data is None and tile.width < WIDTH:
            full = self._tile(replace(tile, width=WIDTH))
            data = full if full is None else cut_tile(full, tile)
        if data is None:
            raise LedgerError(f"{self._where} does not serve {tile_path(tile)}", hint="its checkpoint promises it: ask its operator")
        return data

    def close(self) -> None:
        """Let go of connections."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tile(self, tile: Tile) -> bytes | None:
        return self._read(tile_path(tile), MAX_BUNDLE if tile.level is None else WIDTH * HASH_SIZE)

    def _read(self, path: str, limit: int) -> bytes | None:
        data = self._files.read(path, limit)
        if data is not None and len(data) > limit:
            raise LedgerError(f"{path} of {self._where} has more than {limit} bytes: that is none of a log's files")
        return data


class Folder:
    """The files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str, limit: int) -> bytes | None:
        """Return a file's bytes; as `Files`.

        Raises:
            LedgerError: The system does not let it be read.
        """
        try:
            with (self._folder / path).open("rb") as file:
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise LedgerError(f"cannot read {self._folder / path}: {error.strerror}") from error

    def close(self) -> None:
        """Hold nothing that must be let go of."""


class Web:
    """The files under a URL, on one connection that is kept. Not thread-safe.

    `token` is sent with each request; `context` says who vouches for the server, and what certificate is shown to it. `sleep` waits
    before another try.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        context: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT_SECONDS,
        tries: int = TRIES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = split_url(url, what=f"not the URL of a log: {url}")
        self._url = url.rstrip("/")
        self._prefix = parts.path.rstrip("/")
        host = str(parts.hostname)
        self._connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=timeout)
        )
        self._headers = {"User-Agent": "byline"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        self._tries = tries
        self._sleep = sleep

    def read(self, path: str, limit: int) -> bytes | None:
        """Return what the server answers; as `Files`.

        Raises:
            LedgerUnavailableError: It does not, after some tries.
            LedgerError: It answers with what is no answer of a log.
        """
        pause = 0.5
        for _ in range(self._tries - 1):
            try:
                return self._ask(path, limit)
            except LedgerUnavailableError as error:
                self._sleep(min(max(pause, error.retry_after), MAX_PAUSE_SECONDS))
                pause *= 2
        return self._ask(path, limit)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, path: str, limit: int) -> bytes | None:
        try:
            self._connection.request("GET", f"{self._prefix}/{path}", headers=self._headers)
            answer = self._connection.getresponse()
            data = _drain(answer, limit)
        except (OSError, http.client.HTTPException) as error:
            what = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self._connection.close()
            hint = UNTRUSTED if isinstance(error, ssl.SSLCertVerificationError) else ""
            raise LedgerUnavailableError(f"{self._url} does not answer: {what}", hint=hint, retry_after=0) from error
        except LedgerUnavailableError:
            self._connection.close()
            raise
        if not answer.isclosed():
            self._connection.close()  # what is left unread is no answer to the next question
        if answer.status == http.client.OK:
            return _unpacked(data, limit) if answer.getheader("Content-Encoding") == "gzip" else data
        if answer.status in _NOT_THERE:
            return None
        what = f"{self._url}/{path} answers {answer.status}"
        if answer.status in _PASSING:
            raise LedgerUnavailableError(what, retry_after=_seconds(answer.getheader("Retry-After")))
        moved = answer.getheader("Location")
        hint = KEPT_OUT if answer.status in _KEPT_OUT else ""
        raise LedgerError(what, hint=f"it names {moved}: if that is the log, use its URL" if moved else hint)


def open_tiles(where: str, *, token: str | None = None, context: ssl.SSLContext | None = None) -> TiledLog:
    """Return the log at `where`, a URL or the path of a folder; `token` and `context` are for a URL (`Web`).

    Raises:
        ConfigError: Neither, or plain text beyond loopback.
    """
    if "://" in where:
        return TiledLog(where, Web(where, token=token, context=context))
    folder = Path(where)
    if not folder.is_dir():
        raise ConfigError(f"no folder and no URL: {where}", hint="name https://HOST/PATH, or a folder with the tiles of a log")
    return TiledLog(where, Folder(folder))


def _drain(answer: http.client.HTTPResponse, limit: int) -> bytes:
    """Read what is sent, a byte more than `limit` at most, for as long as a request may take."""
    data = bytearray()
    ends = time.monotonic() + TOTAL_SECONDS
    while len(data) <= limit and (piece := answer.read1(min(_PIECE, limit + 1 - len(data)))):
        data += piece
        if time.monotonic() > ends:
            raise LedgerUnavailableError("the log answers too slowly")
    return bytes(data)


def _unpacked(data: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj(_GZIP).decompress(data, limit + 1)
    except zlib.error as error:
        raise LedgerError("what the log sends is not gzip, as it says") from error


def _seconds(header: str | None) -> float:
    return float(header) if header and header.isascii() and header.isdigit() and len(header) < 6 else 1.0

# SPDX-License-Identifier: Apache-2.0
"""A log as a folder of tiles, as any C2SP log publishes itself, and a web server over a folder."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.entry import entry_for, format_entry
from byline.core.merkle import hash_leaf, read_nodes, root_of
from byline.core.note import sign_note
from byline.core.tiles import WIDTH, Tile, format_entries, grow_tiles, tile_path
from byline.keys.ed25519 import LogKey
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.keys.p256 import PrivateKey

KEY = LogKey("log.example", bytes(32))


def leaf(number: int, signer: PrivateKey = SIGNER) -> bytes:
    """Return the leaf of statement `number`."""
    return format_entry(entry_for(envelope(number, signer=signer), signer.public))


def publish(place: Path, data: bytes) -> None:
    """Replace a file as a log does: whoever reads it meanwhile sees the old or the new one."""
    draft = place.with_name("draft")
    draft.write_bytes(data)
    draft.replace(place)


class PublishedLog:
    """A log of `leaves` that writes its tiles into `folder`, beside what is there."""

    def __init__(self, folder: Path, key: LogKey = KEY) -> None:
        self.folder = folder
        self.key = key
        self.leaves: list[bytes] = []

    def append(self, leaves: Sequence[bytes]) -> str:
        """Add entries, publish, and return the checkpoint."""
        self.leaves += leaves
        hashes = [hash_leaf(each) for each in self.leaves]
        for (level, index), data in grow_tiles(0, hashes, lambda *_: b"").items():
            self._write(tile_path(Tile(level=level, index=index, width=len(data) // 32)), data)
        for start in range(0, len(self.leaves), WIDTH):
            some = self.leaves[start : start + WIDTH]
            self._write(tile_path(Tile(level=None, index=start // WIDTH, width=len(some))), format_entries(some))
        size = len(hashes)
        text = format_checkpoint(Checkpoint(origin=self.key.name, size=size, root=root_of(size, read_nodes(hashes))))
        note = sign_note(text, [self.key])
        self._write("checkpoint", note.encode())
        return note

    def _write(self, path: str, data: bytes) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        publish(place, data)


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def web(served: Path | type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a web server on loopback, over a folder or with a handler of the test's own; gives its URL."""
    handler = served if isinstance(served, type) else partial(_Quiet, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

# SPDX-License-Identifier: Apache-2.0
"""Build a log's tree again from its leaves, and compare it with the tiles that are stored.

Of each level only the tile that grows is held. One that is full is compared with what is stored and becomes one hash of the level
above; whatever the number of entries, this takes the same memory.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from typing import TYPE_CHECKING

from byline.core.merkle import HASH_SIZE, hash_leaf, root_of
from byline.core.tiles import STORED_HEIGHT, WIDTH, Tile, read_tiled_nodes, tile_name, tile_root
from byline_ledger.engine.finding import Finding
from byline_ledger.engine.spread import spread
from byline_ledger.engine.sql import SqlMoment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.ports import StoreReader

_WIDTH = 1 << STORED_HEIGHT
_FULL = _WIDTH * HASH_SIZE
_CHUNK = 512
_SPAN = 64 * WIDTH


class Regrowth:
    """The tree of the leaves that were added so far; `findings` tells where the tiles of `reader` differ."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._growing: list[bytes] = []
        self._full: list[int] = []
        self.findings: list[Finding] = []

    def add(self, hashes: bytes) -> None:
        """Add the next leaves by their hashes, side by side."""
        self._extend(0, hashes)

    def end(self) -> bytes:
        """Compare what is not full yet, look for tiles that no entry needs, and return the root."""
        for level, data in enumerate(self._growing):
            if data:
                self._compare(level, data)
        for level, index in self._reader.tile_places():
            if not 0 <= level < len(self._full) or index >= self._full[level] + bool(self._growing[level]):
                self.findings.append(Finding(where=f"tile at level {level}, index {index}", what="the log has no such tile"))
        size = self._full[0] * _WIDTH + len(self._growing[0]) // HASH_SIZE if self._full else 0
        return root_of(size, read_tiled_nodes(lambda level, _: self._growing[level], {}, STORED_HEIGHT))

    def _extend(self, level: int, hashes: bytes) -> None:
        """Add the next `hashes` of a level, and what they complete to those above."""
        if level == len(self._growing):
            self._growing.append(b"")
            self._full.append(0)
        data = self._growing[level] + hashes
        roots = []
        for end in range(_FULL, len(data) + 1, _FULL):
            tile = data[end - _FULL : end]
            self._compare(level, tile)
            self._full[level] += 1
            roots.append(tile_root(tile))
        self._growing[level] = data[len(roots) * _FULL :]
        if roots:
            self._extend(level + 1, b"".join(roots))

    def _compare(self, level: int, expected: bytes) -> None:
        index = self._full[level]
        found = self._reader.tile(level, index)
        if found != expected:
            self.findings += _difference(level, index, found, expected)


def hash_leaves_in(path: Path, size: int) -> Iterator[bytes]:
    """Give the hashes of the first `size` leaves of the SQLite file `path`, side by side, a span at a time; after a missing one no more.

    Every processor reads by itself: what a signed head covers is the same at every moment.
    """
    spans = [(path, start, min(size, start + _SPAN)) for start in range(0, size, _SPAN)]
    for (_, start, stop), hashes in zip(spans, spread(_hash_span, spans, is_worth=size >= 4 * _SPAN), strict=True):
        yield hashes
        if len(hashes) < (stop - start) * HASH_SIZE:
            return


def _hash_span(span: tuple[Path, int, int]) -> bytes:
    path, start, stop = span
    hashes: list[bytes] = []
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as database:
        moment = SqlMoment(database.execute)
        for at in range(start, stop, _CHUNK):
            indices = range(at, min(stop, at + _CHUNK))
            found = moment.leaves(indices)
            hashes += (hash_leaf(found[index]) for index in itertools.takewhile(found.__contains__, indices))
            if len(hashes) < indices.stop - start:
                break
    return b"".join(hashes)


def _difference(level: int, index: int, found: bytes, expected: bytes) -> Iterator[Finding]:
    """Name the first byte in which a stored tile differs, and the hash that it belongs to."""
    name = tile_name(Tile(level=level, index=index), STORED_HEIGHT)
    if not found:
        yield Finding(where=name, what="is missing")
        return
    pairs = itertools.zip_longest(found, expected)
    at = next(place for place, (left, right) in enumerate(pairs) if left != right)
    yield Finding(where=f"{name}, byte {at} (hash {at // HASH_SIZE})", what="is not the hash of the entries below it")

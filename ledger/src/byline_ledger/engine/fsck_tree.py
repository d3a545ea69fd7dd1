# SPDX-License-Identifier: Apache-2.0
"""Build a log's tree again from its leaves, and compare it with the tiles that are stored.

Of each level only the tile that grows is held. One that is full is compared with what is stored and becomes one hash of the level
above; whatever the number of entries, this takes the same memory.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from byline.core.merkle import HASH_SIZE, hash_leaf, root_of
from byline.core.tiles import WIDTH, Tile, read_tiled_nodes, tile_path, tile_root
from byline_ledger.engine.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.core.ports import StoreReader

_FULL = WIDTH * HASH_SIZE


class Regrowth:
    """The tree of the leaves that were added so far; `findings` tells where the tiles of `reader` differ."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._growing: list[bytes] = []
        self._full: list[int] = []
        self.findings: list[Finding] = []

    def add(self, leaves: Iterable[bytes]) -> None:
        """Add the next leaves."""
        self._extend(0, b"".join(map(hash_leaf, leaves)))

    def end(self) -> bytes:
        """Compare what is not full yet, look for tiles that no entry needs, and return the root."""
        for level, data in enumerate(self._growing):
            if data:
                self._compare(level, data)
        for level, index in self._reader.tile_places():
            if level >= len(self._full) or index >= self._full[level] + bool(self._growing[level]):
                self.findings.append(Finding(where=f"tile at level {level}, index {index}", what="the log has no such tile"))
        size = self._full[0] * WIDTH + len(self._growing[0]) // HASH_SIZE if self._full else 0
        return root_of(size, read_tiled_nodes(lambda level, _: self._growing[level], {}))

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


def _difference(level: int, index: int, found: bytes, expected: bytes) -> Iterator[Finding]:
    """Name the first byte in which a stored tile differs, and the hash that it belongs to."""
    if not found:
        yield Finding(where=tile_path(Tile(level=level, index=index)), what="is missing")
        return
    path = tile_path(Tile(level=level, index=index, width=len(expected) // HASH_SIZE))
    pairs = itertools.zip_longest(found, expected)
    at = next(place for place, (left, right) in enumerate(pairs) if left != right)
    yield Finding(where=f"{path}, byte {at} (hash {at // HASH_SIZE})", what="is not the hash of the entries below it")

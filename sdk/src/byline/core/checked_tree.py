# SPDX-License-Identifier: Apache-2.0
"""A log's tree read from the tiles of somebody who is not trusted: nothing leaves here that does not lead to the signed root.

1. The edge: of each level the partial tile at its end. Together they hold every subtree that the root is made of, so the root
   proves all of them at once.
2. Any other tile is full. Its own root is a hash in the tile above it, which is proven first.
3. A bundle of entries is proven by the tile of hashes over it.

So one wrong byte is found in the tile or bundle that holds it, before anything is done with it, and in any order of reading.

>>> from byline.core.checkpoint import Checkpoint
>>> from byline.core.merkle import hash_leaf
>>> served = {(0, 0): hash_leaf(b"a")}
>>> tree = CheckedTree(Checkpoint(origin="log.example", size=1, root=hash_leaf(b"a")), lambda tile: served[tile.level, tile.index])
>>> tree.root_at(1) == hash_leaf(b"a")
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from byline.core.merkle import HASH_SIZE, ConsistencyProof, hash_leaf, prove_consistency, root_of
from byline.core.tiles import HEIGHT, WIDTH, Tile, parse_entries, read_tiled_nodes, tile_path, tile_root
from byline.errors import ProofError

if TYPE_CHECKING:
    from byline.core.checkpoint import Checkpoint
    from byline.core.merkle import NodeReader

TileFetch: TypeAlias = Callable[[Tile], bytes]
"""Return the bytes of a tile, or of a bundle of entries, that somebody serves."""


class CheckedTree:
    """The tree of `checkpoint`, over the tiles that `fetch` gives; keeps what it has proven above the lowest level."""

    def __init__(self, checkpoint: Checkpoint, fetch: TileFetch) -> None:
        self.checkpoint = checkpoint
        self._fetch = fetch
        self._edge: dict[int, bytes] | None = None
        self._above: dict[tuple[int, int], bytes] = {}
        self._lowest: tuple[int, bytes] | None = None

    def hashes(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile, as far as this tree has them.

        Raises:
            ProofError: They do not lead to the root, or the tree has no such tile.
        """
        tile = self.place(level, index)
        if tile.width < WIDTH:
            return self._checked_edge()[level]
        if level == 0 and self._lowest and self._lowest[0] == index:
            return self._lowest[1]
        if (level, index) in self._above:
            return self._above[level, index]
        at = index % WIDTH * HASH_SIZE
        expected = self.hashes(level + 1, index // WIDTH)[at : at + HASH_SIZE]
        data = self._tile(tile)
        if tile_root(data) != expected:
            raise ProofError(f"{tile_path(tile)} does not lead to the root")
        if level:
            self._above[level, index] = data
        else:
            self._lowest = index, data
        return data

    def entries(self, index: int) -> tuple[bytes, ...]:
        """Return the entries of bundle `index`, as far as this tree has them.

        Raises:
            ProofError: They are not those of the tree.
            EntryError: What is served is no bundle.
        """
        data = self._fetch(self.place(None, index))
        self.check_bundle(index, data)
        return parse_entries(data)

    def check_bundle(self, index: int, data: bytes) -> None:
        """Check that `data` is bundle `index` of this tree.

        Raises:
            ProofError: It holds other entries.
            EntryError: It is no bundle.
        """
        if b"".join(map(hash_leaf, parse_entries(data))) != self.hashes(0, index):
            raise ProofError(f"{tile_path(self.place(None, index))} does not hold the entries of the tree")

    def place(self, level: int | None, index: int) -> Tile:
        """Return tile `index` at `level` (None: the bundle of entries) with the width that it has in this tree.

        Raises:
            ProofError: The tree has no such tile.
        """
        width = min(WIDTH, (self.checkpoint.size >> HEIGHT * (level or 0)) - index * WIDTH)
        if width <= 0:
            raise ProofError(f"a tree of {self.checkpoint.size} entries has no tile {index} at level {level or 0}")
        return Tile(level=level, index=index, width=width)

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` entries, which are some or all of this tree's.

        Raises:
            ProofError: The tiles do not lead to the root of the tree, or it has fewer entries.
        """
        if size > self.checkpoint.size:
            raise ProofError(f"the tree has {self.checkpoint.size} entries")
        return root_of(size, self._nodes())

    def consistency(self, old: int) -> ConsistencyProof:
        """Return the proof that this tree begins with its own first `old` entries.

        Raises:
            ProofError: As `root_at`.
        """
        return prove_consistency(old, self.checkpoint.size, self._nodes())

    def _nodes(self) -> NodeReader:
        self._checked_edge()
        return read_tiled_nodes(self.hashes, {})

    def _tile(self, tile: Tile) -> bytes:
        data = self._fetch(tile)
        if len(data) != tile.width * HASH_SIZE:
            raise ProofError(f"{tile_path(tile)} does not hold {tile.width} hashes")
        return data

    def _checked_edge(self) -> dict[int, bytes]:
        if self._edge is None:
            edge: dict[int, bytes] = {}
            rest, level = self.checkpoint.size, 0
            while rest:
                rest, width = divmod(rest, WIDTH)
                if width:
                    edge[level] = self._tile(Tile(level=level, index=rest, width=width))
                level += 1
            if root_of(self.checkpoint.size, read_tiled_nodes(lambda level, _: edge[level], {})) != self.checkpoint.root:
                raise ProofError("the tiles at the edge of the tree do not lead to the root that the log signed")
            self._edge = edge
        return self._edge

# SPDX-License-Identifier: Apache-2.0
"""A log's tree read from the tiles of somebody who is not trusted: nothing leaves here that does not lead to the signed root.

Who is not trusted may be another log's server, or the log's own disk, which may be damaged.

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
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from byline.core.merkle import HASH_SIZE, ConsistencyProof, hash_leaf, hash_pairs, prove_consistency, root_of
from byline.core.tiles import HEIGHT, Tile, edge_tiles, parse_entries, tile_name, tile_nodes
from byline.core.value import replace
from byline.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.core.checkpoint import Checkpoint
    from byline.core.merkle import NodeReader

TileFetch: TypeAlias = Callable[[Tile], bytes]
"""Return the bytes of a tile, or of a bundle of entries, that somebody serves."""

_MAX_KEPT = 16 * 1024 * 1024


class Kept:
    """What was proven of a log, for the next tree of it: full tiles never change, and the edge mostly grows.

    Of each level there are at most 16 MiB. A log that was rolled back has to begin with nothing kept. Threads may share it: the edge
    and the tree that it is of (size and root) change at once.
    """

    def __init__(self) -> None:
        self.full: dict[int, dict[int, tuple[bytes, ...]]] = {}
        self.edge: tuple[tuple[int, bytes], dict[int, tuple[bytes, ...]]] = ((0, b""), {})


class CheckedTree:
    """The tree of `checkpoint`, over the tiles of `height` that `fetch` gives; what it proves it keeps in `kept`.

    The tiles `made`, by (level, index), are what its root was computed from: they need no proof, and are not fetched.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        fetch: TileFetch,
        kept: Kept | None = None,
        *,
        height: int = HEIGHT,
        made: Mapping[tuple[int, int], bytes] = MappingProxyType({}),
    ) -> None:
        self.checkpoint = checkpoint
        self._made = made
        self._height = height
        self._fetch = fetch
        self._kept = kept or Kept()
        self._edge: dict[int, tuple[bytes, ...]] | None = None

    def grown(self, size: int, tiles: Mapping[tuple[int, int], bytes]) -> CheckedTree:
        """Return the tree of `size` entries that this one becomes with `tiles` (`core.tiles.grow_tiles`): no tile is read for its root.

        Raises:
            ProofError: The tiles at the edge of this tree do not lead to its root.
        """
        before = self._checked_edge()
        edge: dict[int, tuple[bytes, ...]] = {}
        for level, index in ((tile.level or 0, tile.index) for tile in edge_tiles(size, self._height)):
            data = tiles.get((level, index))
            edge[level] = before[level] if data is None else tile_nodes(data, before.get(level, ()), self._height)
        root = root_of(size, self._read_edge(edge))
        self._kept.edge = ((size, root), edge)
        return CheckedTree(replace(self.checkpoint, size=size, root=root), self._fetch, self._kept, height=self._height, made=tiles)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree at (level, index): a `core.merkle.NodeReader`.

        Raises:
            ProofError: What is read does not lead to the root, or the tree has no such subtree.
        """
        above, row = divmod(level, self._height)
        shift = self._height - row
        tile = index >> shift
        # Hot: a proof asks for one node of each level.
        rows = self._kept.full[above].get(tile) if above in self._kept.full else None
        at = (index - (tile << shift)) * HASH_SIZE
        found = (rows or self._rows(above, tile))[row][at : at + HASH_SIZE]
        if not found:
            raise ProofError(f"a tree of {self.checkpoint.size} entries has no subtree {index} at level {level}")
        return found

    def hashes(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile, as far as this tree has them.

        Raises:
            ProofError: They do not lead to the root, or the tree has no such tile.
        """
        return self._rows(level, index)[0][: self.place(level, index).width * HASH_SIZE]

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
            raise ProofError(f"{self._name(self.place(None, index))} does not hold the entries of the tree")

    def place(self, level: int | None, index: int) -> Tile:
        """Return tile `index` at `level` (None: the bundle of entries) with the width that it has in this tree.

        Raises:
            ProofError: The tree has no such tile.
        """
        most = 1 << self._height
        width = min(most, (self.checkpoint.size >> self._height * (level or 0)) - index * most)
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
        return root_of(size, self.node)

    def consistency(self, old: int) -> ConsistencyProof:
        """Return the proof that this tree begins with its own first `old` entries.

        Raises:
            ProofError: As `root_at`.
        """
        return prove_consistency(old, self.checkpoint.size, self.node)

    def _rows(self, level: int, index: int) -> tuple[bytes, ...]:
        """Return the nodes of a tile (`core.tiles.tile_nodes`), once they are proven."""
        known = self._kept.full.setdefault(level, {})
        rows = known.get(index)
        if rows is None and index == self.checkpoint.size >> self._height * (level + 1):
            rows = self._checked_edge().get(level)
        if rows is None:
            made = self._made.get((level, index))
            rows = self._proven(level, index) if made is None else tile_nodes(made, height=self._height)
            if len(known) >= _MAX_KEPT // (2 * HASH_SIZE << self._height):
                known.clear()
            known[index] = rows
        return rows

    def _proven(self, level: int, index: int) -> tuple[bytes, ...]:
        tile = self.place(level, index)
        rows = tile_nodes(self._tile(tile), height=self._height)
        if hash_pairs(rows[-1]) != self.node(self._height * (level + 1), index):
            raise ProofError(f"{self._name(tile)} does not lead to the root")
        return rows

    def _tile(self, tile: Tile) -> bytes:
        data = self._fetch(tile)
        if len(data) != tile.width * HASH_SIZE:
            raise ProofError(f"{self._name(tile)} does not hold {tile.width} hashes")
        return data

    def _checked_edge(self) -> dict[int, tuple[bytes, ...]]:
        if self._edge is not None:
            return self._edge
        size, root = self.checkpoint.size, self.checkpoint.root
        of, edge = self._kept.edge
        if of != (size, root):
            tiles = ((tile.level or 0, self._tile(tile)) for tile in edge_tiles(size, self._height))
            edge = {level: tile_nodes(data, edge.get(level, ()), self._height) for level, data in tiles}
            if root_of(size, self._read_edge(edge)) != root:
                raise ProofError("the tiles at the edge of the tree do not lead to the root that the log signed")
            self._kept.edge = ((size, root), edge)
        self._edge = edge
        return edge

    def _read_edge(self, edge: Mapping[int, tuple[bytes, ...]]) -> NodeReader:
        def read(level: int, index: int) -> bytes:
            above, row = divmod(level, self._height)
            at = index % (1 << self._height - row) * HASH_SIZE
            return edge[above][row][at : at + HASH_SIZE]

        return read

    def _name(self, tile: Tile) -> str:
        return tile_name(tile, self._height)

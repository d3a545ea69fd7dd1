# SPDX-License-Identifier: Apache-2.0
"""How the hashes of a log are kept and served: C2SP tlog-tiles.

A tile holds up to 256 hashes of one tree level: the tile at (level, index) those of the complete subtrees of 256**level entries
numbered [256 * index, 256 * index + 256). Full tiles never change; the last one of each level is partial and grows.

A log keeps narrower tiles for itself: of `STORED_HEIGHT`, 16 hashes of every fourth level. To prove one entry only the hashes of a
tile or two that nobody has asked for are computed, 15 for each, and what grows is written in small pieces. The rows of hashes that
served tiles leave out cost two bytes an entry.

    tile/<level>/<index>[.p/<width>]         32 bytes for each hash; width 1 to 255 for a partial tile
    tile/entries/<index>[.p/<width>]         the entries themselves, each as its length (2 bytes, big-endian) and its bytes

An index is written in groups of three digits, all but the last with an `x` before them: 1234067 is `x001/x234/067`.

>>> tile_path(Tile(level=0, index=1234067, width=5))
'tile/0/x001/x234/067.p/5'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from byline.core.entry import MAX_ENTRY
from byline.core.merkle import HASH_SIZE, MAX_SIZE, NodeReader, hash_node, hash_pairs
from byline.core.value import dataclass
from byline.errors import EntryError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 8
WIDTH = 1 << HEIGHT
STORED_HEIGHT = 4
MAX_LEVEL = 63

TileReader: TypeAlias = Callable[[int, int], bytes]
"""Return the hashes of the tile at (level, index) as far as they exist."""

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A tile's place; `level` is None for a bundle of entries, `width` the number of hashes or entries in it."""

    level: int | None
    index: int
    width: int = WIDTH


def tile_path(tile: Tile) -> str:
    """Return the path under which `tile` is served."""
    groups = f"{tile.index % 1000:03}"
    rest = tile.index // 1000
    while rest:
        groups = f"x{rest % 1000:03}/{groups}"
        rest //= 1000
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{'entries' if tile.level is None else tile.level}/{groups}{partial}"


def parse_tile_path(path: str) -> Tile:
    """Read the path of a tile.

    Raises:
        MalformedError: Not a path that `tile_path` writes.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedError("not the path of a tile")
    level = None if match[1] == "entries" else int(match[1])
    index = int(re.sub("[x/]", "", match[2]))
    tile = Tile(level=level, index=index, width=int(match[3] or WIDTH))
    if (level or 0) > MAX_LEVEL or index > MAX_SIZE // WIDTH or tile_path(tile) != path:
        raise MalformedError("not the path of a tile")
    return tile


def tile_name(tile: Tile, height: int = HEIGHT) -> str:
    """Return what a person is told of `tile`: the path of one that is served."""
    return tile_path(tile) if height == HEIGHT or tile.level is None else f"stored tile {tile.level}/{tile.index}"


def tiles_for(size: int) -> tuple[Tile, ...]:
    """Return all tiles of hashes of a log of `size` entries, level by level."""
    tiles: list[Tile] = []
    level = 0
    while size:
        full, width = divmod(size, WIDTH)
        tiles += (Tile(level=level, index=index) for index in range(full))
        if width:
            tiles.append(Tile(level=level, index=full, width=width))
        size, level = full, level + 1
    return tuple(tiles)


def is_covered(tile: Tile, size: int) -> bool:
    """Whether a log of `size` entries has all that is in `tile`."""
    span = 1 << HEIGHT * (tile.level or 0)
    return (tile.index * WIDTH + tile.width) * span <= size


def grow_tiles(size: int, hashes: Sequence[bytes], read: TileReader, height: int = HEIGHT) -> dict[tuple[int, int], bytes]:
    """Return the tiles, by (level, index), that are new or longer once the leaf `hashes` follow the first `size` entries."""
    grown: dict[tuple[int, int], bytes] = {}
    most = 1 << height
    level, rest = 0, list(hashes)
    while rest:
        full: list[bytes] = []
        index, width = divmod(size, most)
        data = read(level, index)[: width * HASH_SIZE] if width else b""
        while rest:
            room = most - len(data) // HASH_SIZE
            data += b"".join(rest[:room])
            rest = rest[room:]
            grown[level, index] = data
            if len(data) == most * HASH_SIZE:
                full.append(tile_root(data))
                index, data = index + 1, b""
        size, level, rest = size // most, level + 1, full
    return grown


def tile_root(data: bytes) -> bytes:
    """Return the root of the hashes of a full tile."""
    while len(data) > HASH_SIZE:
        data = hash_pairs(data)
    return data


def tile_nodes(data: bytes, known: Sequence[bytes] = (), height: int = HEIGHT) -> tuple[bytes, ...]:
    """Return all nodes in a tile, full or not: its hashes, those above pairs of them, and so on, each row side by side, `height` rows.

    `known` is the same of a tile that this one may begin with: what it has is not computed again.
    """
    rows = [data]
    begun = known if known and data.startswith(known[0]) else (b"",) * height
    for have in begun[1:]:
        below = rows[-1]
        rows.append(have + hash_pairs(below[2 * len(have) : len(below) // (2 * HASH_SIZE) * 2 * HASH_SIZE]))
    return tuple(rows)


def edge_tiles(size: int, height: int = HEIGHT) -> tuple[Tile, ...]:
    """Return the tiles at the end of a log of `size` entries that are not full: they hold every subtree that its root is made of."""
    edge: list[Tile] = []
    level = 0
    while size:
        size, width = divmod(size, 1 << height)
        if width:
            edge.append(Tile(level=level, index=size, width=width))
        level += 1
    return tuple(edge)


def read_tiled_nodes(read: TileReader, cache: dict[tuple[int, int], bytes], height: int = HEIGHT) -> NodeReader:
    """Return a reader of tree nodes over tiles.

    A complete subtree never changes, so `cache` (owned by the caller) may be kept for as long as the log does not roll back.
    """

    def read_node(level: int, index: int) -> bytes:
        found = cache.get((level, index))
        if found is None:
            if level % height:
                found = hash_node(read_node(level - 1, 2 * index), read_node(level - 1, 2 * index + 1))
            else:
                tile, at = divmod(index, 1 << height)
                found = read(level // height, tile)[at * HASH_SIZE : (at + 1) * HASH_SIZE]
            cache[level, index] = found
        return found

    return read_node


def format_entries(entries: Sequence[bytes]) -> bytes:
    """Return a bundle of entries.

    Raises:
        EntryError: An entry is too long.
    """
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise EntryError(f"an entry has at most {MAX_ENTRY} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_entries(data: bytes) -> tuple[bytes, ...]:
    """Read a bundle of entries.

    Raises:
        EntryError: The lengths do not add up, or more than 256 entries.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or at + 2 > len(data) or len(entries) == WIDTH:
            raise EntryError("not a bundle of entries")
        entries.append(data[at + 2 : end])
        at = end
    return tuple(entries)


def cut_tile(full: bytes, tile: Tile) -> bytes:
    """Return the bytes of `tile`, which is not full, out of those of the `full` one.

    Raises:
        EntryError: A bundle of entries that is none.
    """
    return full[: tile.width * HASH_SIZE] if tile.level is not None else format_entries(parse_entries(full)[: tile.width])

# SPDX-License-Identifier: Apache-2.0
"""C2SP tiles: the vectors, and that a tree kept in tiles is the tree."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.merkle import hash_leaf, prove_inclusion, read_nodes, root_of
from byline.core.tiles import Tile, format_entries, grow_tiles, parse_entries, parse_tile_path, read_tiled_nodes, tile_path, tiles_for
from byline.errors import EntryError, MalformedError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tiles.json").read_text())
LEAVES = [hash_leaf(n.to_bytes(4, "big")) for n in range(600)]


def grown(*steps: int) -> dict[tuple[int, int], bytes]:
    """Return the tiles of a tree that grew in batches of `steps` entries."""
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        tiles.update(grow_tiles(size, LEAVES[size : size + step], lambda level, index: tiles.get((level, index), b"")))
        size += step
    return tiles


@pytest.mark.parametrize("vector", VECTORS["tile_paths"] + VECTORS["entries_paths"], ids=lambda v: v["path"])
def test_vectors_of_paths(vector: dict[str, int]) -> None:
    tile = Tile(level=vector.get("level"), index=vector["index"], width=vector["width"])
    assert tile_path(tile) == vector["path"]
    assert parse_tile_path(tile_path(tile)) == tile


@pytest.mark.parametrize(("index", "path"), VECTORS["index_paths"].items())
def test_vectors_of_indices(index: str, path: str) -> None:
    assert tile_path(Tile(level=0, index=int(index))) == f"tile/0/{path}"


@pytest.mark.parametrize(("size", "levels"), [(s, v) for s, v in VECTORS["tiles_for_size"].items() if int(s) < 100_000])
def test_vectors_of_the_tiles_of_a_size(size: str, levels: list[dict[str, int]]) -> None:
    expected = []
    for each in levels:
        expected += [Tile(level=each["level"], index=n) for n in range(each["full"])]
        if each["partial_width"]:
            expected.append(Tile(level=each["level"], index=each["full"], width=each["partial_width"]))
    assert tiles_for(int(size)) == tuple(expected)


def test_vectors_of_a_tree_of_600() -> None:
    tiles = grown(600)
    for path, expected in VECTORS["tree600"]["tiles"].items():
        tile = parse_tile_path(path)
        if tile.level is None:
            first = tile.index * 256
            data = format_entries([n.to_bytes(4, "big") for n in range(first, first + tile.width)])
        else:
            data = tiles[tile.level, tile.index]
        assert hashlib.sha256(data).hexdigest() == expected["sha256"]
    assert root_of(600, read_tiled_nodes(lambda *at: tiles[at], {})).hex() == VECTORS["tree600"]["root"]


def test_vectors_of_an_entry_bundle() -> None:
    entries = tuple(bytes.fromhex(each) for each in VECTORS["entry_bundle"]["entries_hex"])
    data = bytes.fromhex(VECTORS["entry_bundle"]["bytes_hex"])
    assert format_entries(entries) == data
    assert parse_entries(data) == entries


@given(st.lists(st.integers(1, 300), min_size=1, max_size=4).filter(lambda steps: sum(steps) <= 600))
def test_a_tree_does_not_depend_on_its_batches(steps: list[int]) -> None:
    assert grown(*steps) == grown(sum(steps))


@given(st.data())
def test_proofs_from_tiles_are_the_proofs_of_the_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index = data.draw(st.integers(0, size - 1))
    tiles = grown(600)
    assert prove_inclusion(index, size, read_tiled_nodes(lambda *at: tiles[at], {})) == prove_inclusion(index, size, read_nodes(LEAVES))


def test_a_batch_that_ends_on_a_tile_grows_the_level_above() -> None:
    assert set(grow_tiles(0, LEAVES[:256], lambda *_: b"")) == {(0, 0), (1, 0)}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/1",
        "tile/64/000",
        "tile/00/000",
        "tile/0/x000/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000/",
        "tile/0/\u0661\u0661\u0661",
    ],
)
def test_what_is_no_tile_is_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_tile_path(path)


@pytest.mark.parametrize("data", [b"\0", b"\0\2a", b"\0\0" * 257])
def test_what_is_no_entry_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        parse_entries(data)


def test_an_entry_that_has_no_room_is_refused() -> None:
    with pytest.raises(EntryError):
        format_entries([bytes(65_536)])

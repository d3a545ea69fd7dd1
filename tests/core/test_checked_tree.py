# SPDX-License-Identifier: Apache-2.0
"""Nothing is read of an untrusted log that does not lead to its signed root."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.checked_tree import CheckedTree
from byline.core.checkpoint import Checkpoint
from byline.core.merkle import check_consistency, hash_leaf, prove_inclusion, root_of
from byline.core.tiles import STORED_HEIGHT, WIDTH, Tile, format_entries, grow_tiles, read_tiled_nodes, tile_path
from byline.errors import EntryError, ProofError

SIZE = 256 * 258 + 3  # three levels, each with a full tile and a partial one
LEAVES = [n.to_bytes(4, "big") for n in range(SIZE)]
HASHES = [hash_leaf(each) for each in LEAVES]
TILES = grow_tiles(0, HASHES, lambda *_: b"")
STORED = grow_tiles(0, HASHES, lambda *_: b"", STORED_HEIGHT)
SIZES = (1, 2, 255, 256, 257, 512, 65_535, 65_536, 65_537, SIZE)


def served(tile: Tile) -> bytes:
    if tile.level is None:
        return format_entries(LEAVES[tile.index * WIDTH :][: tile.width])
    return TILES[tile.level, tile.index][: tile.width * 32]


def root(size: int) -> bytes:
    return root_of(size, read_tiled_nodes(lambda level, index: TILES[level, index], {}))


def tree_of(size: int, fetch: object = served) -> CheckedTree:
    return CheckedTree(Checkpoint(origin="log.example", size=size, root=root(size)), fetch)  # type: ignore[arg-type]  # as a test gives it


@pytest.mark.parametrize("size", SIZES)
def test_every_entry_of_an_honest_log_is_read(size: int) -> None:
    tree = tree_of(size)
    for bundle in {0, size // 2 // WIDTH, (size - 1) // WIDTH}:
        assert tree.entries(bundle) == tuple(LEAVES[bundle * WIDTH : min(size, (bundle + 1) * WIDTH)])


@pytest.mark.parametrize("new", SIZES)
def test_an_earlier_root_and_its_proof_come_from_the_tiles(new: int) -> None:
    tree = tree_of(new)
    for old in (0, *(size for size in SIZES if size <= new)):
        assert tree.root_at(old) == root(old)
        check_consistency(tree.consistency(old), old=root(old), new=root(new))


@given(data=st.data())
def test_narrow_tiles_prove_what_wide_ones_prove(data: st.DataObject) -> None:
    """A log's own tiles: the same proofs, and one wrong byte of what a proof reads is found."""
    size = data.draw(st.sampled_from(SIZES[1:]))
    index, at, flip = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 10_000)), data.draw(st.integers(1, 255))
    read: list[Tile] = []

    def stored(tile: Tile) -> bytes:
        read.append(tile)
        return STORED[tile.level or 0, tile.index][: tile.width * 32]

    tree = CheckedTree(tree_of(size).checkpoint, stored, height=STORED_HEIGHT)
    assert prove_inclusion(index, size, tree.node) == prove_inclusion(index, size, tree_of(size).node)
    wrong = data.draw(st.sampled_from(read))

    def damaged(tile: Tile) -> bytes:
        good = stored(tile)
        place = at % len(good)
        return good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :] if tile == wrong else good

    with pytest.raises(ProofError):
        prove_inclusion(index, size, CheckedTree(tree.checkpoint, damaged, height=STORED_HEIGHT).node)


def test_a_tree_has_no_more_than_its_size() -> None:
    tree = tree_of(257)
    with pytest.raises(ProofError):
        tree.root_at(258)
    for level, index in ((0, 2), (1, 1), (2, 0)):
        with pytest.raises(ProofError):
            tree.hashes(level, index)
    with pytest.raises(ProofError):
        tree.entries(2)


@given(data=st.data())
def test_one_wrong_byte_anywhere_is_found_in_the_file_that_holds_it(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(SIZES))
    index = data.draw(st.integers(0, (size - 1) // WIDTH))
    at, flip = data.draw(st.integers(0, 10_000)), data.draw(st.integers(1, 255))
    honest = tree_of(size)
    read: list[Tile] = []
    CheckedTree(honest.checkpoint, lambda tile: read.append(tile) or served(tile)).entries(index)
    wrong = data.draw(st.sampled_from(read))

    def lying(tile: Tile) -> bytes:
        good = served(tile)
        place = at % len(good)
        return good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :] if tile == wrong else good

    with pytest.raises((ProofError, EntryError)) as caught:
        CheckedTree(honest.checkpoint, lying).entries(index)
    is_edge = wrong.level is not None and wrong.width < WIDTH
    assert is_edge or isinstance(caught.value, EntryError) or tile_path(wrong) in str(caught.value)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: data[:-32], lambda _: b""])
def test_a_tile_of_another_length_is_refused(change: object) -> None:
    for level in (0, 1):
        tree = tree_of(SIZE, lambda tile, level=level: change(served(tile)) if tile.level == level else served(tile))  # type: ignore[operator]  # a function
        with pytest.raises(ProofError):
            tree.entries(0)


def test_the_empty_tree_has_a_root_and_nothing_else() -> None:
    tree = tree_of(0)
    assert tree.root_at(0) == root(0)
    with pytest.raises(ProofError):
        tree.entries(0)

# SPDX-License-Identifier: Apache-2.0
"""The tree of a log: RFC 6962 hashes and proofs over SHA-256.

    leaf hash = SHA-256(0x00 || entry)        node = SHA-256(0x01 || left || right)        empty tree = SHA-256("")

A tree of `size` entries splits at the largest power of two smaller than `size`. Complete subtrees never change while the log
grows: the one at (level, index) covers the entries [index << level, (index + 1) << level). All functions read them through a
`NodeReader`, so a proof costs O(log n) reads wherever the hashes are kept (`core.tiles` keeps them on disk). The subtrees that
make up [0, size) are the compact range: what must be read to compute a root after entries were added.

Proofs list hashes as RFC 6962 does, from the leaf to the root. A proof with a missing or an unneeded hash is rejected.

>>> hashes = [hash_leaf(b"a"), hash_leaf(b"b"), hash_leaf(b"c")]
>>> proof = prove_inclusion(2, 3, read_nodes(hashes))
>>> check_inclusion(proof, leaf=hash_leaf(b"c"), root=root_of(3, read_nodes(hashes)))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from byline.core.value import dataclass
from byline.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HASH_SIZE = 32
MAX_SIZE = 2**63 - 1
EMPTY_ROOT = hashlib.sha256().digest()

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""Return the hash of the complete subtree at (level, index)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """Entry `index` is in the tree of `size` entries; `hashes` from the leaf's sibling to the root's child."""

    index: int
    size: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """The tree of `new` entries begins with the tree of `old` entries; no hashes where `old` is 0 or `new`."""

    old: int
    new: int
    hashes: tuple[bytes, ...]


def hash_leaf(entry: bytes) -> bytes:
    """Return the hash of an entry's bytes."""
    return hashlib.sha256(b"\0" + entry).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def hash_pairs(hashes: bytes) -> bytes:
    """Return the nodes above `hashes`, an even number of them side by side."""
    sha256 = hashlib.sha256  # hot: whoever checks a log hashes each pair of it
    return b"".join([sha256(b"\1" + hashes[at : at + 2 * HASH_SIZE]).digest() for at in range(0, len(hashes), 2 * HASH_SIZE)])


def read_nodes(leaves: Sequence[bytes]) -> NodeReader:
    """Return a reader over leaf hashes in memory. It computes what it is asked for: meant for small trees."""

    def read(level: int, index: int) -> bytes:
        return leaves[index] if level == 0 else hash_node(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))

    return read


def root_of(size: int, read: NodeReader) -> bytes:
    """Return the root of the first `size` entries."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, read: NodeReader) -> InclusionProof:
    """Prove that entry `index` is in the tree of `size` entries (RFC 6962, section 2.1.1).

    Raises:
        ProofError: `index` is not in that tree.
    """
    return prove_inclusions((index,), size, read)[index]


def prove_inclusions(indices: Sequence[int], size: int, read: NodeReader) -> dict[int, InclusionProof]:
    """Prove, by index, that the entries `indices` are in the tree of `size` entries; what they share is computed once.

    Raises:
        ProofError: One of them is not in that tree.
    """
    for index in indices:
        if not 0 <= index < size <= MAX_SIZE:
            raise ProofError(f"no entry {index} in a tree of {size}")
    proofs: dict[int, InclusionProof] = {}
    path: list[bytes] = []
    before = -1
    for index in sorted(set(indices)):
        # Only up to where their paths join is something else beside this entry than beside the one before it.
        apart = (size - 1).bit_length() if before < 0 else (before ^ index).bit_length()
        path[:apart] = [_beside(level, index >> level, size, read) for level in range(apart)]
        proofs[index] = InclusionProof(index=index, size=size, hashes=tuple(filter(None, path)))
        before = index
    return proofs


def prove_range(start: int, stop: int, size: int, read: NodeReader) -> tuple[bytes, ...]:
    """Prove that entries [`start`, `stop`) are where they are in the tree of `size`: the roots of what lies around them, from the left.

    Raises:
        ProofError: Not 0 <= `start` < `stop` <= `size`.
    """
    if not 0 <= start < stop <= size <= MAX_SIZE:
        raise ProofError(f"no entries {start} to {stop} in a tree of {size}")
    return tuple(_range_root(low, high, read) for low, high in _around(0, size, start, stop))


def prove_consistency(old: int, new: int, read: NodeReader) -> ConsistencyProof:
    """Prove that the tree of `new` entries begins with the tree of `old` (RFC 6962, section 2.1.2).

    Raises:
        ProofError: Not 0 <= `old` <= `new`.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise ProofError(f"no tree of {old} in a tree of {new}")
    hashes: list[bytes] = []
    start, end = 0, new
    while 0 < old < end:
        middle = start + _split(end - start)
        if old <= middle:
            hashes.append(_range_root(middle, end, read))
            end = middle
        else:
            hashes.append(_range_root(start, middle, read))
            start = middle
    # The old tree itself need not be sent where it is a whole subtree of the new one: the checker has its root.
    if start:
        hashes.append(_range_root(start, end, read))
    return ConsistencyProof(old=old, new=new, hashes=tuple(reversed(hashes)))


def check_inclusion(proof: InclusionProof, *, leaf: bytes, root: bytes) -> None:
    """Check that the leaf hash `leaf` is entry `proof.index` of the tree of `proof.size` entries with root `root`.

    Raises:
        ProofError: The proof does not lead to `root`, or is not exactly as long as it must be.
    """
    if not 0 <= proof.index < proof.size <= MAX_SIZE:
        raise ProofError(f"no entry {proof.index} in a tree of {proof.size}")
    rest = iter(proof.hashes)
    found = _include(proof.index, proof.size, leaf, rest)
    _check_end(rest)
    if found != root:
        raise ProofError(f"entry {proof.index} is not in the tree of {proof.size} with this root")


def check_range(start: int, leaves: Sequence[bytes], hashes: Sequence[bytes], *, size: int, root: bytes) -> None:
    """Check that the leaf hashes `leaves` are the entries from `start` on of the tree of `size` entries with root `root`.

    Raises:
        ProofError: The proof does not lead to `root`, or is not exactly as long as it must be.
    """
    if not 0 <= start < start + len(leaves) <= size <= MAX_SIZE:
        raise ProofError(f"no {len(leaves)} entries from {start} on in a tree of {size}")
    rest = iter(hashes)
    found = _enclose(0, size, start, leaves, rest)
    _check_end(rest)
    if found != root:
        raise ProofError(f"the entries from {start} on are not in the tree of {size} with this root")


def check_consistency(proof: ConsistencyProof, *, old: bytes, new: bytes) -> None:
    """Check that the tree of `proof.new` entries with root `new` begins with the tree of `proof.old` entries with root `old`.

    Raises:
        ProofError: The proof does not lead to both roots, or is not exactly as long as it must be.
    """
    if not 0 <= proof.old <= proof.new <= MAX_SIZE:
        raise ProofError(f"no tree of {proof.old} in a tree of {proof.new}")
    rest = iter(proof.hashes)
    # Every tree begins with the empty one, so there is nothing to learn about `new` from an `old` of size 0.
    beginning = (EMPTY_ROOT, new if proof.new else EMPTY_ROOT)
    found = _extend(proof.old, proof.new, old, rest) if proof.old else beginning
    _check_end(rest)
    if found != (old, new):
        raise ProofError(f"the tree of {proof.new} does not begin with the tree of {proof.old}")


def _split(width: int) -> int:
    """Return the largest power of two smaller than `width`, which is 2 or more."""
    return 1 << (width - 1).bit_length() - 1


def _beside(level: int, index: int, size: int, read: NodeReader) -> bytes:
    """Return the root of what lies beside the subtree at (level, index) in the tree of `size` entries, empty where nothing does."""
    start = (index ^ 1) << level
    if start + (1 << level) <= size:
        return read(level, index ^ 1)
    return _range_root(start, size, read) if start < size else b""


def _range_root(start: int, end: int, read: NodeReader) -> bytes:
    """Return the root of entries [start, end), where `start` is a multiple of the power of two that holds the range."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return read(level, start >> level)
    middle = start + _split(width)
    return hash_node(_range_root(start, middle, read), _range_root(middle, end, read))


def _around(low: int, high: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the widest ranges of [low, high) that have a root in the tree and nothing of [start, stop)."""
    if high <= start or low >= stop:
        yield low, high
    elif low < start or high > stop:
        middle = low + _split(high - low)
        yield from _around(low, middle, start, stop)
        yield from _around(middle, high, start, stop)


def _enclose(low: int, high: int, start: int, leaves: Sequence[bytes], rest: Iterator[bytes]) -> bytes:
    if high <= start or low >= start + len(leaves):
        return _next(rest)
    if high - low == 1:
        return leaves[low - start]
    middle = low + _split(high - low)
    left = _enclose(low, middle, start, leaves, rest)
    return hash_node(left, _enclose(middle, high, start, leaves, rest))


def _include(index: int, size: int, leaf: bytes, rest: Iterator[bytes]) -> bytes:
    if size == 1:
        return leaf
    middle = _split(size)
    if index < middle:
        left = _include(index, middle, leaf, rest)
        return hash_node(left, _next(rest))
    right = _include(index - middle, size - middle, leaf, rest)
    return hash_node(_next(rest), right)


def _extend(old: int, new: int, known: bytes | None, rest: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of the first `old` and of all `new` entries; `known` is the old root where it is a whole subtree."""
    if old == new:
        same = _next(rest) if known is None else known
        return same, same
    middle = _split(new)
    if old <= middle:
        before, after = _extend(old, middle, known, rest)
        return before, hash_node(after, _next(rest))
    before, after = _extend(old - middle, new - middle, None, rest)
    left = _next(rest)
    return hash_node(left, before), hash_node(left, after)


def _next(rest: Iterator[bytes]) -> bytes:
    found = next(rest, b"")
    if len(found) != HASH_SIZE:
        raise ProofError("a proof lacks a hash")
    return found


def _check_end(rest: Iterator[bytes]) -> None:
    if next(rest, None) is not None:
        raise ProofError("a proof has a hash that nobody needs")

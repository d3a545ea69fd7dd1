# SPDX-License-Identifier: Apache-2.0
"""One moment of a log's store, of which nothing leaves that does not lead to the head that the log signed.

A disk may give back other bytes than were written to it. A log that took them as they are would hand out proofs that do not verify
and, worse, sign a tree that does not begin with those it signed before: a fork. So, before anything is answered or added:

1. the head is signed by the log's key;
2. the tiles at its edge lead to its root, and each other tile to those above it (`core.checked_tree`);
3. a leaf is the one whose hash is in its tile.

Checking a tile computes the nodes in it, which proofs are made of; what was proven is kept. So this costs a reader the hash of each
leaf and, for a new head, the few nodes that are new at its edge.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from byline.core.checked_tree import CheckedTree, Kept
from byline.core.checkpoint import open_checkpoint, parse_checkpoint
from byline.core.merkle import HASH_SIZE, hash_leaf, prove_consistency, prove_inclusions
from byline.core.note import parse_note
from byline.core.tiles import HEIGHT, STORED_HEIGHT, WIDTH, format_entries, grow_tiles, is_covered
from byline.errors import DamagedError, LedgerError, MalformedError, ProofError, SignatureError
from byline.keys.ed25519 import LogVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from byline.core.checked_tree import TileFetch
    from byline.core.checkpoint import Checkpoint
    from byline.core.merkle import ConsistencyProof, InclusionProof
    from byline.core.ports import StoreReader
    from byline.core.tiles import Tile
    from byline.keys.ed25519 import LogKey

_MAX_HEADS = 16


class Moment:
    """What `reader` shows of the log: the signed `note`, the `head` that it signs, and all that leads there."""

    def __init__(self, reader: StoreReader, note: str, open_head: Callable[[str], Checkpoint], kept: Kept) -> None:
        self.reader = reader
        self.note = note
        self._open_head = open_head
        self._tree = CheckedTree(open_head(note), stored_tiles(reader), kept, height=STORED_HEIGHT)

    @property
    def head(self) -> Checkpoint:
        """The newest checkpoint, and after `grow` the one that is to be signed."""
        return self._tree.checkpoint

    def grow(self, leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
        """Let `leaves` follow, and return the tiles that are new or longer.

        Raises:
            LedgerError: The store is damaged where the tree grows.
        """
        with _telling():
            tiles = grow_tiles(self.head.size, list(map(hash_leaf, leaves)), self._tree.hashes, STORED_HEIGHT)
            self._tree = self._tree.grown(self.head.size + len(leaves), tiles)
        return tiles

    def check_earlier(self, note: str) -> None:
        """Check that `note`, of which others may know, is a checkpoint of this log, of now or before.

        Raises:
            LedgerError: It is not: the store was set back, or is damaged.
        """
        if note != self.note:
            head = self._open_head(note)
            if head.size > self.head.size:
                what = f"the ledger was set back: it told of {head.size} entries and holds {self.head.size}"
                raise LedgerError(what, hint="restore what it was, or go on with another key (docs/operate.md)")
            with _telling():
                if self._tree.root_at(head.size) != head.root:
                    raise DamagedError("a checkpoint that was published is not one of this tree")

    def leaves(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Return the leaves of these entries, in this order.

        Raises:
            LedgerError: One is missing or not what was logged.
        """
        leaves = self.reader.leaves(indices)
        for index in indices:
            if index not in leaves:
                raise DamagedError(f"entry {index} is missing from the store")
            with _telling():
                if self._tree.node(0, index) != hash_leaf(leaves[index]):
                    raise DamagedError(f"entry {index} is damaged: it is not what was logged")
        return {index: leaves[index] for index in indices}

    def inclusions(self, indices: Sequence[int], size: int) -> dict[int, InclusionProof]:
        """Prove, by index, that these entries are in the tree of `size` entries.

        Raises:
            ProofError: There is no such entry or no such tree.
            LedgerError: The store is damaged.
        """
        self._check_size(size)
        if (beyond := next((index for index in indices if not 0 <= index < size), None)) is not None:
            raise ProofError(f"a tree of {size} entries has no entry {beyond}")
        with _telling():
            return prove_inclusions(indices, size, self._tree.node)

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Prove that the tree of `new` entries begins with the tree of `old`.

        Raises:
            ProofError: There is no such tree.
            LedgerError: The store is damaged.
        """
        self._check_size(new)
        if not 0 <= old <= new:
            raise ProofError(f"no tree of {old} in a tree of {new}")
        with _telling():
            return prove_consistency(old, new, self._tree.node)

    def tile(self, tile: Tile) -> bytes | None:
        """Return the bytes of `tile`, None where the head does not reach that far.

        Raises:
            LedgerError: The store is damaged.
        """
        if not is_covered(tile, self.head.size):
            return None
        if tile.level is None:
            start = tile.index * WIDTH
            return format_entries(list(self.leaves(range(start, start + tile.width)).values()))
        with _telling():
            # Several narrow ones of the store make a tile that is served.
            level, first = tile.level * HEIGHT // STORED_HEIGHT, tile.index << HEIGHT - STORED_HEIGHT
            stored = range(first, first - (-tile.width >> STORED_HEIGHT))
            return b"".join(self._tree.hashes(level, at) for at in stored)[: tile.width * HASH_SIZE]

    def _check_size(self, size: int) -> None:
        if size > self.head.size:
            raise ProofError(f"the log has {self.head.size} entries")


def stored_tiles(reader: StoreReader) -> TileFetch:
    """Return what fetches the tiles of a store, of `STORED_HEIGHT`."""
    return lambda tile: reader.tile(tile.level or 0, tile.index)[: tile.width * HASH_SIZE]


class Prover:
    """Opens moments of the log of `key`, and keeps what it has proven of them. As thread-safe as the store."""

    def __init__(self, key: LogKey) -> None:
        self._verifier = LogVerifier(key.note_key)
        self._kept = Kept()
        self._signed: dict[str, Checkpoint] = {}

    def open(self, reader: StoreReader) -> Moment:
        """Return what `reader` shows.

        Raises:
            LedgerError: The log has not begun, it is another one, or its head is not signed.
        """
        note = reader.head()
        if note is None:
            raise LedgerError("the log has not begun", hint="run `byline ledger init`")
        return Moment(reader, note, self._open_head, self._kept)

    def trust(self, note: str, head: Checkpoint) -> None:
        """Take `note`, with which the log's own key has just signed `head`, without checking that."""
        if len(self._signed) >= _MAX_HEADS:
            self._signed.clear()
        self._signed[note] = head

    def forget(self) -> None:
        """Keep nothing: other entries may get the indices of a transaction that failed."""
        self._kept = Kept()

    def _open_head(self, note: str) -> Checkpoint:
        if (head := self._signed.get(note)) is not None:
            return head
        try:
            head = parse_checkpoint(parse_note(note).text)
            if head.origin != self._verifier.name:
                what = f"the store holds the log {head.origin}, the key is that of {self._verifier.name}"
                raise LedgerError(what, hint="restore the key that belongs to it")
            open_checkpoint(note, self._verifier)
        except (MalformedError, SignatureError) as error:
            raise DamagedError(f"the head is damaged: {error}") from error
        self.trust(note, head)
        return head


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except ProofError as error:
        raise DamagedError(f"the store is damaged: {error}") from error

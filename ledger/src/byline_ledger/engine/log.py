# SPDX-License-Identifier: Apache-2.0
"""The log: one order, one tree, one signed head.

A batch of submissions becomes part of the log in one transaction of the store:

1. read the head: origin, size, root;
2. a submission whose identity is known, from before or from this batch, keeps the index that it has;
3. every other one gets the next index; leaf, payload, identity and facets are added, with the time of the clock, or that of the
   entry before where the clock stands behind it: order and time agree;
4. the tiles that grow are computed and set;
5. the new head is signed and set;
6. the receipts are made, all to that head;
7. the transaction commits, and only then does anybody see a receipt or the head.

Whatever ends the process before 7 leaves the log as it was; after 7 everything is durable. A client that heard nothing sends the
statement again and 2 gives it the same index. Several processes may do this on one store: the transaction is exclusive, and
nothing is kept between two of them but hashes of complete subtrees, which never change.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from byline.core.bundle import Receipt
from byline.core.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from byline.core.logged import Logged, Page
from byline.core.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    ConsistencyProof,
    InclusionProof,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    prove_inclusions,
    root_of,
)
from byline.core.note import parse_note, sign_note
from byline.core.tiles import WIDTH, format_entries, grow_tiles, is_covered, read_tiled_nodes
from byline.errors import ContentionError, LedgerError, ProofError
from byline_ledger.engine.frozen import Frozen, check_taking, set_frozen, why_frozen
from byline_ledger.engine.index import note_keys
from byline_ledger.engine.pages import fill_page, read_envelope, read_leaves
from byline_ledger.engine.published import checkpoint_for, checkpoint_to_show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from byline.core.entry import Submission
    from byline.core.facets import Query
    from byline.core.merkle import NodeReader
    from byline.core.ports import Store, StoreReader, StoreWriter
    from byline.core.tiles import Tile
    from byline.keys.ed25519 import LogKey

MAX_ATTEMPTS = 5
_MAX_NODES = 200_000
MAX_PAGE = 256
_NS_PER_MS = 1_000_000


class Extension(NamedTuple):
    """A transaction that extends the log: its `writer`, the newest signed checkpoint and its size, the time, and what adds entries."""

    writer: StoreWriter
    note: str
    size: int
    now: int
    add: Callable[[Sequence[Submission]], list[Receipt]]


class Log:
    """A log over a store, signed with `key`, whose name is the origin. As thread-safe as its store.

    `clock` tells nanoseconds; `publish` is called with each new head, durable by then, before anybody else is told of it.
    """

    def __init__(
        self, store: Store, key: LogKey, clock: Callable[[], int] = time.time_ns, *, publish: Callable[[str], None] = lambda _: None
    ) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._publish = publish
        self._log_id = key.note_key.log_id
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._is_indexed = False

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._key.name

    @property
    def vkey(self) -> str:
        """The public key of the log."""
        return self._key.vkey

    @property
    def log_id(self) -> bytes:
        """The id of the log in receipts (32 bytes)."""
        return self._log_id

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.head()[1].size

    def over(self, store: Store) -> Log:
        """Return the same log over another `store` of the same data, for readers that must not wait for writers."""
        return Log(store, self._key, self._clock)

    def has_begun(self) -> bool:
        """Whether the log has a checkpoint.

        Raises:
            LedgerError: The store is broken, or holds another log.
        """
        with self._store.read() as reader:
            if reader.head() is None:
                return False
            self._head(reader)
            return True

    def start(self, writer: StoreWriter) -> None:
        """Sign the checkpoint of the empty tree: the log begins when the transaction of `writer` commits."""
        self._sign(writer, size=0, root=EMPTY_ROOT)

    def begin_index(self) -> None:
        """Note the keys of what is appended from now on for the next seal (`engine.sealing`), which else reads payloads."""
        self._is_indexed = True

    def append(self, batch: Sequence[Submission]) -> list[Receipt]:
        """Log `batch` in order and return a receipt for each; where another writer was in the way it is tried again.

        Raises:
            LedgerUnavailableError: The store cannot take it now; nobody knows whether it did.
            FrozenError: The log is frozen and something is new; nothing of the batch is added.
            LedgerError: The store is broken.
        """
        attempts = 0
        while True:
            attempts += 1
            try:
                with self.appending(batch) as receipts:
                    pass
            except ContentionError:
                if attempts == MAX_ATTEMPTS:
                    raise
            else:
                return receipts

    @contextlib.contextmanager
    def appending(self, batch: Sequence[Submission]) -> Iterator[list[Receipt]]:
        """Add `batch` and give the receipts, which are true once the block was left: that is the commit, and may be another thread's.

        Raises:
            LedgerUnavailableError: As `append`.
            LedgerError: As `append`.
        """
        with self._writing() as writer:
            yield self._add(writer, batch)

    @contextlib.contextmanager
    def extending(self) -> Iterator[Extension]:
        """Open the transaction for whoever adds entries and writes something beside them.

        Raises:
            LedgerUnavailableError: As `append`.
            LedgerError: As `append`.
        """
        with self._writing() as writer:
            note, head = self._head(writer)
            yield Extension(writer, note, head.size, self._now(writer, head.size), lambda batch: self._add(writer, batch))

    def rewrite_head(self) -> None:
        """Write the head again as it is, durably: it tells whether the store takes anything.

        Raises:
            LedgerUnavailableError: It does not, now.
            LedgerError: The store is broken.
        """
        with self._store.write() as writer:
            writer.set_head(self._head(writer)[0])

    def freeze(self, *, frozen: bool = True) -> None:
        """Take no new entries from now on, whoever the writer is, or take them again; what is there is answered as before.

        Raises:
            FrozenError: It is frozen for another reason than that somebody froze it: a restore, or a log that follows it.
            LedgerError: The store does not take it.
        """
        with self._store.write() as writer:
            check_taking(writer, unless=Frozen.HELD)
            set_frozen(writer, Frozen.HELD if frozen else None)

    def is_frozen(self) -> bool:
        """Whether the log takes no new entries.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            return why_frozen(reader) is not None

    def receipts(self, batch: Sequence[Submission]) -> list[Receipt | None]:
        """Return a receipt for each of `batch` that is in the log, None for each that is not.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            indices = reader.known([each.identity for each in batch])
            known = [indices[each.identity] for each in batch if each.identity in indices]
            note, head = checkpoint_for(reader, self._head(reader), known)
            made = iter(self._receipts(reader, known, note, head.size, {}))
        return [next(made) if each.identity in indices else None for each in batch]

    def checkpoint(self) -> str:
        """Return the checkpoint for readers: the newest, or the one that was published (`engine.published`).

        Raises:
            LedgerUnavailableError: No quorum of witnesses has cosigned one yet, and one is required.
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            return checkpoint_to_show(reader, self._head(reader)[0])

    def head(self) -> tuple[str, Checkpoint]:
        """Return the newest checkpoint, as it is signed and as it reads.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            return self._head(reader)

    def tile(self, tile: Tile) -> bytes | None:
        """Return the bytes of `tile`, None where the newest checkpoint does not reach that far.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            if not is_covered(tile, self._head(reader)[1].size):
                return None
            if tile.level is not None:
                return reader.tile(tile.level, tile.index)[: tile.width * HASH_SIZE]
            start = tile.index * WIDTH
            return format_entries(list(read_leaves(reader, range(start, start + tile.width)).values()))

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Prove that entry `index` is in the tree of `size` entries.

        Raises:
            ProofError: There is no such entry or no such tree.
        """
        with self._store.read() as reader:
            self._check_size(reader, size)
            return prove_inclusion(index, size, self._reader(reader))

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Prove that the tree of `new` entries begins with the tree of `old`.

        Raises:
            ProofError: There is no such tree.
        """
        with self._store.read() as reader:
            self._check_size(reader, new)
            return prove_consistency(old, new, self._reader(reader))

    def entries(self, start: int, *, limit: int = MAX_PAGE, envelopes: bool = True) -> Page:
        """Show entries from `start` on: `limit` at most, fewer if they are large, one at least if there is one.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            size = self._head(reader)[1].size
            indices = range(start, min(size, start + min(limit, MAX_PAGE)))
            return self._page(reader, indices, envelopes=envelopes, more=indices.stop < size)

    def find(self, query: Query, *, after: int = -1, limit: int = MAX_PAGE) -> Page:
        """Show what `query` asks for beyond the entry `after`, as `entries` does.

        Raises:
            LedgerError: The store is broken.
        """
        limit = min(limit, MAX_PAGE)
        with self._store.read() as reader:
            indices = reader.find(query, after=after, limit=limit + 1)
            return self._page(reader, indices[:limit], envelopes=True, more=len(indices) > limit)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[StoreWriter]:
        if len(self._nodes) > _MAX_NODES:
            self._nodes.clear()
        try:
            with self._store.write() as writer:
                yield writer
                note = self._head(writer)[0]
        except BaseException:
            # Other entries may get the indices of a transaction that failed, so its nodes must be forgotten.
            self._nodes.clear()
            raise
        self._publish(note)

    def _page(self, reader: StoreReader, indices: Sequence[int], *, envelopes: bool, more: bool) -> Page:
        """Show the entries `indices` as far as a page has room; `more` tells whether others follow them."""
        kept, payloads = fill_page(reader, indices) if envelopes else (indices, {})
        note, head = checkpoint_for(reader, self._head(reader), kept)
        receipts, times = self._receipts(reader, kept, note, head.size, {}), reader.times(kept)
        entries = tuple(
            Logged(receipt=each, envelope=read_envelope(each, payloads.get(each.index)), logged_at=times[each.index]) for each in receipts
        )
        return Page(checkpoint=note, entries=entries, after=kept[-1] if kept and (more or len(kept) < len(indices)) else None)

    def _add(self, writer: StoreWriter, batch: Sequence[Submission]) -> list[Receipt]:
        """Add what is new of `batch` and make the receipts."""
        note, head = self._head(writer)
        indices = writer.known([each.identity for each in batch])
        fresh: list[Submission] = []
        for each in batch:
            if each.identity not in indices:
                indices[each.identity] = head.size + len(fresh)
                fresh.append(each)
        if fresh:
            check_taking(writer)
            writer.add_entries(head.size, fresh, self._now(writer, head.size))
            if self._is_indexed:
                note_keys(writer, head.size, fresh)
            tiles = grow_tiles(head.size, [hash_leaf(each.leaf) for each in fresh], writer.tile)
            for (level, at), data in tiles.items():
                writer.set_tile(level, at, data)
            size = head.size + len(fresh)
            note = self._sign(writer, size=size, root=root_of(size, self._reader(writer)))
        leaves = {number: each.leaf for number, each in enumerate(fresh, head.size)}
        return self._receipts(writer, [indices[each.identity] for each in batch], note, head.size + len(fresh), leaves)

    def _sign(self, writer: StoreWriter, *, size: int, root: bytes) -> str:
        text = format_checkpoint(Checkpoint(origin=self._key.name, size=size, root=root))
        note = sign_note(text, [self._key])
        writer.set_head(note)
        return note

    def _head(self, reader: StoreReader) -> tuple[str, Checkpoint]:
        note = reader.head()
        if note is None:
            raise LedgerError("the log has not begun", hint="run `byline ledger init`")
        head = parse_checkpoint(parse_note(note).text)
        if head.origin != self._key.name:
            what = f"the store holds the log {head.origin}, the key is that of {self._key.name}"
            raise LedgerError(what, hint="restore the key that belongs to it")
        return note, head

    def _receipts(self, reader: StoreReader, indices: Sequence[int], note: str, size: int, known: dict[int, bytes]) -> list[Receipt]:
        """Make the receipts of `indices` in the tree of `size` entries that `note` signs; a leaf that is not `known` is read."""
        leaves = known | read_leaves(reader, [index for index in indices if index not in known])
        proofs = prove_inclusions(indices, size, self._reader(reader))
        return [Receipt(log_id=self._log_id, leaf=leaves[index], proof=proofs[index], checkpoint=note) for index in indices]

    def _now(self, reader: StoreReader, size: int) -> int:
        """Return the time to log at, in milliseconds."""
        before = reader.times([size - 1]).get(size - 1, 0)
        return max(before, self._clock() // _NS_PER_MS)

    def _check_size(self, reader: StoreReader, size: int) -> None:
        _, head = self._head(reader)
        if size > head.size:
            raise ProofError(f"the log has {head.size} entries")

    def _reader(self, reader: StoreReader) -> NodeReader:
        tiles: dict[tuple[int, int], bytes] = {}

        def tile(level: int, index: int) -> bytes:
            if (level, index) not in tiles:
                tiles[level, index] = reader.tile(level, index)
            return tiles[level, index]

        return read_tiled_nodes(tile, self._nodes)

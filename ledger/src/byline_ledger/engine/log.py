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
nothing is kept between two of them but what was proven, which never changes (`engine.proven`).
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from byline.core.bundle import Receipt
from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.logged import Logged, Page
from byline.core.merkle import EMPTY_ROOT
from byline.core.note import sign_note
from byline.errors import ContentionError
from byline_ledger.engine.frozen import Frozen, check_taking, set_frozen, why_frozen
from byline_ledger.engine.index import note_keys
from byline_ledger.engine.pages import fill_page, read_envelope
from byline_ledger.engine.proven import Prover
from byline_ledger.engine.published import checkpoint_for, checkpoint_to_show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from byline.core.entry import Submission
    from byline.core.facets import Query
    from byline.core.merkle import ConsistencyProof, InclusionProof
    from byline.core.ports import Store, StoreReader, StoreWriter
    from byline.core.tiles import Tile
    from byline.keys.ed25519 import LogKey
    from byline_ledger.engine.proven import Moment

MAX_ATTEMPTS = 5
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
        self.clock_behind = 0
        self._publish = publish
        self._told: str | None = None
        self._log_id = key.note_key.log_id
        self._prover = Prover(key)
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
            self._prover.open(reader)
            return True

    def start(self, writer: StoreWriter) -> None:
        """Sign the checkpoint of the empty tree: the log begins when the transaction of `writer` commits."""
        self._sign(writer, Checkpoint(origin=self._key.name, size=0, root=EMPTY_ROOT))

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
            moment = self._prover.open(writer)
            now = self._now(writer, moment.head.size)
            yield Extension(writer, moment.note, moment.head.size, now, lambda batch: self._add(writer, batch))

    def rewrite_head(self) -> None:
        """Write the head again as it is, durably: it tells whether the store takes anything.

        Raises:
            LedgerUnavailableError: It does not, now.
            LedgerError: The store is broken.
        """
        with self._store.write() as writer:
            writer.set_head(self._prover.open(writer).note)

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
            moment = self._prover.open(reader)
            indices = reader.known([each.identity for each in batch])
            known = [indices[each.identity] for each in batch if each.identity in indices]
            made = iter(self._receipts(moment, known, {}, self._shown(moment, known)))
        return [next(made) if each.identity in indices else None for each in batch]

    def checkpoint(self) -> str:
        """Return the checkpoint for readers: the newest, or the one that was published (`engine.published`).

        Raises:
            LedgerUnavailableError: No quorum of witnesses has cosigned one yet, and one is required.
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            moment = self._prover.open(reader)
            note = checkpoint_to_show(reader, moment.note)
            moment.check_earlier(note)
            return note

    def head(self) -> tuple[str, Checkpoint]:
        """Return the newest checkpoint, as it is signed and as it reads.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            moment = self._prover.open(reader)
        return moment.note, moment.head

    def tile(self, tile: Tile) -> bytes | None:
        """Return the bytes of `tile`, None where the newest checkpoint does not reach that far.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            return self._prover.open(reader).tile(tile)

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Prove that entry `index` is in the tree of `size` entries.

        Raises:
            ProofError: There is no such entry or no such tree.
        """
        with self._store.read() as reader:
            return self._prover.open(reader).inclusions((index,), size)[index]

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Prove that the tree of `new` entries begins with the tree of `old`.

        Raises:
            ProofError: There is no such tree.
        """
        with self._store.read() as reader:
            return self._prover.open(reader).consistency(old, new)

    def entries(self, start: int, *, limit: int = MAX_PAGE, envelopes: bool = True) -> Page:
        """Show entries from `start` on: `limit` at most, fewer if they are large, one at least if there is one.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            moment = self._prover.open(reader)
            size = moment.head.size
            indices = range(min(start, size), min(start + min(limit, MAX_PAGE), size))
            return self._page(moment, indices, envelopes=envelopes, more=indices.stop < size)

    def find(self, query: Query, *, after: int = -1, limit: int = MAX_PAGE) -> Page:
        """Show what `query` asks for beyond the entry `after`, as `entries` does.

        Raises:
            LedgerError: The store is broken.
        """
        limit = min(limit, MAX_PAGE)
        with self._store.read() as reader:
            indices = reader.find(query, after=after, limit=limit + 1)
            return self._page(self._prover.open(reader), indices[:limit], envelopes=True, more=len(indices) > limit)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[StoreWriter]:
        try:
            with self._store.write() as writer:
                # Others may write too, and a database may be set back under them: this never signs over what it told of.
                if self._told is not None:
                    self._prover.open(writer).check_earlier(self._told)
                yield writer
                note = self._prover.open(writer).note
        except BaseException:
            self._prover.forget()
            raise
        self._told = note
        self._publish(note)

    def _page(self, moment: Moment, indices: Sequence[int], *, envelopes: bool, more: bool) -> Page:
        """Show the entries `indices` as far as a page has room; `more` tells whether others follow them."""
        kept, payloads = fill_page(moment.reader, indices) if envelopes else (indices, {})
        shown = self._shown(moment, kept)
        receipts, times = self._receipts(moment, kept, {}, shown), moment.reader.times(kept)
        entries = tuple(
            Logged(receipt=each, envelope=read_envelope(each, payloads.get(each.index)), logged_at=times[each.index]) for each in receipts
        )
        return Page(checkpoint=shown[0], entries=entries, after=kept[-1] if kept and (more or len(kept) < len(indices)) else None)

    def _add(self, writer: StoreWriter, batch: Sequence[Submission]) -> list[Receipt]:
        """Add what is new of `batch` and make the receipts."""
        moment = self._prover.open(writer)
        start = moment.head.size
        indices = writer.known([each.identity for each in batch])
        fresh: list[Submission] = []
        for each in batch:
            if each.identity not in indices:
                indices[each.identity] = start + len(fresh)
                fresh.append(each)
        if fresh:
            check_taking(writer)
            writer.add_entries(start, fresh, self._now(writer, start))
            if self._is_indexed:
                note_keys(writer, start, fresh)
            for (level, at), data in moment.grow([each.leaf for each in fresh]).items():
                writer.set_tile(level, at, data)
            moment.note = self._sign(writer, moment.head)
        leaves = {number: each.leaf for number, each in enumerate(fresh, start)}
        return self._receipts(moment, [indices[each.identity] for each in batch], leaves)

    def _sign(self, writer: StoreWriter, head: Checkpoint) -> str:
        note = sign_note(format_checkpoint(head), [self._key])
        self._prover.trust(note, head)
        writer.set_head(note)
        return note

    def _shown(self, moment: Moment, indices: Sequence[int]) -> tuple[str, Checkpoint]:
        """Return the checkpoint that receipts of `indices` are made to where they are read."""
        note, head = checkpoint_for(moment.reader, (moment.note, moment.head), indices)
        moment.check_earlier(note)
        return note, head

    def _receipts(
        self, moment: Moment, indices: Sequence[int], known: dict[int, bytes], shown: tuple[str, Checkpoint] | None = None
    ) -> list[Receipt]:
        """Make the receipts of `indices` to the head of `moment` or what else is `shown`; a leaf that is not `known` is read."""
        note, head = shown or (moment.note, moment.head)
        leaves = known | moment.leaves([index for index in indices if index not in known])
        proofs = moment.inclusions(indices, head.size)
        return [Receipt(log_id=self._log_id, leaf=leaves[index], proof=proofs[index], checkpoint=note) for index in indices]

    def _now(self, reader: StoreReader, size: int) -> int:
        """Return the time to log at, in milliseconds: no entry is older than the one before, also where the clock went back."""
        before, now = reader.times([size - 1]).get(size - 1, 0), self._clock() // _NS_PER_MS
        self.clock_behind = max(0, before - now)
        return max(before, now)

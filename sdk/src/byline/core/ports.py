# SPDX-License-Identifier: Apache-2.0
"""The doors of the house: what a room needs from outside, said as protocols.

Every port is small and sync. Implementations live in rooms that do I/O (`keys`, `log`, `byline_ledger`) or in `byline.testing`;
nobody inherits from a port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from byline.core.bundle import Bundle, Receipt
    from byline.core.entry import Submission
    from byline.core.envelope import Envelope
    from byline.core.facets import Facets, Query
    from byline.core.merkle import ConsistencyProof, InclusionProof
    from byline.core.sealed_index import IndexProof
    from byline.core.version import Block, Claimed, Version


class Signer(Protocol):
    """A private key, wherever it lives."""

    @property
    def public(self) -> bytes:
        """The public key, in one of the forms of `core.publickey`."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`, as the form of the key has it."""
        ...


class NoteSigner(Protocol):
    """A private key that signs notes (`core.note`) under a name."""

    @property
    def name(self) -> str:
        """The key's name; a log's is its origin."""
        ...

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature over `message`."""
        ...


class NoteVerifier(Protocol):
    """A public key that checks the signatures of notes under a name."""

    @property
    def name(self) -> str:
        """The key's name; a log's is its origin."""
        ...

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        ...

    def check(self, message: bytes, signature: bytes) -> None:
        """Check `signature` over `message`.

        Raises:
            SignatureError: The key did not make it.
        """
        ...


class Ledger(Protocol):
    """An append-only log of envelopes. Nothing that it answers is verified by the port itself: that is the verify room's."""

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        """Log `envelope`, signed by the key `public` (`core.publickey`), and return its receipt once it is durable and in the tree.

        The same payload by the same key is the same statement: however often it comes, it has one index. The receipt then holds
        the leaf with the signature that was logged first (`core.bundle.join_receipt` minds that).

        Raises:
            EntryRejectedError: The log will never take it; the message says why.
            LedgerUnavailableError: Nobody knows whether it was taken; appending again is safe.
        """
        ...

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint.

        Raises:
            LedgerUnavailableError: The log does not answer.
        """
        ...

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Return the proof that entry `index` is in the tree of the first `size` entries.

        Raises:
            ProofError: There is no such entry or no such tree.
            LedgerUnavailableError: The log does not answer.
        """
        ...

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Return the proof that the tree of `new` entries begins with the tree of `old` entries.

        Raises:
            ProofError: `old` is beyond `new`, or `new` beyond the log.
            LedgerUnavailableError: The log does not answer.
        """
        ...

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        """Return every bundle whose statement has a subject with this SHA-256 (64 hex digits), in log order.

        Raises:
            MalformedError: Not 64 hex digits.
            LedgerUnavailableError: The log does not answer.
        """
        ...


class IndexedLedger(Ledger, Protocol):
    """A ledger that can show that it has nothing else: `core.sealed_index`."""

    def prove_index(self, keys: Sequence[bytes]) -> IndexProof:
        """Return what the index has under `keys` (`core.index_keys`, at most `MAX_KEYS`), of all that was logged before the call.

        Raises:
            ProofError: The log has no index.
            LedgerUnavailableError: The log does not answer.
        """
        ...

    def fetch(self, indices: Sequence[int]) -> tuple[Bundle, ...]:
        """Return the bundles of those of these entries whose payload the log has.

        Raises:
            LedgerUnavailableError: The log does not answer.
        """
        ...


class StoreReader(Protocol):
    """One moment of a store: what is read through it never changes. What is asked for and not there is left out of an answer."""

    def head(self) -> str | None:
        """Return the newest signed checkpoint, None before the first."""
        ...

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile (`core.tiles`, of `STORED_HEIGHT`), empty if there are none yet."""
        ...

    def tile_places(self) -> Iterable[tuple[int, int]]:
        """Return the level and index of every tile."""
        ...

    def leaves(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Return the leaves of these entries; a `range` is read in one go."""
        ...

    def payloads(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Return the payloads of those of these entries that have one: some came without, some were erased."""
        ...

    def facets(self, indices: Sequence[int]) -> dict[int, Facets]:
        """Return what these entries are found by, also of those whose payload was erased."""
        ...

    def times(self, indices: Sequence[int]) -> dict[int, int]:
        """Return when these entries were logged, in milliseconds since 1970 by the log's clock, never falling from entry to entry."""
        ...

    def known(self, identities: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indices of those statements, by identity (32 bytes), that are in the log."""
        ...

    def find(self, query: Query, *, after: int = -1, limit: int) -> tuple[int, ...]:
        """Return, ascending, the first `limit` entries beyond `after` that `query` asks for."""
        ...

    def state(self, name: str) -> bytes | None:
        """Return what was set under `name`."""
        ...

    def indexed(self, terms: Sequence[tuple[bytes, int]]) -> set[tuple[bytes, int]]:
        """Return those of `terms`, each with an entry, that the index has."""
        ...

    def counts(self) -> dict[str, int]:
        """Return how many there are of each: `identity`, `term` (rows of the index), `source` (key, repository and kind)."""
        ...

    def strays(self, size: int) -> dict[str, int]:
        """Return an `entry` and a `payload` that a log of `size` entries does not have, if there are such, by these names."""
        ...


class StoreWriter(StoreReader, Protocol):
    """The one transaction that may change a store. It reads what it wrote."""

    def add_entries(self, index: int, entries: Sequence[Submission], at: int) -> None:
        """Add `entries`, none of them known, as the entries from `index` on, logged `at` (milliseconds since 1970)."""
        ...

    def erase(self, index: int) -> None:
        """Forget the payload of an entry; leaf, identity and facets stay."""
        ...

    def set_tile(self, level: int, index: int, hashes: bytes) -> None:
        """Set a tile: new, or longer than it was."""
        ...

    def set_head(self, note: str) -> None:
        """Set the newest signed checkpoint."""
        ...

    def set_state(self, name: str, value: bytes | None) -> None:
        """Keep `value` under `name`, for whoever owns that name, or forget it (None). It commits with everything else."""
        ...


class Store(Protocol):
    """Where a log keeps its state.

    The whole promise of the ledger rests on this contract:

    1. `write()` is exclusive among all processes that use the store.
    2. It is all or nothing: leaving the block normally makes every change durable (it survives SIGKILL and power loss) before
       the next statement runs; leaving it by an exception, or dying inside it, changes nothing.
    3. A reader sees one committed moment: a head is never visible without every tile, leaf and index entry that it covers.
    4. An error while leaving means that the outcome is unknown; the next `read()` tells.
    5. One identity has one entry, and one index has one entry: the store itself refuses a second one.
    """

    def read(self) -> AbstractContextManager[StoreReader]:
        """Open one committed moment."""
        ...

    def write(self) -> AbstractContextManager[StoreWriter]:
        """Open the transaction; waits for other writers.

        Raises:
            LedgerUnavailableError: Others held the store for too long, or the disk is full.
            LedgerError: The store is broken; do not go on.
        """
        ...

    def purge(self) -> bool:
        """Get rid of what is left of erased payloads, outside any transaction; return whether nobody was in the way.

        Raises:
            LedgerError: The store cannot be written.
        """
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


class Sources(Protocol):
    """What attribution reads: contents, committed versions, and what claims say. The same answers give the same attribution."""

    def lines(self, blob: str) -> tuple[bytes, ...] | None:
        """Return the lines of a blob; None if it is no text, too large, or nowhere to be found."""
        ...

    def has(self, commit: str, path: bytes) -> bool:
        """Return whether `commit` holds a file at `path`."""
        ...

    def committed(self, commit: str, path: bytes) -> Version | None:
        """Return the text at `path` of `commit` with its bylines; None if there is none."""
        ...

    def claimed(self, blob: str, path: bytes) -> Claimed | None:
        """Return the newest claim of the content `blob` at `path`."""
        ...

    def hashes(self, lines: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the keyed hash of each line."""
        ...

    def similar(self, hashes: Sequence[bytes], paths: Sequence[bytes]) -> Iterable[Claimed]:
        """Yield the claimed versions that hold one of `hashes`, likeliest first: those at `paths`, the most hits, the newest."""
        ...

    def lost(self, commit: str, lines: Sequence[bytes]) -> Iterable[Block]:
        """Yield the blocks that went away over `commit` from files other than those they may now stand in, if they hold one of `lines`."""
        ...

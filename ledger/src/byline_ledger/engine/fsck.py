# SPDX-License-Identifier: Apache-2.0
"""Check all of a log, trusting nothing but its key.

1. The database is sound to SQLite, its header says what it must, and it has the tables of this version, no others. (In PostgreSQL it
   is the database that looks after its files: `data_checksums`, `pg_amcheck`.)
2. The head is a checkpoint signed by the log's key, and not behind what the log told of (`engine.highwater`).
3. There are as many entries as it says, numbered without a gap, and nothing beyond them.
4. Each leaf is spelled as it must be, its payload is what its digest says, and its signature is by its key; what came through
   Rekor's door has no payload.
5. Each identity and each facet is that of its entry, and the index has each of its terms; none is missing and none is left over.
   No entry was logged before the one before it. A payload that is gone has its tombstones, by two keys (`core.tombstone`).
6. Each tile holds the hashes of these leaves; none is missing and none is left over.
7. The root of these leaves is the root that the head signs.
8. The sealed index has the rows of these entries, all of them and no others, and its last seal says so.
9. Where witnesses are asked, the checkpoint that readers are shown is one of this log, about entries that it has.

It reads one moment of the database, in use or not, and changes nothing. It goes on after a finding where it can, so that the first
one names what is wrong and the others how far it reaches.

The tree alone (2, 3, 6, 7, 9) is what other logs' checks look at; it takes a small part of the time, most of which goes into signatures.

Any byte that an answer of the log could depend on is covered (`engine.fsck_file` says which others there are). A log whose
folder was set back as a whole, to a state that it signed, looks like what it then was: that is found by whoever has a later checkpoint
or receipt.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from byline.core.checkpoint import open_checkpoint
from byline.core.entry import identity_from
from byline.core.merkle import HASH_SIZE, hash_leaf, root_of
from byline.core.tiles import STORED_HEIGHT, read_tiled_nodes
from byline.core.tombstone import NEEDED
from byline.core.value import dataclass, replace
from byline.errors import LedgerError, LedgerUnavailableError, MalformedError, SignatureError
from byline.keys.ed25519 import LogVerifier, load_log_key
from byline_ledger.engine.files import DATABASE, KEY, check_files, is_shared, open_store
from byline_ledger.engine.finding import Finding
from byline_ledger.engine.fsck_entries import CHUNK, Chunk, examine_chunks
from byline_ledger.engine.fsck_file import examine_file
from byline_ledger.engine.fsck_index import examine_index, has_index
from byline_ledger.engine.fsck_tree import Regrowth, hash_leaves_in
from byline_ledger.engine.highwater import NEWEST, HighWater, is_behind
from byline_ledger.engine.published import PUBLISHED
from byline_ledger.engine.sql import SqlMoment
from byline_ledger.engine.sqlite import is_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from byline.core.checkpoint import Checkpoint
    from byline.core.facets import Facets
    from byline.core.ports import StoreReader
    from byline.core.tombstone import Tombstone
    from byline_ledger.engine.frames import Source
    from byline_ledger.engine.fsck_entries import Checked

MAX_FINDINGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """`entries` that the signed head counts and its `root` (hex), both 0 and empty where there is no good head; what was found."""

    entries: int
    root: str
    findings: tuple[Finding, ...]


def check_ledger(directory: Path, verifier: LogVerifier | None = None, *, tree_only: bool = False) -> FsckReport:
    """Check the log in `directory`; with its `verifier` it needs no key there.

    `tree_only` leaves out the database's own soundness, payloads, signatures and the index.

    Raises:
        ConfigError: There is no log, or its key cannot be read.
        LedgerError: Its database is gone, or the system does not let it be read: nothing is known about it then.
    """
    if verifier is None:
        check_files(directory)
        verifier = LogVerifier(load_log_key(directory / KEY).note_key)
    told, first = _told(directory, verifier)  # before the moment that is read: others may go on meanwhile
    with _reading(directory, tree_only=tree_only) as (reader, soundness):
        hashed = None if is_shared(directory) else partial(hash_leaves_in, directory / DATABASE)
        report = examine_moment(reader, verifier, itertools.chain(first, soundness), tree_only=tree_only, hashed=hashed)
    if told is None or not report.root or not is_behind(told, size=report.entries, root=bytes.fromhex(report.root)):
        return report
    behind = Finding(where="head", what=f"it is not what the log told of: {told.size} entries, root {told.root.hex()}")
    return replace(report, findings=(behind, *report.findings))


@contextlib.contextmanager
def _reading(directory: Path, *, tree_only: bool) -> Iterator[tuple[StoreReader, Iterable[Finding]]]:
    """Give a moment of the database, and what is wrong with its file."""
    if is_shared(directory):
        with contextlib.closing(open_store(directory)) as store, store.read() as reader:
            yield reader, ()
        return
    path = directory / DATABASE
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as database:
        _check_readable(database)
        database.execute("BEGIN")
        yield SqlMoment(database.execute), examine_file(database, path, tree_only=tree_only)  # 1


def _told(directory: Path, verifier: LogVerifier) -> tuple[Checkpoint | None, tuple[Finding, ...]]:
    try:
        told = HighWater(directory).read(verifier)
    except LedgerError as error:
        return None, (Finding(where=NEWEST, what=str(error)),)
    return told and told[1], ()


def examine_moment(
    reader: StoreReader,
    verifier: LogVerifier,
    first: Iterable[Finding] = (),
    *,
    tree_only: bool = False,
    hashed: Callable[[int], Iterator[bytes]] | None = None,
) -> FsckReport:
    """Check the log that `reader` shows, whatever store it is of; what `first` finds comes first.

    `hashed` gives the hashes of the first so many leaves, where somebody reads them faster than `reader` for the tree alone.
    """
    check = _Check(reader, verifier, hashed)
    findings = tuple(itertools.islice(_guarded(itertools.chain(first, check.run(tree_only=tree_only))), MAX_FINDINGS))
    head = check.head
    return FsckReport(entries=head.size if head else 0, root=head.root.hex() if head else "", findings=findings)


def _check_readable(database: sqlite3.Connection) -> None:
    """Tell a disk that is full or failing from a database that is damaged."""
    try:
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        if is_environment(error):
            raise LedgerError(f"cannot read {DATABASE}: {error}", hint="is the disk full or failing, or the folder not yours?") from error
    except UnicodeDecodeError:
        return  # SQLite quotes what is damaged: a finding


def _guarded(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Give `findings`, and what ends them early as the last one."""
    try:
        yield from findings
    except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
        # Damaged pages can hold values of types and sizes that no table of ours allows.
        yield Finding(where=DATABASE, what=f"cannot be read: {error}")
    except LedgerUnavailableError:
        raise
    except LedgerError as error:
        yield Finding(where="database", what=str(error))


class _Check:
    """One run; `head` is the signed head once it is found good."""

    def __init__(self, reader: StoreReader, verifier: LogVerifier, hashed: Callable[[int], Iterator[bytes]] | None) -> None:
        self._reader = reader
        self._hashed = hashed
        self._verifier = verifier
        self._tree = Regrowth(reader)
        self._size = 0
        self._terms = 0
        self._sources: set[Source] = set()
        self._logged_at = 0
        self._rows = 0
        self._erased: dict[int, Facets] = {}
        self._tombstones: list[tuple[bytes, Tombstone]] = []
        self.head: Checkpoint | None = None

    def run(self, *, tree_only: bool) -> Iterator[Finding]:
        yield from self._check_head()  # 2
        if self.head is None:
            return
        yield from self._check_entries(self.head.size, tree_only=tree_only)  # 3, 4, 5
        if self._size == self.head.size:
            yield from self._check_tree(self.head)  # 6, 7, 9
            if not tree_only:
                yield from examine_index(self._reader, self._verifier, self._size, rows=self._rows, erased=set(self._erased))  # 8

    def _check_head(self) -> Iterator[Finding]:
        try:
            self.head = open_checkpoint(self._reader.head() or "", self._verifier)
        except (MalformedError, SignatureError) as error:
            yield Finding(where="head", what=f"not a checkpoint of this log: {error}")

    def _check_entries(self, size: int, *, tree_only: bool) -> Iterator[Finding]:
        if tree_only:
            for _ in self._leaves(size) if self._hashed is None else self._hashes(self._hashed(size)):
                pass
        else:
            for checked in examine_chunks(self._chunks(size), entries=size):
                yield from self._compare(checked)
        if self._size < size:
            yield Finding(where=f"entry {self._size}", what="is missing")
        elif (stray := self._reader.strays(size)).get("entry") is not None:
            yield Finding(where=f"entry {stray['entry']}", what=f"the head counts {size} entries")
        elif not tree_only:
            if "payload" in stray:
                yield Finding(where="table payload", what=f"it has a payload of entry {stray['payload']}, which the log does not have")
            yield from self._check_erased()
            counts = self._reader.counts()
            for table, count in (("identity", size), ("term", self._terms), ("source", len(self._sources))):
                if counts[table] != count:
                    yield Finding(where=f"table {table}", what=f"{counts[table]} rows, the entries need {count}")

    def _check_erased(self) -> Iterator[Finding]:
        """Two keys have to have signed a tombstone for whatever is gone, and it names what the entry is found by."""
        for index, facets in self._erased.items():
            signers = {
                signer
                for signer, each in self._tombstones
                if bytes.fromhex(each.key) == facets.key and set(map(bytes.fromhex, each.subjects)) == set(facets.subjects)
                if self._reader.known([identity := identity_from(bytes.fromhex(each.statement), facets.key)]).get(identity) == index
            }
            if len(signers) < NEEDED:
                yield Finding(where=f"entry {index}", what="its payload is missing, and no two tombstones say that it may be")

    def _leaves(self, size: int) -> Iterator[tuple[bytes, ...]]:
        """Give the leaves in order, a chunk at a time, until one is missing; the tree grows with them."""
        for start in range(0, size, CHUNK):
            indices = range(start, min(size, start + CHUNK))
            found = self._reader.leaves(indices)
            leaves = tuple(found[index] for index in itertools.takewhile(found.__contains__, indices))
            self._tree.add(b"".join(map(hash_leaf, leaves)))
            self._size += len(leaves)
            yield leaves
            if len(leaves) < len(indices):
                return

    def _hashes(self, hashed: Iterator[bytes]) -> Iterator[None]:
        """Let the tree grow with the hashes of leaves that others read."""
        for hashes in hashed:
            self._tree.add(hashes)
            self._size += len(hashes) // HASH_SIZE
            yield

    def _chunks(self, size: int) -> Iterator[Chunk]:
        is_indexed = has_index(self._reader)
        for leaves in self._leaves(size):
            end = self._size
            indices = range(end - len(leaves), end)
            payloads, facets = self._reader.payloads(indices), self._reader.facets(indices)
            yield Chunk(start=indices.start, leaves=leaves, payloads=payloads, facets=facets, is_indexed=is_indexed)

    def _compare(self, checked: Checked) -> Iterator[Finding]:
        """Give what is wrong with some entries, and what the store says of them that is not so."""
        wrong = list(checked.wrong)
        known = self._reader.known(list(checked.identities))
        wrong += (
            (index, "it is not known by the identity of what was logged")
            for key, index in checked.identities.items()
            if known.get(key) != index
        )
        indexed = self._reader.indexed(checked.terms)
        wrong += ((row[1], f"the index does not have it under the term {row[0].hex()}") for row in checked.terms if row not in indexed)
        for index, at in sorted(self._reader.times(list(checked.identities.values())).items()):
            if at < self._logged_at:
                wrong.append((index, "it was logged before the entry before it"))
            self._logged_at = at
        self._terms += len(checked.terms)
        self._sources |= checked.sources
        self._rows += checked.rows
        self._erased |= checked.erased
        self._tombstones += checked.tombstones
        yield from (Finding(where=f"entry {index}", what=what) for index, what in sorted(wrong))

    def _check_tree(self, head: Checkpoint) -> Iterator[Finding]:
        root = self._tree.end()
        yield from self._tree.findings
        if root != head.root:
            yield Finding(where="head", what="its root is not that of the entries")
        elif not self._tree.findings:
            yield from self._check_published(head)

    def _check_published(self, head: Checkpoint) -> Iterator[Finding]:
        note = (self._reader.state(PUBLISHED) or b"").decode(errors="replace")
        if not note:
            return
        where = "published checkpoint"
        try:
            shown = open_checkpoint(note, self._verifier)
        except (MalformedError, SignatureError) as error:
            yield Finding(where=where, what=f"not a checkpoint of this log: {error}")
            return
        if shown.size > head.size or root_of(shown.size, read_tiled_nodes(self._reader.tile, {}, STORED_HEIGHT)) != shown.root:
            yield Finding(where=where, what="it is not about the entries of this log")

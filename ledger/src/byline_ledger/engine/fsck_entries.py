# SPDX-License-Identifier: Apache-2.0
"""Check what the entries of a log hold: leaf, payload, signature, facets. Each chunk is on its own, so that processes can share them.

What the rest of the store must say about the entries comes back: their identities, their terms in the index, and their sources.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from byline.core.entry import entry_for, identity_of, parse_entry
from byline.core.envelope import Envelope
from byline.core.facets import facets_of
from byline.core.index_keys import index_keys
from byline.core.rekor import parse_record, record_identity
from byline.core.sealed_index import format_row, is_seal, parse_seal
from byline.core.sshsig import namespace_of
from byline.core.statement import Statement, parse_statement
from byline.core.tombstone import Tombstone, parse_tombstone
from byline.core.value import dataclass, field
from byline.errors import BylineError, EntryError, StatementError
from byline.keys.signatures import Signatures
from byline_ledger.engine.frames import split_leaf
from byline_ledger.engine.index import NO_FACETS, seal_identity
from byline_ledger.engine.records import record_facets
from byline_ledger.engine.spread import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.core.facets import Facets
    from byline_ledger.engine.frames import Source

CHUNK = 512
# A process takes a good part of a second to start.
_WORTH_PROCESSES = 16 * CHUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Entries from `start` on, as they are stored; `is_indexed` tells whether the log seals an index of them."""

    start: int
    leaves: tuple[bytes, ...]
    payloads: dict[int, bytes]
    facets: dict[int, Facets]
    is_indexed: bool = False


@dataclass(slots=True, kw_only=True)
class Checked:
    """`wrong` tells of entries; what else is to be found in the store: an index for each identity, rows of the index, sources.

    `rows` is the sum of the rows (`sum_rows`) that the sealed index has of them, but of those that were `erased`. `tombstones` say which
    may be, each with the id of the key that signed it.
    """

    wrong: list[tuple[int, str]] = field(default_factory=list)
    identities: dict[bytes, int] = field(default_factory=dict)
    terms: list[tuple[bytes, int]] = field(default_factory=list)
    sources: set[Source] = field(default_factory=set)
    rows: int = 0
    erased: dict[int, Facets] = field(default_factory=dict)
    tombstones: list[tuple[bytes, Tombstone]] = field(default_factory=list)


def examine_chunks(chunks: Iterable[Chunk], *, entries: int) -> Iterator[Checked]:
    """Check `chunks` in order, with every processor where there are many `entries`.

    Raises:
        LedgerError: A process that checks is gone.
    """
    return spread(examine_chunk, chunks, is_worth=entries >= _WORTH_PROCESSES)


def examine_chunk(chunk: Chunk) -> Checked:
    """Check the entries of `chunk`."""
    checked, signatures = Checked(), Signatures()
    for index, leaf in enumerate(chunk.leaves, chunk.start):
        checked.wrong += ((index, what) for what in _check_entry(index, leaf, chunk, signatures, checked))
    return checked


def _check_entry(index: int, leaf: bytes, chunk: Chunk, signatures: Signatures, checked: Checked) -> Iterator[str]:
    payload, stored = chunk.payloads.get(index), chunk.facets.get(index)
    if payload is None:
        # What came without a payload has no subjects.
        yield from (_check_erased if stored and stored.subjects else _check_record)(index, leaf, stored, checked)
        return
    try:
        entry = parse_entry(leaf)
    except EntryError as error:
        yield f"its leaf: {error}"
        return
    envelope = Envelope(payload=payload, signature=entry.signature)
    if entry_for(envelope, entry.public) != entry:
        yield "its payload is not what its leaf says was signed"
        return
    try:
        statement = parse_statement(payload)
        namespace = namespace_of(statement.predicate_type)
        signatures.verify(entry.public, entry.signature, envelope.signed_bytes, namespace=namespace)
        facets = facets_of(statement, hashlib.sha256(entry.public).digest())
        checked.tombstones += ((facets.key, each) for each in _tombstones(statement))
    except BylineError as error:
        yield str(error)
        return
    yield from _compare(index, leaf, identity_of(payload, entry.public), stored, facets, checked)
    if chunk.is_indexed:
        checked.rows += sum_rows(format_row(key, index) for key in index_keys(statement))


def sum_rows(rows: Iterable[bytes]) -> int:
    """Return a number that rows add up to in whatever order: no damage leaves it as it is."""
    return sum(int.from_bytes(hashlib.sha512(row).digest(), "big") for row in rows)


def _tombstones(statement: Statement) -> Iterator[Tombstone]:
    with contextlib.suppress(StatementError):  # a log takes what is signed, whatever its predicate says
        yield parse_tombstone(statement)


def _check_erased(index: int, leaf: bytes, stored: Facets | None, checked: Checked) -> Iterator[str]:
    """Check what is left of an entry whose payload is gone; whether it may be, the tombstones say in the end."""
    try:
        public = parse_entry(leaf).public
    except EntryError as error:
        yield f"its leaf: {error}"
        return
    if stored is None or hashlib.sha256(public).digest() != stored.key:
        yield "its facets name another key than its leaf"
        return
    checked.erased[index] = stored
    checked.terms += ((term, index) for term in stored.terms)
    checked.sources.add((*stored.source, split_leaf(leaf)[0]))


def _check_record(index: int, leaf: bytes, stored: Facets | None, checked: Checked) -> Iterator[str]:
    """Check what has no payload: it came through Rekor's door, or is the log's own seal, and its leaf is all there is of it."""
    if is_seal(leaf):
        yield from _compare(index, leaf, seal_identity(leaf), stored, NO_FACETS, checked)
        try:
            if (size := parse_seal(leaf).size) != index:
                yield f"it seals {size} entries"
        except EntryError as error:
            yield f"its leaf: {error}"
        return
    try:
        facets = record_facets(parse_record(leaf))
    except BylineError as error:
        yield f"its payload is missing, and its leaf cannot be checked without: {error}"
        return
    yield from _compare(index, leaf, record_identity(leaf), stored, facets, checked)


def _compare(index: int, leaf: bytes, identity: bytes, stored: Facets | None, facets: Facets, checked: Checked) -> Iterator[str]:
    if stored != facets:
        yield "its facets are not those of what was logged"
    checked.identities[identity] = index
    checked.terms += ((term, index) for term in facets.terms)
    checked.sources.add((*facets.source, split_leaf(leaf)[0]))

# SPDX-License-Identifier: Apache-2.0
"""Check the sealed index of a log: the runs are made again from their rows, and the rows are those of the entries.

1. The catalogue is that of the last seal: its leaf, and a checkpoint of the log's key that ends in it.
2. The rows of each run are sorted and of entries that it covers; its pages and its root are what these rows make.
3. All rows together, with those that no run has yet, are those that the payloads of all entries give.

Rows of a statement that was erased are taken as they are: nothing tells them any more. Pages that no run has hold nothing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from byline.core.checkpoint import open_checkpoint
from byline.core.index_keys import KEY_SIZE
from byline.core.merkle import root_of
from byline.core.sealed_index import format_seal
from byline.core.tiles import STORED_HEIGHT, WIDTH, read_tiled_nodes
from byline.errors import LedgerError, MalformedError, SignatureError
from byline_ledger.engine.finding import Finding
from byline_ledger.engine.fsck_entries import sum_rows
from byline_ledger.engine.index import STATE, load_catalogue, read_new
from byline_ledger.engine.runs import RunReader, RunWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from byline.core.ports import NoteVerifier, StoreReader
    from byline_ledger.engine.index import Catalogue, Kept

_PIECE = 16 * WIDTH


def has_index(reader: StoreReader) -> bool:
    """Whether the log ever sealed its index."""
    return reader.state(STATE) is not None


def examine_index(reader: StoreReader, verifier: NoteVerifier, size: int, *, rows: int, erased: Collection[int]) -> Iterator[Finding]:
    """Check the index of a log of `size` entries; the payloads of all but those that were `erased` give the sum `rows`."""
    if not has_index(reader):
        return
    try:
        known = load_catalogue(reader)
        yield from _check_seal(reader, known, verifier, size)  # 1
        found = sum_rows(read_new(reader, known.end, size)[0])
        for kept in known.runs:
            run = _Remade(reader, kept, erased)
            yield from run.check()  # 2
            found += run.sum
        if found != rows:
            yield Finding(where=STATE, what="its rows are not those of the entries")  # 3
    except LedgerError as error:
        yield Finding(where=STATE, what=str(error))


def _check_seal(reader: StoreReader, known: Catalogue, verifier: NoteVerifier, size: int) -> Iterator[Finding]:
    try:
        if reader.leaves([known.end]).get(known.end) != format_seal(known.seal):
            yield Finding(where=STATE, what=f"entry {known.end} is not its seal")
        checkpoint = open_checkpoint(known.checkpoint, verifier)
    except (MalformedError, SignatureError) as error:
        yield Finding(where=STATE, what=f"it does not end in a checkpoint of this log: {error}")
        return
    read = read_tiled_nodes(reader.tile, {}, STORED_HEIGHT)
    if not known.end + 1 == checkpoint.size <= size or checkpoint.root != root_of(checkpoint.size, read):
        yield Finding(where=STATE, what="its checkpoint is that of another tree")


class _Remade:
    """A run that is made again. As the writer of that it compares each page; `sum` adds up its rows, but those of erased entries."""

    def __init__(self, reader: StoreReader, kept: Kept, erased: Collection[int]) -> None:
        self._erased = erased
        self._reader = reader
        self._kept = kept
        self._wrong: list[str] = []
        self.sum = 0

    def check(self) -> Iterator[Finding]:
        run, pages = self._kept.run, self._kept.pages
        made, last = RunWriter(pages.number), b""
        for start in range(0, run.rows, _PIECE):
            rows = RunReader(self._reader, pages).rows(start, min(run.rows, start + _PIECE))
            self._add([last, *rows])
            made.add(self, rows)
            last = rows[-1]
        if made.finish(self) != (pages, run.root):
            self._wrong.append("its root is not that of its rows")
        yield from (Finding(where=f"{STATE}, entries {run.first} to {run.end}", what=what) for what in self._wrong)

    def set_state(self, name: str, value: bytes | None) -> None:
        if self._reader.state(name) != value:
            self._wrong.append(f"the page {name} is not what its rows make")

    def _add(self, rows: Sequence[bytes]) -> None:
        """Look at some rows, the first of which was looked at before."""
        run = self._kept.run
        if any(one >= two for one, two in pairwise(rows)):
            self._wrong.append("its rows are not sorted")
        entries = [int.from_bytes(row[KEY_SIZE:], "big") for row in rows[1:]]
        if not all(run.first <= index < run.end for index in entries):
            self._wrong.append("it has a row of an entry that it does not cover")
        self.sum += sum_rows(row for row, index in zip(rows[1:], entries, strict=True) if index not in self._erased)

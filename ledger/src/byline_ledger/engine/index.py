# SPDX-License-Identifier: Apache-2.0
"""How a log keeps its index (`core.sealed_index`) in its store.

    index                      canonical JSON: the runs, the seal and its checkpoint, what is to be thrown away
    index/new/<entry>          the keys of a batch of entries that no run has yet: end (8 bytes), then rows
    index/<run>/<level>/<at>   a page of a run (`engine.runs`)

Keys are noted with each batch, in its transaction. A *seal* gathers what is new as one more run: in the transaction that adds the
seal to the log, so that the two are never apart. Small runs that stand last are taken into it at once; larger ones are merged
aside, a piece at a time between other transactions, and take their place at the next seal. A run is kept while it has more than four
times the rows of all after it, so there are O(log n) of them and each row is written O(log n) times.

What was not noted (by a process that keeps no index) is read out of the payload, if there is one. So the whole index but the rows of
payloads that were erased can be made again from the entries.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, format_canonical, parse_base64, parse_strict
from byline.core.facets import Facets
from byline.core.index_keys import index_keys
from byline.core.sealed_index import ROW_SIZE, Run, Seal, format_row
from byline.core.statement import parse_statement
from byline.core.value import dataclass, replace
from byline.errors import DamagedError, MalformedError
from byline_ledger.engine.runs import Merger, Pages, RunReader, write_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from byline.core.entry import Submission
    from byline.core.ports import StoreReader, StoreWriter
    from byline.core.sealed_index import Slice

STATE = "index"
NO_FACETS = Facets(key=b"")  # a seal is found by nothing
RATIO = 4
AT_ONCE = 16_384  # rows that a seal rewrites, or a piece of a merge: some 20 ms
_MOST_RUNS = 64
_DEAD_PAGES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A run and where its pages are."""

    run: Run
    pages: Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A run that is being made of the runs `sources` (their numbers), which stand side by side; `root` is empty until it is whole."""

    sources: tuple[int, ...]
    pages: Pages
    root: bytes = b""

    def place(self, runs: Sequence[Kept]) -> slice | None:
        """Return where the sources stand in `runs`, None if they do not any more."""
        numbers = [each.pages.number for each in runs]
        start = numbers.index(self.sources[0]) if self.sources[0] in numbers else 0
        place = slice(start, start + len(self.sources))
        return place if tuple(numbers[place]) == self.sources else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The runs; `checkpoint` is the signed note that ends in their seal, empty before the first.

    `dead` are runs whose pages nobody needs any more, `number` is that of the next run.
    """

    runs: tuple[Kept, ...] = ()
    sealed_at: int = 0
    checkpoint: str = ""
    merge: Merge | None = None
    dead: tuple[Pages, ...] = ()
    number: int = 0

    @property
    def end(self) -> int:
        """The number of entries that the runs cover."""
        return self.runs[-1].run.end if self.runs else 0

    @property
    def seal(self) -> Seal:
        """What the log says of it."""
        return Seal(size=self.end, sealed_at=self.sealed_at, runs=tuple(each.run for each in self.runs))


def load_catalogue(reader: StoreReader) -> Catalogue:
    """Return the catalogue of the index, an empty one before the first seal.

    Raises:
        LedgerError: It is damaged.
    """
    data = reader.state(STATE)
    if data is None:
        return Catalogue()
    try:
        value: Any = parse_strict(data)
        merge = value["merge"]
        return Catalogue(
            runs=tuple(_kept(*row) for row in value["runs"]),
            sealed_at=value["sealedAt"],
            checkpoint=value["checkpoint"],
            merge=None if merge is None else _merge(*merge),
            dead=tuple(Pages(number=number, rows=rows) for number, rows in value["dead"]),
            number=value["number"],
        )
    except (MalformedError, KeyError, TypeError) as error:
        raise DamagedError("the catalogue of the index is damaged") from error


def save_catalogue(writer: StoreWriter, catalogue: Catalogue) -> None:
    """Keep `catalogue`."""
    runs = ((each.run, each.pages.number) for each in catalogue.runs)
    merge = catalogue.merge
    value = {
        "runs": [[run.first, run.end, run.rows, format_base64(run.root), number] for run, number in runs],
        "sealedAt": catalogue.sealed_at,
        "checkpoint": catalogue.checkpoint,
        "merge": merge and [merge.sources, merge.pages.number, merge.pages.rows, format_base64(merge.root)],
        "dead": [[each.number, each.rows] for each in catalogue.dead],
        "number": catalogue.number,
    }
    writer.set_state(STATE, format_canonical(value))


def note_keys(writer: StoreWriter, index: int, entries: Sequence[Submission]) -> None:
    """Note the keys of `entries`, which are those from `index` on, for the next seal."""
    rows = b"".join(format_row(key, number) for number, each in enumerate(entries, index) for key in each.keys)
    writer.set_state(_new(index), (index + len(entries)).to_bytes(8, "big") + rows)


def seal_runs(writer: StoreWriter, size: int, at: int) -> Catalogue:
    """Return the catalogue with all entries before `size` in runs, sealed `at`.

    Raises:
        LedgerError: A page of the index is missing.
    """
    known = _settle_merge(load_catalogue(writer))
    if known.end == size:
        return replace(known, sealed_at=at)
    runs = list(known.runs)
    first = known.end
    rows, noted = read_new(writer, first, size)
    for name in noted:
        writer.set_state(name, None)
    while runs and _joins(runs, len(rows)):
        kept = runs.pop()
        first = kept.run.first
        rows += RunReader(writer, kept.pages).rows(0, kept.run.rows)
        for name in kept.pages.names:
            writer.set_state(name, None)
    if runs and not rows:
        runs[-1] = replace(runs[-1], run=replace(runs[-1].run, end=size))
    else:
        pages, root = write_run(writer, known.number, sorted(rows))
        runs.append(Kept(run=Run(first=first, end=size, rows=len(rows), root=root), pages=pages))
    return replace(known, runs=tuple(runs), sealed_at=at, number=known.number + 1)


def _settle_merge(known: Catalogue) -> Catalogue:
    """Return the catalogue with the run that was merged in the place of its sources, if it is whole."""
    merge = known.merge
    if merge is None or not merge.root:
        return known
    place = merge.place(known.runs)
    if place is None:
        return replace(known, merge=None, dead=(*known.dead, merge.pages))
    sources = known.runs[place]
    run = Run(first=sources[0].run.first, end=sources[-1].run.end, rows=merge.pages.rows, root=merge.root)
    runs = (*known.runs[: place.start], Kept(run=run, pages=merge.pages), *known.runs[place.stop :])
    return replace(known, runs=runs, merge=None, dead=(*known.dead, *(each.pages for each in sources)))


def find_rows(reader: StoreReader, catalogue: Catalogue, keys: Sequence[bytes]) -> tuple[tuple[Slice, ...], ...]:
    """Return for each key a slice of each run.

    Raises:
        LedgerError: A page of the index is missing, or a key has too many rows.
    """
    runs = [RunReader(reader, each.pages) for each in catalogue.runs]
    return tuple(tuple(run.slice(key) for run in runs) for key in keys)


class Keeper:
    """What a process does for the index aside, a piece at a time: it merges runs and throws old ones away.

    A merge that another process has begun is left to it; the first step of a new one takes over what was left lying.
    """

    def __init__(self) -> None:
        self._merger: Merger | None = None
        self._is_new = True

    def step(self, writer: StoreWriter) -> bool:
        """Do a piece of what there is to do; return whether there is more.

        Raises:
            LedgerError: A page of the index is missing.
        """
        known = load_catalogue(writer)
        if known.dead:
            _throw_away(writer, known)
            return True
        is_new, self._is_new = self._is_new, False
        merge = known.merge
        if merge is None:
            return self._begin(writer, known)
        is_mine = self._merger is not None and self._merger.number == merge.pages.number
        if merge.place(known.runs) is None or (is_new and not merge.root):
            save_catalogue(writer, replace(known, merge=None, dead=(*known.dead, merge.pages)))
            return True
        # What is whole waits for the next seal.
        return is_mine and not merge.root and self._go_on(writer, known, merge)

    def _go_on(self, writer: StoreWriter, known: Catalogue, merge: Merge) -> bool:
        if self._merger is None or not self._merger.step(writer, AT_ONCE):
            return True
        _, root = self._merger.finish(writer)
        save_catalogue(writer, replace(known, merge=replace(merge, root=root)))
        return False

    def _begin(self, writer: StoreWriter, known: Catalogue) -> bool:
        """Choose runs that are to become one, if any should: small ones at the end are left to the seals."""
        behind = 0
        for at in range(len(known.runs) - 1, 0, -1):
            behind += known.runs[at].run.rows
            before = known.runs[at - 1].run.rows
            if before <= RATIO * behind and before + behind > AT_ONCE:
                sources = tuple(each.pages for each in known.runs[at - 1 :])
                self._merger = Merger(sources, known.number)
                pages = Pages(number=known.number, rows=before + behind)
                merge = Merge(sources=tuple(each.number for each in sources), pages=pages)
                save_catalogue(writer, replace(known, merge=merge, number=known.number + 1))
                return True
        return False


def _throw_away(writer: StoreWriter, known: Catalogue) -> None:
    """Forget some pages of the first dead run; the catalogue forgets it with the last of them."""
    pages, *rest = known.dead
    names = [name for name in pages.names if writer.state(name) is not None]
    for name in names[:_DEAD_PAGES]:
        writer.set_state(name, None)
    if len(names) <= _DEAD_PAGES:
        save_catalogue(writer, replace(known, dead=tuple(rest)))


def _joins(runs: Sequence[Kept], rows: int) -> bool:
    """Whether the last of `runs` becomes one with `rows` newer rows."""
    last = runs[-1].run.rows
    return bool(rows) and (len(runs) >= _MOST_RUNS or (last <= RATIO * rows and last + rows <= AT_ONCE))


def read_new(reader: StoreReader, first: int, end: int) -> tuple[list[bytes], list[str]]:
    """Return the rows of the entries [`first`, `end`), which are in no run yet, and where they are noted.

    Raises:
        LedgerError: What is noted is damaged.
    """
    rows: list[bytes] = []
    names: list[str] = []
    index = first
    while index < end:
        noted = reader.state(_new(index))
        if noted is None:
            rows += _rows_of(reader, index)
            index += 1
            continue
        names.append(_new(index))
        rows += (noted[at : at + ROW_SIZE] for at in range(8, len(noted), ROW_SIZE))
        before, index = index, int.from_bytes(noted[:8], "big")
        if not before < index <= end:
            raise DamagedError(f"the keys that are noted of entry {before} are damaged")
    return rows, names


def seal_identity(leaf: bytes) -> bytes:
    """Return the identity of a seal in the log."""
    return hashlib.sha256(leaf).digest()


def _rows_of(reader: StoreReader, index: int) -> list[bytes]:
    payload = reader.payloads([index]).get(index)
    return [] if payload is None else [format_row(key, index) for key in index_keys(parse_statement(payload))]


def _new(index: int) -> str:
    return f"index/new/{index}"


def _kept(first: int, end: int, rows: int, root: str, number: int) -> Kept:
    return Kept(run=Run(first=first, end=end, rows=rows, root=parse_base64(root)), pages=Pages(number=number, rows=rows))


def _merge(sources: list[int], number: int, rows: int, root: str) -> Merge:
    return Merge(sources=tuple(sources), pages=Pages(number=number, rows=rows), root=parse_base64(root))

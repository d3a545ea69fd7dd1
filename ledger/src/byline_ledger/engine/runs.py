# SPDX-License-Identifier: Apache-2.0
"""A run of the index in pages: a tree that is made once, searched by key, and gives the hashes of a proof.

    level 0      up to 256 rows (`core.sealed_index`)                                      40 bytes each
    level n      up to 256 of what stands in a page of the level below: its first row, and its hash     72 bytes each
    the top      the first level with a single page

Pages are kept by name beside the log (`StoreReader.state`): `index/<run>/<level>/<number>`. The hash is that of a complete subtree of
RFC 6962, 256**n rows; the last one of a level may be incomplete, and is never asked for. So a run costs 40.3 bytes a row, a search
reads one page a level, and a proof hashes the rows of two pages.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING, Protocol

from byline.core.merkle import EMPTY_ROOT, HASH_SIZE, hash_leaf, hash_node, prove_range, read_nodes, root_of
from byline.core.sealed_index import ROW_SIZE, Slice
from byline.core.tiles import HEIGHT, WIDTH, tile_root
from byline.core.value import dataclass
from byline.errors import DamagedError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.core.ports import StoreReader, StoreWriter

MAX_FOUND = 16_384
_CHILD_SIZE = ROW_SIZE + HASH_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Where the rows of a run are kept: the `number` of the run, and how many `rows` it has."""

    number: int
    rows: int

    @property
    def names(self) -> Iterator[str]:
        """The names of all pages."""
        count, level = self.rows, 0
        while count:
            count = -(-count // WIDTH)
            yield from (self.name(level, at) for at in range(count))
            count, level = count if count > 1 else 0, level + 1

    @property
    def top(self) -> int:
        """The level that has a single page."""
        level = 0
        while WIDTH ** (level + 1) < self.rows:
            level += 1
        return level

    def name(self, level: int, at: int) -> str:
        """Return the name of a page."""
        return f"index/{self.number}/{level}/{at}"


class PageWriter(Protocol):
    """What pages are given to: a `StoreWriter`, say."""

    def set_state(self, name: str, value: bytes | None) -> None:
        """Keep a page."""
        ...


class RunWriter:
    """Makes a run from sorted rows, given in pieces; each page is written once it is full."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._rows: list[bytes] = []
        self._children: list[list[tuple[bytes, bytes]]] = []
        self._written: list[int] = []
        self.count = 0

    def add(self, writer: PageWriter, rows: Sequence[bytes]) -> None:
        """Add the next `rows`."""
        self.count += len(rows)
        self._rows += rows
        full = len(self._rows) // WIDTH * WIDTH
        for start in range(0, full, WIDTH):
            some = self._rows[start : start + WIDTH]
            self._write(writer, 0, b"".join(some))
            self._enter(writer, 1, (some[0], tile_root(b"".join(map(hash_leaf, some)))))
        del self._rows[:full]

    def finish(self, writer: PageWriter) -> tuple[Pages, bytes]:
        """Write what is left; return the run's pages and its root."""
        pages = Pages(number=self._number, rows=self.count)
        if not self.count:
            return pages, EMPTY_ROOT
        rest = root_of(len(self._rows), read_nodes([hash_leaf(row) for row in self._rows])) if self._rows else b""
        first = self._rows[:1]
        if self._rows:
            self._write(writer, 0, b"".join(self._rows))
        for level, children in enumerate(self._children, 1):
            # What is incomplete below has no hash that anybody may ask for; its place is filled by the root so far.
            below = [*children, *((row, rest) for row in first)]
            if below and level <= pages.top:
                self._write(writer, level, b"".join(row + found for row, found in below))
            hashes = [found for _, found in below]
            rest = root_of(len(hashes), read_nodes(hashes)) if hashes else b""
            first = [row for row, _ in below[:1]]
        return pages, rest

    def _enter(self, writer: PageWriter, level: int, child: tuple[bytes, bytes]) -> None:
        while len(self._children) < level:
            self._children.append([])
        children = self._children[level - 1]
        children.append(child)
        if len(children) == WIDTH:
            self._write(writer, level, b"".join(row + found for row, found in children))
            self._enter(writer, level + 1, (children[0][0], tile_root(b"".join(found for _, found in children))))
            children.clear()

    def _write(self, writer: PageWriter, level: int, data: bytes) -> None:
        while len(self._written) <= level:
            self._written.append(0)
        writer.set_state(Pages(number=self._number, rows=0).name(level, self._written[level]), data)
        self._written[level] += 1


class RunReader:
    """Reads one run in one moment of a store. What it has read it keeps."""

    def __init__(self, reader: StoreReader, pages: Pages) -> None:
        self._reader = reader
        self._pages = pages
        self._read: dict[tuple[int, int], bytes] = {}
        self._layers = cache(self._make_layers)

    def rows(self, start: int, stop: int) -> list[bytes]:
        """Return rows by number.

        Raises:
            LedgerError: A page is missing.
        """
        found: list[bytes] = []
        for at in range(start // WIDTH, -(-stop // WIDTH)):
            some = _split(self._page(0, at), ROW_SIZE)
            found += some[max(0, start - at * WIDTH) : stop - at * WIDTH]
        return found

    def slice(self, key: bytes) -> Slice:
        """Return the rows with `key` and those beside them, and the proof.

        Raises:
            LedgerError: A page is missing, or there are more rows than an answer has room for.
        """
        count = self._pages.rows
        if not count:
            return Slice(start=0, rows=(), hashes=())
        low, high = self._rank(key), self._rank(key + b"\xff" * (ROW_SIZE - len(key) + 1))
        if high - low > MAX_FOUND:
            raise LedgerError(f"{high - low} entries have one key of the index, more than are told at once")
        start, stop = max(0, low - 1), min(count, high + 1)
        return Slice(start=start, rows=tuple(self.rows(start, stop)), hashes=prove_range(start, stop, count, self._node))

    def _rank(self, key: bytes) -> int:
        """Return how many rows are smaller than `key`."""
        at = 0
        for level in range(self._pages.top, 0, -1):
            firsts = [child[:ROW_SIZE] for child in _split(self._page(level, at), _CHILD_SIZE)]
            at = at * WIDTH + max(0, bisect_left(firsts, key) - 1)
        return at * WIDTH + bisect_left(_split(self._page(0, at), ROW_SIZE), key)

    def _node(self, level: int, index: int) -> bytes:
        depth = level % HEIGHT
        page, place = divmod(index << depth, WIDTH)
        return self._layers(level // HEIGHT, page)[depth][place >> depth]

    def _make_layers(self, level: int, at: int) -> list[list[bytes]]:
        """Return the hashes of a page and the complete subtrees above them: all of them at once, for one after the other costs more."""
        if level == 0:
            layers = [[hash_leaf(row) for row in _split(self._page(0, at), ROW_SIZE)]]
        else:
            layers = [[child[ROW_SIZE:] for child in _split(self._page(level, at), _CHILD_SIZE)]]
        while len(layers[-1]) > 1:
            layers.append([hash_node(left, right) for left, right in zip(layers[-1][::2], layers[-1][1::2], strict=False)])
        return layers

    def _page(self, level: int, at: int) -> bytes:
        found = self._read.get((level, at))
        if found is None:
            name = self._pages.name(level, at)
            found = self._read[level, at] = self._reader.state(name) or b""
            if not found:
                raise DamagedError(f"{name} is missing from the store")
        return found


class Merger:
    """Makes one run of several, a bounded piece at a time."""

    def __init__(self, sources: Sequence[Pages], number: int) -> None:
        self.number = number
        self._sources = tuple(sources)
        self._writer = RunWriter(number)
        self._next = [0] * len(sources)
        self._held: list[list[bytes]] = [[] for _ in sources]

    def step(self, writer: StoreWriter, rows: int) -> bool:
        """Add about `rows` rows to the new run; return whether that was all.

        Raises:
            LedgerError: A page is missing.
        """
        begun = self._writer.count
        while self._writer.count - begun < rows:
            for number, (pages, held) in enumerate(zip(self._sources, self._held, strict=True)):
                if not held and self._next[number] < pages.rows:
                    stop = min(pages.rows, self._next[number] + 4 * WIDTH)
                    self._held[number] = RunReader(writer, pages).rows(self._next[number], stop)
                    self._next[number] = stop
            if not any(self._held):
                return True
            # Rows up to the least of the last ones: of each source they are all here.
            bound = min(held[-1] for held in self._held if held)
            taken: list[bytes] = []
            for held in self._held:
                cut = bisect_left(held, bound + b"\0")
                taken += held[:cut]
                del held[:cut]
            self._writer.add(writer, sorted(taken))
        return False

    def finish(self, writer: StoreWriter) -> tuple[Pages, bytes]:
        """Return the new run's pages and its root."""
        return self._writer.finish(writer)


def write_run(writer: StoreWriter, number: int, rows: Sequence[bytes]) -> tuple[Pages, bytes]:
    """Write sorted `rows` as run `number`; return its pages and its root."""
    run = RunWriter(number)
    run.add(writer, rows)
    return run.finish(writer)


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]

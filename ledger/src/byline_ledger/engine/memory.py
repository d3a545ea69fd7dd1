# SPDX-License-Identifier: Apache-2.0
"""A `core.ports.Store` in memory: the contract without a disk. It lasts as long as the process."""

from __future__ import annotations

import contextlib
import copy
import itertools
import threading
from typing import TYPE_CHECKING

from byline.core.value import dataclass, field
from byline_ledger.engine.frames import split_leaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.entry import Submission
    from byline.core.facets import Facets, Query


@dataclass(slots=True, kw_only=True)
class MemoryState:
    """All that a store holds; a reader, and a writer until it is committed."""

    note: str | None = None
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    entries: list[Submission] = field(default_factory=list)
    logged: list[int] = field(default_factory=list)
    erased: set[int] = field(default_factory=set)
    states: dict[str, bytes] = field(default_factory=dict)

    def head(self) -> str | None:
        """Return the newest signed checkpoint."""
        return self.note

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile."""
        return self.tiles.get((level, index), b"")

    def tile_places(self) -> Iterable[tuple[int, int]]:
        """Return where tiles are."""
        return self.tiles.keys()

    def leaves(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Return leaves."""
        return {index: self.entries[index].leaf for index in self._those(indices)}

    def payloads(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Return what was signed."""
        found = ((index, self.entries[index].payload) for index in self._those(indices) if index not in self.erased)
        return {index: payload for index, payload in found if payload is not None}

    def facets(self, indices: Sequence[int]) -> dict[int, Facets]:
        """Return what entries are found by."""
        return {index: self.entries[index].facets for index in self._those(indices)}

    def times(self, indices: Sequence[int]) -> dict[int, int]:
        """Return when entries were logged."""
        return {index: self.logged[index] for index in self._those(indices)}

    def known(self, identities: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indices of known statements."""
        asked = set(identities)
        return {each.identity: index for index, each in enumerate(self.entries) if each.identity in asked}

    def find(self, query: Query, *, after: int = -1, limit: int) -> tuple[int, ...]:
        """Return entries that `query` asks for."""
        found = (index for index in range(after + 1, len(self.entries)) if self._matches(index, query))
        return tuple(itertools.islice(found, limit))

    def state(self, name: str) -> bytes | None:
        """Return what was set under `name`."""
        return self.states.get(name)

    def indexed(self, terms: Sequence[tuple[bytes, int]]) -> set[tuple[bytes, int]]:
        """Return rows that the index has: every facet is looked at whenever something is found."""
        return {(term, index) for term, index in terms if term in self.entries[index].facets.terms}

    def counts(self) -> dict[str, int]:
        """Return how many rows there are."""
        terms = sum(len(each.facets.terms) for each in self.entries)
        sources = {(*each.facets.source, split_leaf(each.leaf)[0]) for each in self.entries}
        return {"identity": len(self.entries), "term": terms, "source": len(sources)}

    def strays(self, size: int) -> dict[str, int]:
        """Return what is numbered beyond the log."""
        return dict.fromkeys(("entry", "payload"), size) if len(self.entries) > size else {}

    def add_entries(self, index: int, entries: Sequence[Submission], at: int) -> None:
        """Add the next entries."""
        if index != len(self.entries) or self.known([each.identity for each in entries]):
            raise ValueError("an entry is added once, after the one before it")
        self.entries += entries
        self.logged += [at] * len(entries)

    def erase(self, index: int) -> None:
        """Forget a payload."""
        self.erased.add(index)

    def set_tile(self, level: int, index: int, hashes: bytes) -> None:
        """Set a tile."""
        self.tiles[level, index] = hashes

    def set_head(self, note: str) -> None:
        """Set the newest signed checkpoint."""
        self.note = note

    def set_state(self, name: str, value: bytes | None) -> None:
        """Keep or forget a state."""
        if value is None:
            self.states.pop(name, None)
        else:
            self.states[name] = value

    def _those(self, indices: Sequence[int]) -> Iterator[int]:
        return (index for index in indices if 0 <= index < len(self.entries))

    def _matches(self, index: int, query: Query) -> bool:
        at, has = self.logged[index], set(self.entries[index].facets.terms)
        return has.issuperset(query.terms) and query.since <= at and (query.until is None or at < query.until)


class MemoryStore:
    """A store that copies its state for each transaction: plain, all or nothing, for small logs."""

    def __init__(self) -> None:
        self._state = MemoryState()
        self._writing = threading.Lock()

    @contextlib.contextmanager
    def read(self) -> Iterator[MemoryState]:
        """Open one committed moment."""
        yield self._state

    @contextlib.contextmanager
    def write(self) -> Iterator[MemoryState]:
        """Open the transaction."""
        with self._writing:
            draft = copy.deepcopy(self._state)
            yield draft
            self._state = draft

    def purge(self) -> bool:
        """Hold nothing of what was erased."""
        return True

    def close(self) -> None:
        """Hold nothing that must be let go of."""

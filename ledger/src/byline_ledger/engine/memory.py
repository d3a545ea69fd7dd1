# SPDX-License-Identifier: Apache-2.0
"""A `core.ports.Store` in memory: the contract without a disk. It lasts as long as the process."""

from __future__ import annotations

import contextlib
import copy
import threading
from typing import TYPE_CHECKING

from byline.core.value import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.core.entry import Submission


@dataclass(slots=True, kw_only=True)
class MemoryState:
    """All that a store holds; a reader, and a writer until it is committed."""

    note: str | None = None
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)
    payloads: dict[int, bytes] = field(default_factory=dict)
    identities: dict[bytes, int] = field(default_factory=dict)
    subjects: dict[bytes, tuple[int, ...]] = field(default_factory=dict)

    def head(self) -> str | None:
        """Return the newest signed checkpoint."""
        return self.note

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile."""
        return self.tiles.get((level, index), b"")

    def leaf(self, index: int) -> bytes | None:
        """Return a leaf."""
        return self.leaves[index] if index < len(self.leaves) else None

    def payload(self, index: int) -> bytes | None:
        """Return what was signed."""
        return self.payloads.get(index)

    def known(self, identities: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indices of known statements."""
        return {each: self.identities[each] for each in identities if each in self.identities}

    def indices(self, subject: bytes) -> tuple[int, ...]:
        """Return the entries about a subject."""
        return self.subjects.get(subject, ())

    def add_entries(self, index: int, entries: Sequence[Submission]) -> None:
        """Add the next entries."""
        for number, entry in enumerate(entries, index):
            if number != len(self.leaves) or entry.identity in self.identities:
                raise ValueError("an entry is added once, after the one before it")
            self.leaves.append(entry.leaf)
            self.payloads[number] = entry.payload
            self.identities[entry.identity] = number
            for subject in entry.subjects:
                self.subjects[subject] = (*self.indices(subject), number)

    def set_tile(self, level: int, index: int, hashes: bytes) -> None:
        """Set a tile."""
        self.tiles[level, index] = hashes

    def set_head(self, note: str) -> None:
        """Set the newest signed checkpoint."""
        self.note = note


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

    def close(self) -> None:
        """Hold nothing that must be let go of."""

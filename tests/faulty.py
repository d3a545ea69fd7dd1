# SPDX-License-Identifier: Apache-2.0
"""A store that fails where it is told to, and many processes at one store, played in one thread.

`FaultyStore` is a `core.ports.Store` over another one. Each call of a writer is a step, and so are opening the transaction and
committing it. Before and after each step it asks its `fault`, which does nothing or raises: before the step nothing of it was done,
after it all was, and nobody heard. After a commit that is "persisted, but the answer was lost".

Several of them over one store with one `Turn` are processes that share it: who wants to write while another does is told that the
store is busy, as SQLite tells them once it has waited for long enough.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from byline.errors import LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from byline.core.ports import Store, StoreReader, StoreWriter

BEGIN, COMMIT = "begin", "commit"
BEFORE, AFTER = "before", "after"


class Crash(Exception):  # noqa: N818 - it stands for the end of a process
    """The process ends here."""


class Turn:
    """Who writes: at most one."""

    def __init__(self) -> None:
        self._is_taken = False

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the right to write."""
        if self._is_taken:
            raise LedgerUnavailableError("somebody else writes")
        self._is_taken = True
        try:
            yield
        finally:
            self._is_taken = False


class FaultyStore:
    """`fault` gets the name of each step, `BEFORE` and `AFTER` it; what it raises is what goes wrong."""

    def __init__(self, store: Store, fault: Callable[[str, str], None], turn: Turn | None = None) -> None:
        self._store = store
        self._fault = fault
        self._turn = turn or Turn()

    @contextlib.contextmanager
    def read(self) -> Iterator[StoreReader]:
        """Open one committed moment; readers do not fail."""
        with self._store.read() as reader:
            yield reader

    @contextlib.contextmanager
    def write(self) -> Iterator[StoreWriter]:
        """Open the transaction."""
        with self._turn.taken():
            self._fault(BEGIN, BEFORE)
            with self._store.write() as writer:
                self._fault(BEGIN, AFTER)
                yield _FaultyWriter(writer, self._fault)  # type: ignore[misc]  # it has whatever the writer has
                self._fault(COMMIT, BEFORE)
            self._fault(COMMIT, AFTER)

    def close(self) -> None:
        """Let go of files."""
        self._store.close()


class _FaultyWriter:
    def __init__(self, writer: StoreWriter, fault: Callable[[str, str], None]) -> None:
        self._writer = writer
        self._fault = fault

    def __getattr__(self, step: str) -> Callable[..., object]:
        real = getattr(self._writer, step)

        def act(*given: object, **named: object) -> object:
            self._fault(step, BEFORE)
            answer = real(*given, **named)
            self._fault(step, AFTER)
            return answer

        return act

# SPDX-License-Identifier: Apache-2.0
"""The ledger without a server: the same engine in this process, over a directory.

One log serves one machine: several processes may use the directory at once, and SQLite's lock lets one of them write at a time.
Its origin is `<random>.embedded.invalid`, because it vouches for nothing but its own order: a receipt of it ranks as no receipt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from byline.core.effect import parse_sha256
from byline.core.facets import Query
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import ensure_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.bundle import Bundle, Receipt
    from byline.core.envelope import Envelope
    from byline.core.logged import Page
    from byline.core.merkle import ConsistencyProof, InclusionProof
    from byline_ledger.engine.files import OpenLog


class EmbeddedLedger:
    """A `core.ports.Ledger` over a directory; a context manager that closes it. One thread at a time."""

    def __init__(self, opened: OpenLog) -> None:
        self._log = opened.log
        self._store = opened.store
        self._admission = Admission()

    @property
    def vkey(self) -> str:
        """The public key of the log."""
        return self._log.vkey

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        """Log `envelope`; as `core.ports.Ledger`.

        Raises:
            EntryRejectedError: The log will never take it.
            LedgerUnavailableError: Others hold the log for too long, or the disk is full.
        """
        return self._log.append([self._admission.admit(envelope, public)])[0]

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint; as `core.ports.Ledger`."""
        return self._log.checkpoint()

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Prove an entry; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such entry or no such tree.
        """
        return self._log.inclusion(index, size)

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Prove that one tree begins with another; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such tree.
        """
        return self._log.consistency(old, new)

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        """Return the bundles about a subject; as `core.ports.Ledger`.

        Raises:
            MalformedError: Not 64 hex digits.
        """
        subject = bytes.fromhex(parse_sha256(subject_sha256))
        return tuple(bundle for page in self._pages(Query(subject=subject)) for each in page.entries if (bundle := each.bundle))

    def _pages(self, query: Query) -> Iterator[Page]:
        after: int | None = -1
        while after is not None:
            yield (page := self._log.find(query, after=after))
            after = page.after

    def close(self) -> None:
        """Let go of the directory."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_embedded(directory: Path) -> EmbeddedLedger:
    """Open the embedded ledger in `directory`, and begin it where there is none.

    Raises:
        ConfigError: Its files cannot be made or read.
        LedgerError: Its database is gone, broken, or that of another log.
    """
    return EmbeddedLedger(ensure_log(directory))

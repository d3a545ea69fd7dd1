# SPDX-License-Identifier: Apache-2.0
"""Entries as a log shows them, page by page.

All receipts of a page are to one checkpoint. Where the next page starts stays true while the log grows: entries are shown by
ascending index, and no entry ever changes its own. An entry without its envelope was logged without one, or it was erased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.bundle import Bundle, Receipt, join_receipt
from byline.core.entry import parse_entry
from byline.core.value import dataclass

if TYPE_CHECKING:
    from byline.core.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An entry by its `receipt`, what was signed if that is there, and when the log says that it took it (ms since 1970)."""

    receipt: Receipt
    envelope: Envelope | None
    logged_at: int

    @property
    def bundle(self) -> Bundle | None:
        """The bundle of the entry, if what was signed is there.

        Raises:
            ProofError: The entry is that of something else.
            EntryError: The leaf is none of Byline's.
        """
        return None if self.envelope is None else join_receipt(self.envelope, parse_entry(self.receipt.leaf).public, self.receipt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some `entries`, ascending, with receipts to `checkpoint`; the next page is `after` that index, None if there is none for now."""

    checkpoint: str
    entries: tuple[Logged, ...]
    after: int | None

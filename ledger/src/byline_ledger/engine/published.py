# SPDX-License-Identifier: Apache-2.0
"""Which checkpoint readers are shown: the newest, unless witnesses are asked; then the newest that `engine.publishing` published.

The store's state `published` is a signed note with the lines of witnesses. It is empty while the first quorum is missing and one is
required, and absent where nobody asks witnesses. It is about entries that the log has, and only grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.checkpoint import parse_checkpoint
from byline.core.note import parse_note
from byline.errors import CheckpointError, DamagedError, LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.checkpoint import Checkpoint
    from byline.core.ports import StoreReader

PUBLISHED = "published"


def load_published(reader: StoreReader) -> tuple[str, Checkpoint] | None:
    """Return the published checkpoint, as it is signed and as it reads; None where there is none.

    Raises:
        LedgerError: What the store has is none.
    """
    note = (reader.state(PUBLISHED) or b"").decode(errors="replace")
    try:
        return (note, parse_checkpoint(parse_note(note).text)) if note else None
    except CheckpointError as error:
        raise DamagedError(f"the published checkpoint is damaged: {error}") from error


def checkpoint_to_show(reader: StoreReader, newest: str) -> str:
    """Return the checkpoint to show where the newest is `newest`.

    Raises:
        LedgerUnavailableError: No quorum of witnesses has cosigned one yet, and one is required.
        LedgerError: What the store has is none.
    """
    if reader.state(PUBLISHED) == b"":
        raise LedgerUnavailableError("no quorum of witnesses has cosigned a checkpoint of this log yet")
    shown = load_published(reader)
    return shown[0] if shown else newest


def checkpoint_for(reader: StoreReader, newest: tuple[str, Checkpoint], indices: Sequence[int]) -> tuple[str, Checkpoint]:
    """Return the checkpoint for receipts of the entries `indices`: the published one if it covers them all, else the `newest`.

    Raises:
        LedgerError: What the store has is none.
    """
    shown = load_published(reader)
    return shown if shown and max(indices, default=-1) < shown[1].size else newest

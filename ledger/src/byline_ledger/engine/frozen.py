# SPDX-License-Identifier: Apache-2.0
"""A frozen log answers and takes no new entries, whoever the writer is: the store says so, and why.

held        somebody froze it, and anybody may unfreeze it
restored    it came back from a backup, and nobody has shown yet what others saw of it (`engine.backup`)
ended       another log follows it, for ever (`engine.rotation`)
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from byline.errors import FrozenError

if TYPE_CHECKING:
    from byline.core.ports import StoreReader, StoreWriter

SUCCESSOR = "successor"  # the state that holds the vkey of the log that follows one that ended
_STATE = "frozen"


class Frozen(Enum):
    """Why a log takes no entries."""

    HELD = b"held"
    RESTORED = b"restored"
    ENDED = b"ended"


_TEXTS = {
    Frozen.HELD: "the log is frozen: it takes no new entries",
    Frozen.RESTORED: "the log was restored, and is frozen until somebody shows what others saw of it",
    Frozen.ENDED: "the log has ended: another one follows it",
}


def why_frozen(reader: StoreReader) -> Frozen | None:
    """Return why the log takes no entries, None if it does."""
    value = reader.state(_STATE)
    return None if value is None else Frozen(value)


def set_frozen(writer: StoreWriter, why: Frozen | None) -> None:
    """Let the log take no entries from the commit on, or take them again (None)."""
    writer.set_state(_STATE, why and why.value)


def check_taking(reader: StoreReader, *, unless: Frozen | None = None) -> None:
    """Check that the log takes entries, or takes none for the reason `unless`.

    Raises:
        FrozenError: It takes none.
    """
    why = why_frozen(reader)
    if why not in {None, unless}:
        followed = (reader.state(SUCCESSOR) or b"").decode()
        raise FrozenError(_TEXTS[why], hint=f"a trust file that names it has its key: {followed}" if followed else "")

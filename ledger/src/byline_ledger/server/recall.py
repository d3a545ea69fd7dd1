# SPDX-License-Identifier: Apache-2.0
"""Before a server takes anything: does the log still hold all of what its witnesses cosigned?

A witness shows the last checkpoint of each log that it cosigned, under the SHA-256 of the log's name (C2SP tlog-witness). The log's
own key signed it, so nobody has to believe the witness: if the log lacks it, its database was set back, and going on would fork. A
witness that does not answer, or that shows what this log never signed, says nothing.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from byline.core.checkpoint import open_checkpoint
from byline.core.fork import follow_growth
from byline.errors import LedgerError, MalformedError, SignatureError, StaleError
from byline.keys.ed25519 import load_verifier
from byline.log.tiled import TiledLog, Web
from byline_ledger.events import tell

if TYPE_CHECKING:
    from byline.core.ports import NoteVerifier
    from byline.core.tiles import Tile
    from byline.core.tlog_policy import PolicyWitness, TlogPolicy
    from byline_ledger.engine.log import Log

_TIMEOUT_SECONDS = 3.0


def check_witnessed(log: Log, policy: TlogPolicy) -> None:
    """Check that `log` holds what each witness of `policy` shows of it.

    Raises:
        StaleError: A witness cosigned more entries than the log has.
        LogForkError: A witness cosigned another history.
        LedgerError: The log cannot be read.
    """
    verifier = load_verifier(log.vkey)

    def fetch(tile: Tile) -> bytes:
        return log.tile(tile) or b""

    for witness in policy.witnesses:
        note = _recalled(witness, verifier)
        if note is None:
            continue
        try:
            follow_growth(note, log.head()[0], verifier, fetch)
        except StaleError as error:
            hint = "the ledger was set back: restore a newer backup, or go on with another key (docs/operate.md)"
            raise StaleError(f"witness {witness.name}: {error}", hint=hint) from error


def _recalled(witness: PolicyWitness, verifier: NoteVerifier) -> str | None:
    """Return the checkpoint that `witness` shows, None where it shows none that the log signed."""
    where = f"{(witness.url or '').rstrip('/')}/{hashlib.sha256(verifier.name.encode()).hexdigest()}"
    try:
        with TiledLog(where, Web(where, timeout=_TIMEOUT_SECONDS, tries=1)) as shown:
            note = shown.checkpoint()
        open_checkpoint(note, verifier)
    except (LedgerError, MalformedError, SignatureError) as error:
        tell(logging.WARNING, "a witness cannot say what it has seen", witness=witness.name, why=str(error))
        return None
    return note

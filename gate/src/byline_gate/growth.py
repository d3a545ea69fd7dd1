# SPDX-License-Identifier: Apache-2.0
"""A gate follows the log that it asks: each run's newest checkpoint has to follow the one that it saw before.

A log that shows a gate less than it has shown, or another history, is not believed any more, about anything: that is no verdict but
the end of the run, and both checkpoints are named. What was seen is kept with the rest of the gate's state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.checkpoint import open_checkpoint, parse_checkpoint
from byline.core.merkle import check_consistency
from byline.core.note import parse_note
from byline.errors import LogForkError, ProofError, StaleError
from byline.keys.ed25519 import load_verifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.core.checkpoint import Checkpoint
    from byline.core.ports import Ledger
    from byline.core.trust import Trust


def follow_ledger(ledger: Ledger, trust: Trust, seen: Mapping[str, str]) -> dict[str, str]:
    """Return what is `seen` of logs, by origin, with the newest checkpoint of `ledger`; a log that trust does not list is left out.

    Raises:
        StaleError: It shows fewer entries than it has shown.
        LogForkError: It shows another history of the same size.
        ProofError: It does not prove that it only grew.
        SignatureError: The log did not sign it.
        CheckpointError: It shows no checkpoint.
        LedgerError: It does not answer.
    """
    note = ledger.checkpoint()
    origin = parse_checkpoint(parse_note(note).text).origin
    log = next((each for each in trust.logs if each.origin == origin), None)
    if log is None:
        return dict(seen)
    verifier = load_verifier(log.vkey)
    now = open_checkpoint(note, verifier)
    if origin in seen:
        before = open_checkpoint(seen[origin], verifier)
        if now.size < before.size:
            raise StaleError(f"the log was set back: it showed {_name(before)}, and shows {_name(now)}", hint="ask its operator why")
        if now.size == before.size and now.root != before.root:
            what = f"the log shows two histories: {_name(before)}, and {_name(now)}"
            raise LogForkError(what, old=seen[origin], new=note, begins=now.root)
        _check_follows(ledger, before, now)
    return {**seen, origin: note}


def _check_follows(ledger: Ledger, before: Checkpoint, now: Checkpoint) -> None:
    try:
        check_consistency(ledger.consistency(before.size, now.size), old=before.root, new=now.root)
    except ProofError as error:
        what = f"the log does not prove that {_name(now)} follows {_name(before)}"
        raise ProofError(what, hint="byline ledger monitor makes a proof of it that anybody can check") from error


def _name(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size} entries with the root {checkpoint.root.hex()}"

# SPDX-License-Identifier: Apache-2.0
"""A receipt or an index that witnesses stand behind: an append waits for none, so who needs them asks the log again a moment later."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from byline.core.checkpoint import parse_checkpoint
from byline.core.note import parse_note
from byline.core.value import replace
from byline.core.verified import Strength, VerifiedIndex
from byline.errors import LedgerUnavailableError, VerificationError
from byline.verify import verify_bundle
from byline.verify.completeness import hold_index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.ports import Ledger
    from byline.core.trust import Trust

PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds: witnesses are asked once a second, and have a few to answer


def renew_receipt(bundle: Bundle, ledger: Ledger) -> Bundle:
    """Return `bundle` with a receipt to the checkpoint that its log shows now, where that one is about its entry.

    Raises:
        LedgerError: The log does not answer.
        MalformedError: It answers with what is no checkpoint.
        ProofError: It does not have the entry that the receipt names.
    """
    if bundle.receipt is None:
        return bundle
    note, index = ledger.checkpoint(), bundle.receipt.index
    size = parse_checkpoint(parse_note(note).text).size
    if size <= index:
        return bundle
    return replace(bundle, receipt=replace(bundle.receipt, proof=ledger.inclusion(index, size), checkpoint=note))


def await_strength(
    bundle: Bundle,
    strength: Strength,
    ledger: Ledger,
    *,
    trust: Trust,
    at: datetime,
    index: VerifiedIndex | None = None,
    pauses: Sequence[float] = PAUSES,
) -> tuple[Bundle, Strength]:
    """Return `bundle` once it is as strong as `strength`, or as strong as it becomes within `pauses`, and how strong that is.

    `index` is what the index of the log was shown to have.

    Raises:
        MalformedError: It is not what it claims to be.
        VerificationError: It is not proven at all.
        LedgerError: The log fails.
    """
    found = verify_bundle(bundle, trust=trust, at=at, index=index).strength
    for pause in pauses if strength is Strength.WITNESSED and found is Strength.LOGGED else ():
        with contextlib.suppress(LedgerUnavailableError):  # no quorum yet, say
            bundle = renew_receipt(bundle, ledger)
        found = verify_bundle(bundle, trust=trust, at=at, index=index).strength
        if found is Strength.WITNESSED:
            break
        time.sleep(pause)
    return bundle, found


def await_index(
    index: VerifiedIndex, strength: Strength, ledger: Ledger, *, trust: Trust, at: datetime, pauses: Sequence[float] = PAUSES
) -> VerifiedIndex:
    """Return `index` held to what `ledger` shows everybody, once it is as strong as `strength` or `pauses` are over.

    Raises:
        VerificationError: The log shows more than one history, or the index does not become as strong.
        MalformedError: The log answers with what is no checkpoint.
        LedgerError: The log fails.
    """
    for pause in pauses if strength is Strength.WITNESSED else ():
        with contextlib.suppress(LedgerUnavailableError):  # no quorum yet, say
            held = _hold(index, ledger, trust, at)
            if held.strength is Strength.WITNESSED:
                return held
        time.sleep(pause)
    held = _hold(index, ledger, trust, at)
    if held.strength.rank < strength.rank:
        raise VerificationError(f"the index of the log is {held.strength} only, and policy asks for {strength}")
    return held


def _hold(index: VerifiedIndex, ledger: Ledger, trust: Trust, at: datetime) -> VerifiedIndex:
    note = ledger.checkpoint()
    size = parse_checkpoint(parse_note(note).text).size
    sizes = (sorted((each.size, size)) for each in index.checkpoints)
    return hold_index(index, note, [ledger.consistency(old, new) for old, new in sizes], trust=trust, at=at)

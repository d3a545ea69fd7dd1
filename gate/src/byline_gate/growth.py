# SPDX-License-Identifier: Apache-2.0
"""A gate follows the log that it asks: whatever a run is shown, and what the one before saw, has to be one history.

    ledger = FollowedLedger(ledger)          remembers each checkpoint that an answer rests on, whatever was asked
    logs = ledger.follow(trust, seen)        all of them lead to the newest

A log that shows a gate less than it has shown, or another history, be it in a receipt, in an answer of its index or in one answer of
two, is not believed any more, about anything: that is no verdict but the end of the run, and both checkpoints are named. What was seen
is kept with the rest of the gate's state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.checkpoint import open_checkpoint, parse_checkpoint
from byline.core.merkle import check_consistency
from byline.core.note import parse_note
from byline.errors import LogForkError, ProofError, StaleError
from byline.keys.ed25519 import load_verifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from byline.core.bundle import Bundle, Receipt
    from byline.core.checkpoint import Checkpoint
    from byline.core.envelope import Envelope
    from byline.core.merkle import ConsistencyProof, InclusionProof
    from byline.core.ports import IndexedLedger
    from byline.core.sealed_index import IndexProof
    from byline.core.trust import Trust, TrustedLog


class FollowedLedger:
    """A `core.ports.IndexedLedger` that asks `ledger`. Not thread-safe."""

    def __init__(self, ledger: IndexedLedger) -> None:
        self._ledger = ledger
        self._shown: dict[str, None] = {}  # a set in order

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        """Log `envelope`; as the port."""
        receipt = self._ledger.append(envelope, public)
        self._shown[receipt.checkpoint] = None
        return receipt

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint; as the port."""
        note = self._ledger.checkpoint()
        self._shown[note] = None
        return note

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Prove an entry; as the port."""
        return self._ledger.inclusion(index, size)

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Prove that one tree begins with another; as the port."""
        return self._ledger.consistency(old, new)

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        """Return the bundles about a subject; as the port."""
        return self._noted(self._ledger.find(subject_sha256))

    def fetch(self, indices: Sequence[int]) -> tuple[Bundle, ...]:
        """Return the bundles of entries; as the port."""
        return self._noted(self._ledger.fetch(indices))

    def prove_index(self, keys: Sequence[bytes]) -> IndexProof:
        """Return what the index has; as the port."""
        proof = self._ledger.prove_index(keys)
        self._shown[proof.checkpoint] = None
        return proof

    def follow(self, trust: Trust, seen: Mapping[str, str]) -> dict[str, str]:
        """Return what is `seen` of logs, by origin, with the newest checkpoint of this one; a log that trust does not list is left out.

        Raises:
            StaleError: It shows fewer entries than it has shown, and no more.
            LogForkError: It shows two histories of one size.
            ProofError: It does not prove that it only grew.
            SignatureError: The log did not sign one of its checkpoints.
            CheckpointError: It shows what is no checkpoint.
            LedgerError: It does not answer.
        """
        log = _log_of(self.checkpoint(), trust)
        if log is None:
            return dict(seen)
        verifier = load_verifier(log.vkey)
        notes = [seen[log.origin]] if log.origin in seen else []
        notes += (note for note in self._shown if note not in notes)
        opened = [(open_checkpoint(note, verifier), note) for note in notes]
        newest, newest_note = max(opened, key=lambda each: each[0].size)
        for each, note in opened:
            if each.size == newest.size and each.root != newest.root:
                what = f"the log shows two histories: {_name(newest)}, and {_name(each)}"
                raise LogForkError(what, old=newest_note, new=note, begins=each.root)
        for each in dict.fromkeys(each for each, _ in opened if each.size < newest.size):
            self._check_follows(each, newest, is_kept=newest_note in seen.values())
        return {**seen, log.origin: newest_note}

    def _check_follows(self, before: Checkpoint, now: Checkpoint, *, is_kept: bool) -> None:
        """Check that `now` follows `before`; with `is_kept` an earlier run saw `now`, so that the log may have forgotten about it."""
        try:
            proof = self.consistency(before.size, now.size)
        except ProofError as error:
            if not is_kept:
                raise
            what = f"the log was set back: it showed {_name(now)}, and shows {_name(before)}"
            raise StaleError(what, hint="ask its operator why") from error
        try:
            check_consistency(proof, old=before.root, new=now.root)
        except ProofError as error:
            what = f"the log does not prove that {_name(now)} follows {_name(before)}"
            raise ProofError(what, hint="byline ledger monitor makes a proof of it that anybody can check") from error

    def _noted(self, bundles: tuple[Bundle, ...]) -> tuple[Bundle, ...]:
        self._shown.update((bundle.receipt.checkpoint, None) for bundle in bundles if bundle.receipt)
        return bundles


def _log_of(note: str, trust: Trust) -> TrustedLog | None:
    origin = parse_checkpoint(parse_note(note).text).origin
    return next((each for each in trust.logs if each.origin == origin), None)


def _name(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size} entries with the root {checkpoint.root.hex()}"

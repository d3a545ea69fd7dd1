# SPDX-License-Identifier: Apache-2.0
"""L4: an index is as strong as the checkpoint that everybody is shown; one history, and a quorum of witnesses where one is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import Checkpoint, parse_checkpoint
from byline.core.merkle import ConsistencyProof
from byline.core.note import parse_note
from byline.core.trust import Trust, Witness
from byline.core.value import replace
from byline.core.verified import Strength, VerifiedIndex
from byline.errors import LedgerUnavailableError, ProofError, VerificationError
from byline.flow.completion import ask_index
from byline.flow.witnessed import await_index
from byline.keys.cosigners import WitnessKey
from byline.testing import FixedClock, MemoryLedger
from byline.verify.completeness import hold_index
from casework import NOW, independent, make_trust
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.sealed_index import IndexProof

CLOCK = FixedClock(int(NOW.timestamp()) * 1_000_000_000)
WITNESS = WitnessKey("witness.example", bytes(range(32)))
KEY = bytes(32)


class Slow(MemoryLedger):
    """A log whose witnesses need some looks: until then it shows what it showed `before`, or nothing."""

    def __init__(self, looks: int, before: str | None = None) -> None:
        super().__init__(clock=CLOCK, witnesses=[WITNESS])
        self.looks = looks
        self.before = before

    def checkpoint(self) -> str:
        self.looks -= 1
        if self.looks >= 0 and self.before is None:
            raise LedgerUnavailableError("no quorum yet")
        return self.before if self.looks >= 0 and self.before else super().checkpoint()

    def prove_index(self, keys: Sequence[bytes]) -> IndexProof:
        looks, self.looks = self.looks, 0
        try:
            return super().prove_index(keys)
        finally:
            self.looks = looks


def trust_of(ledger: MemoryLedger, *, quorum: int = 1) -> Trust:
    log = replace(independent(ledger), is_indexed=True, quorum=quorum)
    return replace(make_trust(), logs=(log,), witnesses=(Witness(name="w1", vkey=WITNESS.vkey, operator="o-one"),))


def asked(ledger: MemoryLedger, trust: Trust, before: VerifiedIndex | None = None) -> VerifiedIndex:
    return ask_index(ledger, [KEY], trust=trust, at=NOW, max_age=timedelta(minutes=15), before=before)


def held(index: VerifiedIndex, strength: Strength, ledger: MemoryLedger, trust: Trust) -> Strength:
    return await_index(index, strength, ledger, trust=trust, at=NOW, pauses=(0, 0, 0)).strength


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_an_index_is_witnessed_once_a_quorum_cosigned_what_follows_its_seal(looks: int) -> None:
    for before in (None, MemoryLedger(clock=CLOCK, witnesses=[WITNESS]).checkpoint()):
        ledger = Slow(looks, before)
        ledger.append(envelope(1), SIGNER.public)
        trust = trust_of(ledger)
        assert held(asked(ledger, trust), Strength.WITNESSED, ledger, trust) is Strength.WITNESSED


def test_a_seal_that_no_witness_has_seen_is_only_logged() -> None:
    """The log shows a cosigned checkpoint from before the seal: that says nothing about what comes after it."""
    before = MemoryLedger(clock=CLOCK, witnesses=[WITNESS]).checkpoint()
    ledger = Slow(99, before)
    ledger.append(envelope(1), SIGNER.public)
    trust = trust_of(ledger)
    index = asked(ledger, trust)
    assert held(index, Strength.LOGGED, ledger, trust) is Strength.LOGGED
    with pytest.raises(VerificationError, match="logged only"):
        held(index, Strength.WITNESSED, ledger, trust)


def test_an_index_without_a_quorum_is_only_logged() -> None:
    ledger = MemoryLedger(clock=CLOCK)
    trust = trust_of(ledger)
    with pytest.raises(VerificationError, match="logged only"):
        held(asked(ledger, trust), Strength.WITNESSED, ledger, trust)


def test_every_seal_that_was_read_has_to_lead_to_what_everybody_is_shown() -> None:
    ledger, other = (MemoryLedger(clock=CLOCK, witnesses=[WITNESS]) for _ in range(2))
    ledger.append(envelope(1), SIGNER.public)
    trust = trust_of(ledger)
    index = asked(ledger, trust, before=asked(other, trust))
    assert len(index.checkpoints) == 2
    for strength in (Strength.LOGGED, Strength.WITNESSED):
        with pytest.raises(ProofError):
            held(index, strength, ledger, trust)


def test_a_proof_about_other_trees_proves_nothing() -> None:
    ledger = MemoryLedger(clock=CLOCK, witnesses=[WITNESS])
    trust = trust_of(ledger)
    index = asked(ledger, trust)
    ledger.append(envelope(1), SIGNER.public)
    note = ledger.checkpoint()
    head: Checkpoint = parse_checkpoint(parse_note(note).text)
    empty = ConsistencyProof(old=0, new=head.size, hashes=())
    with pytest.raises(ProofError, match="something else"):
        hold_index(index, note, [empty], trust=trust, at=NOW)

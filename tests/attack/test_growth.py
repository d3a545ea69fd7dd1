# SPDX-License-Identifier: Apache-2.0
"""A log that shows a gate less than before, or another history, is not believed any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.presets import format_preset
from byline.core.value import replace
from byline.core.verdict import Outcome
from byline.errors import LogForkError, ProofError, SignatureError, StaleError
from byline.flow.gathering import Evidence
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.testing import FixedClock, MemoryLedger
from byline_gate.anchor import Anchor
from byline_gate.anchored import run_gate
from casework import NOW, SIGNERS, TARGET, ai, approval, authorship, claim, independent, move, sha, signed, team, trust_bytes
from casework import REPOSITORY as ID
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from byline.core.bundle import Bundle, Receipt
    from byline.core.envelope import Envelope
    from byline.core.sealed_index import IndexProof
    from scratch import Scratch

OLD, NEW = b"a\n", b"b\n"
ORIGIN = "log.example"


CLOCK = FixedClock(int(NOW.timestamp()) * 1_000_000_000)
WORK = signed(authorship(claim(b"app.py", OLD, NEW, ai("p-rob"))), "p-rob")


def ledger_of(*numbers: int, origin: str = ORIGIN) -> MemoryLedger:
    """Make a log under one key that holds these statements."""
    made = MemoryLedger(origin, clock=CLOCK)
    for number in numbers:
        made.append(envelope(number), SIGNER.public)
    return made


@pytest.fixture(params=[False])
def gate(request: pytest.FixtureRequest, repository: Scratch, tmp_path: Path) -> Callable[[MemoryLedger], Outcome]:
    """A gate with a state of its own, which allows the change if nothing is wrong with its ledger.

    With `param` the ledger has an index, and decisions are put on record.
    """
    log = replace(independent(ledger_of()), is_indexed=request.param)
    repository.write(".byline/trust.toml", trust_bytes(logs=(log,)))
    repository.write(".byline/policy.toml", format_preset("team", repository=ID))
    repository.write("app.py", OLD)
    repository.commit("base")
    repository.git("switch", "--quiet", "--create", "work")
    repository.write("app.py", NEW)
    repository.commit("work")
    yes = signed(approval("p-ana", move(b"app.py", OLD, NEW), policy=team()), "p-ana")
    with open_repository(repository.path) as repo:
        EvidenceRef(repo).add([WORK, yes])

    signer = SIGNERS["s-gate"] if request.param else None

    def run(ledger: MemoryLedger) -> Outcome:
        with open_repository(repository.path) as repo, EvidenceIndex(tmp_path / "cache.db") as index:
            entry = repo.entry(repo.commit_id("main"), b".byline/trust.toml")
            assert entry
            pinned = sha(repo.read_blob(entry.oid))
            anchor = Anchor(repository=ID, trust_sha256=pinned, target=TARGET, state=tmp_path / "state.json")
            done = run_gate(repo, anchor, head="work", evidence=Evidence(repo, index), at=NOW, signer=signer, ledger=ledger)
            return done.judgement.verdict.outcome

    return run


def test_a_log_that_only_grows_is_followed(gate: Callable[[MemoryLedger], Outcome]) -> None:
    for numbers in ((), (1,), (1,), (1, 2, 3), range(9)):
        logged = ledger_of(*numbers) if numbers != range(9) else ledger_of(1, 2, 3, *range(9))
        assert gate(logged) is Outcome.ALLOW


@pytest.mark.parametrize(
    ("numbers", "error"),
    [((1,), StaleError), ((), StaleError), ((1, 3), LogForkError), ((1, 3, 4), ProofError), (range(5, 40), ProofError)],
)
def test_a_log_that_shows_less_or_another_history_ends_the_run(
    gate: Callable[[MemoryLedger], Outcome], tmp_path: Path, numbers: tuple[int, ...], error: type[Exception]
) -> None:
    """L4: and both checkpoints are named, and the gate keeps what it saw first."""
    seen, now = ledger_of(1, 2), ledger_of(*numbers)
    gate(seen)
    before = (tmp_path / "state.json").read_bytes()
    for _ in range(2):
        with pytest.raises(error) as caught:
            gate(now)
        assert all(f"{note.splitlines()[1]} entries" in str(caught.value) for note in (seen.checkpoint(), now.checkpoint()))
    assert (tmp_path / "state.json").read_bytes() == before
    assert gate(seen) is Outcome.ALLOW


def test_a_checkpoint_that_trust_does_not_know_the_key_of_ends_the_run(gate: Callable[[MemoryLedger], Outcome]) -> None:
    other = ledger_of(1)
    other.key = type(other.key)(ORIGIN, b"x" * 32)
    with pytest.raises(SignatureError):
        gate(other)


class TwoFaced(MemoryLedger):
    """A log that shows everybody its checkpoints, and answers what `lies` names from another history under the same key."""

    def __init__(self, other: MemoryLedger, lies: str) -> None:
        super().__init__(ORIGIN, clock=CLOCK)
        self.other = other
        self.lies = lies

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        return (self.other if self.lies == "append" else super()).append(envelope, public)

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        return (self.other if self.lies == "find" else super()).find(subject_sha256)

    def prove_index(self, keys: Sequence[bytes]) -> IndexProof:
        return (self.other if self.lies == "prove_index" else super()).prove_index(keys)


@pytest.mark.parametrize("gate", [True], indirect=True)
@pytest.mark.parametrize("lies", ["append", "find", "prove_index", ""])
def test_whatever_a_log_answers_a_run_is_of_one_history(gate: Callable[[MemoryLedger], Outcome], tmp_path: Path, lies: str) -> None:
    """L4: no answer, be it a receipt or a proof of the index, comes from a history that nobody else is shown."""
    other = ledger_of()
    other.append(WORK.envelope, SIGNERS["p-rob"].public)
    log = TwoFaced(other, lies)
    for number in (1, 2, 3):
        MemoryLedger.append(log, envelope(number), SIGNER.public)
    if lies:
        with pytest.raises((ProofError, LogForkError)):
            gate(log)
        assert not (tmp_path / "state.json").exists()
    else:
        assert gate(log) is Outcome.ALLOW


def test_a_log_that_trust_does_not_list_is_not_followed(gate: Callable[[MemoryLedger], Outcome]) -> None:
    """Its receipts count for nothing either."""
    assert gate(ledger_of(1, 2, origin="other.example")) is Outcome.ALLOW
    assert gate(ledger_of(3, origin="other.example")) is Outcome.ALLOW

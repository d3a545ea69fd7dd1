# SPDX-License-Identifier: Apache-2.0
"""Erasure: what two people want gone stays gone, one person gets nothing erased, and nobody gains by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.tombstone import Reason
from byline.core.trust import Use
from byline.core.verdict import Outcome
from byline.errors import RepositoryError, UnknownKeyError
from byline.flow.erasing import Eraser, take_erasures, want_erased
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.testing import MemoryLedger
from casework import (
    NOW,
    SIGNERS,
    ai,
    approval,
    authorship,
    changed,
    claim,
    human,
    judge,
    make_trust,
    move,
    outcome,
    signed,
    team,
    tombstone,
)
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.bundle import Bundle

PATH, OLD, MIDDLE, NEW = b"src/app.py", b"a\nb\n", b"a\nb2\n", b"a\nb3\n"
ERASERS = make_trust(uses={"p-ana": (Use.AUTHORSHIP, Use.APPROVAL, Use.ERASURE), "p-ben": (Use.ERASURE,)})
BY_ANA, BY_BEN = (Eraser(SIGNERS[name], ERASERS) for name in ("p-ana", "p-ben"))
AGENTS = signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob")
OWN = signed(authorship(claim(PATH, OLD, NEW, human("p-ana")), seq=2), "p-ana")


def digests(place: Scratch) -> set[str]:
    with open_repository(place.path) as repo:
        return {each.bundle.envelope.digest for each in EvidenceRef(repo).bundles()}


def clone(place: Path, *bundles: Bundle) -> Scratch:
    made = Scratch.create(place)
    with open_repository(made.path) as repo:
        EvidenceRef(repo).add(bundles)
    return made


def fetch(place: Scratch, other: Scratch) -> None:
    place.git("fetch", "-q", str(other.path), "+refs/byline/evidence:refs/byline/remotes/other/evidence")


def take(place: Scratch) -> bool:
    with open_repository(place.path) as repo, EvidenceIndex(place.path / ".git/cache.db") as index:
        return take_erasures(repo, index, ERASERS, at=NOW)


def want(place: Scratch, bundle: Bundle, *people: Eraser) -> None:
    with open_repository(place.path) as repo, EvidenceIndex(place.path / ".git/cache.db") as index:
        for by in people:
            want_erased(repo, index, bundle.envelope.digest, reason=Reason.PERSONAL_DATA, by=by, ledger=MemoryLedger(), at=NOW)


def test_an_erased_statement_stays_erased_after_a_union_with_who_had_it(tmp_path: Path) -> None:
    """P2: whoever still has it, in whatever order they unite."""
    mine, theirs = clone(tmp_path / "mine", AGENTS, OWN), clone(tmp_path / "theirs", AGENTS, OWN)
    gone = AGENTS.envelope.digest
    want(mine, AGENTS, BY_ANA, BY_BEN)
    assert gone in digests(mine)
    assert take(mine)
    assert not take(mine)
    assert gone not in digests(mine)
    fetch(mine, theirs)
    with open_repository(mine.path) as repo, EvidenceIndex(mine.path / ".git/cache.db") as index:
        EvidenceRef(repo).union_from_remotes()
        EvidenceRef(repo).add([AGENTS])
        index.refresh(EvidenceRef(repo))
        assert index.facts(statement=gone) == ()
    assert gone not in digests(mine)
    fetch(theirs, mine)
    assert take(theirs)
    assert gone not in digests(theirs)
    assert OWN.envelope.digest in digests(theirs) & digests(mine)
    assert gone not in mine.git("ls-tree", "-r", "--name-only", "refs/byline/evidence")


def test_one_person_gets_nothing_erased(tmp_path: Path) -> None:
    mine = clone(tmp_path / "mine", AGENTS)
    want(mine, AGENTS, BY_ANA, BY_ANA)
    assert not take(mine)
    assert AGENTS.envelope.digest in digests(mine)
    with pytest.raises(UnknownKeyError):
        want(mine, AGENTS, Eraser(SIGNERS["p-rob"], ERASERS))
    with pytest.raises(RepositoryError, match="no statement"):
        want(mine, OWN, BY_ANA)


def test_tombstones_of_whom_trust_does_not_let_erase_take_nothing_away(tmp_path: Path) -> None:
    mine = clone(tmp_path / "mine", AGENTS, *(signed(tombstone(AGENTS), name) for name in ("p-rob", "p-mia", "p-eve")))
    assert not take(mine)
    assert AGENTS.envelope.digest in digests(mine)


@pytest.mark.parametrize("signer", ["p-ana", "p-rob"])
def test_an_erased_claim_leaves_its_change_strict(signer: str) -> None:
    """M12: an agent's claim goes, a person's claim for the same change stays, and the change is nobody's own."""
    files = [changed(PATH, OLD, NEW)]
    assert outcome(files, [OWN], trust=ERASERS) is Outcome.ALLOW
    assert outcome(files, [OWN, AGENTS], trust=ERASERS) is not Outcome.ALLOW
    for wish in (tombstone(AGENTS), tombstone(AGENTS, statement="00" * 32)):
        assert outcome(files, [OWN, signed(wish, signer)], trust=ERASERS) is not Outcome.ALLOW


def test_what_was_erased_on_the_way_leaves_the_change_strict() -> None:
    first = signed(authorship(claim(PATH, OLD, MIDDLE, ai("p-rob"))), "p-rob")
    steps = [
        signed(authorship(claim(PATH, OLD, MIDDLE, human("p-ana"))), "p-ana"),
        signed(authorship(claim(PATH, MIDDLE, NEW, human("p-ana")), seq=2), "p-ana"),
    ]
    files = [changed(PATH, OLD, NEW)]
    assert outcome(files, steps, trust=ERASERS) is Outcome.ALLOW
    assert outcome(files, [*steps, signed(tombstone(first), "p-ana")], trust=ERASERS) is not Outcome.ALLOW


def test_what_stands_in_the_base_was_judged_when_it_came_there() -> None:
    before = signed(authorship(claim(PATH, b"", OLD, ai("p-rob"))), "p-rob")
    assert outcome([changed(PATH, OLD, NEW)], [OWN, signed(tombstone(before), "p-ana")], trust=ERASERS) is Outcome.ALLOW


def test_a_tombstone_of_another_repository_or_of_a_stranger_changes_nothing() -> None:
    for wish in (signed(tombstone(AGENTS, repository="byl:" + "00" * 16), "p-ana"), signed(tombstone(AGENTS), "p-eve")):
        assert outcome([changed(PATH, OLD, NEW)], [OWN, wish], trust=ERASERS) is Outcome.ALLOW


def test_an_erased_change_can_still_be_approved() -> None:
    """What nobody can look at any more is strict, and people decide."""
    yes = signed(approval("p-ben", move(PATH, OLD, NEW), policy=team()), "p-ben")
    trust = make_trust()
    verdict = judge([changed(PATH, OLD, NEW)], [AGENTS, signed(tombstone(AGENTS), "p-ana"), yes], trust=trust)
    assert verdict.outcome is outcome([changed(PATH, OLD, NEW)], [AGENTS, yes], trust=trust)

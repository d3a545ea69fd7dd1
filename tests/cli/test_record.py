# SPDX-License-Identifier: Apache-2.0
"""The record of a commit: its statements, the approvals of what it brought, the decisions about it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from byline.capture.places import repository_dir
from byline.core.bundle import join_receipt
from byline.core.decision import Decision, format_decision
from byline.core.effect import effect_digest
from byline.core.lines import LineRange
from byline.core.verdict import Outcome
from byline.flow.resolve import open_resolver
from byline.flow.subject import find_subject
from byline.flow.why import explain
from byline.flow.workshop import Identity, Workshop
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger
from byline_cli.chronicle import Chronicle, gather
from byline_cli.dossier import Dossier, open_dossier
from byline_cli.narrative import tell
from byline_cli.statements import describe_item
from casework import LINE_KEY, NOW, REPOSITORY, SIGNERS, TARGET, approval, independent, make_trust, move, sha, signed, team
from story import Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from byline.core.approval import Approval
    from byline.core.bundle import Bundle
    from scratch import Scratch

OLD, MIDDLE, NEW = b"a\n", b"a\nb\n", b"a\nb\nc\n"
LEDGER = MemoryLedger()


@pytest.fixture
def branch(repository: Scratch) -> Scratch:
    """Two commits on a branch: the first changes two files, the second one of them again; the branch lands in one commit."""
    repository.write("a.py", OLD.decode())
    repository.commit("base")
    repository.git("switch", "--quiet", "--create", "work")
    repository.write("a.py", MIDDLE.decode())
    repository.write("b.py", OLD.decode())
    repository.commit("first")
    repository.write("a.py", NEW.decode())
    repository.commit("second")
    repository.git("switch", "--quiet", "main")
    repository.git("merge", "--quiet", "--squash", "work")
    repository.commit("squashed")
    repository.write("c.py", "later\n")
    repository.commit("later")
    return repository


def _approval(nonce: int, **changes: object) -> Approval:
    moves = [move(b"a.py", OLD, NEW), move(b"b.py", None, OLD)]
    return approval("p-ana", *moves, policy=team(), nonce=bytes([nonce] * 16), **changes)


def _decision(candidate: str, effect: str, ledger: MemoryLedger | None = LEDGER, *, base: str = "1" * 40) -> Bundle:
    told = Decision(
        repository=REPOSITORY, outcome=Outcome.ALLOW, base=base, candidate=candidate, target=TARGET, environment=None, effect=effect,
        trust_version=1, trust_sha256=sha(b""), policy_version=1, policy_sha256=sha(b""), inputs=sha(b""), tier="A0", decided_at=NOW,
    )  # fmt: skip
    key = SIGNERS["s-gate"]
    envelope = sign_payload(format_decision(told), key)
    return join_receipt(envelope, key.public, ledger.append(envelope, key.public) if ledger else None)


@contextmanager
def _workshop(branch: Scratch, tmp_path: Path) -> Iterator[Workshop]:
    with open_repository(branch.path) as repo:
        yield Workshop(
            repo=repo,
            place=repository_dir(repo.common_dir),
            inbox=tmp_path / "inbox",
            identity=Identity(repository=REPOSITORY, line_key=LINE_KEY),
            now=lambda: 0,
            random=os.urandom,
            version="0",
            trust=make_trust(logs=(independent(LEDGER),)),
        )


def _record(branch: Scratch, tmp_path: Path, rev: str, *, at: datetime = NOW) -> Dossier:
    with _workshop(branch, tmp_path) as workshop:
        return open_dossier(workshop, workshop.repo.commit_id(rev), at=at)


def _chronicle(branch: Scratch, tmp_path: Path, rev: str, line: int) -> Chronicle:
    with _workshop(branch, tmp_path) as workshop, open_resolver(workshop) as resolver:
        why = explain(workshop, resolver, find_subject(workshop.repo, rev, b"a.py"), LineRange(line - 1, line))
        return gather(workshop, resolver.index, why, at=NOW)


def test_a_line_has_the_approvals_of_the_versions_that_hold_it(branch: Scratch, tmp_path: Path) -> None:
    (digest,) = _add(branch, signed(_approval(1), "p-ana"))
    found = {rev: [item.digest for item in _chronicle(branch, tmp_path, rev, 2).approvals] for rev in ("work", "work~1", "main")}
    assert found == {"work": [digest], "work~1": [], "main": [digest]}
    told = "\n".join("".join(map(str, row)) for row in tell(_chronicle(branch, tmp_path, "work", 2), None, columns=100))
    assert "approval by p-ana" in told


def test_a_line_has_the_decisions_about_the_changes_that_brought_it(tmp_path: Path) -> None:
    """A base that had the line already, and a candidate that never got it, were not judged for it."""
    story = Story.begin(tmp_path)
    commits = []
    for text in (OLD, MIDDLE, NEW):
        story.agent_writes("a.py", text)
        commits.append(story.commit())
    base, first, second = commits
    sides = ((base, second), (first, second), (second, base))
    whole, later, _ = _add(
        story.scratch, *(_decision(candidate, sha(str(number).encode()), base=before) for number, (before, candidate) in enumerate(sides))
    )
    found = []
    for line in (2, 3):
        with story.workshop() as workshop, open_resolver(workshop) as resolver:
            why = explain(workshop, resolver, find_subject(workshop.repo, "HEAD", b"a.py"), LineRange(line - 1, line))
            found.append([item.digest for item in gather(workshop, resolver.index, why, at=NOW).decisions])
    assert found == [[whole], [whole, later]]


def _add(branch: Scratch, *bundles: Bundle) -> list[str]:
    with open_repository(branch.path) as repo:
        EvidenceRef(repo).add(bundles)
    return [each.envelope.digest for each in bundles]


def test_an_approval_stands_under_the_commits_that_brought_what_it_lets_in(branch: Scratch, tmp_path: Path) -> None:
    """The last commit of the branch and the squash; the first brought one of the two files; what came later brought none."""
    given = _approval(1)
    (digest,) = _add(branch, signed(given, "p-ana"))
    found = {rev: [item.digest for item in _record(branch, tmp_path, rev).items] for rev in ("work", "work~1", "main~1", "main", "work~2")}
    assert found == {"work": [digest], "work~1": [digest], "main~1": [digest], "main": [], "work~2": []}


def test_approvals_come_as_they_were_given_and_decisions_as_they_were_logged(branch: Scratch, tmp_path: Path) -> None:
    late, early = signed(_approval(1), "p-ana"), signed(_approval(2, approved_at=NOW - timedelta(hours=2)), "p-ana")
    squashed = effect_digest([move(b"a.py", OLD, NEW), move(b"b.py", None, OLD)])
    head = branch.git("rev-parse", "work")
    unlogged, second = _decision(head, sha(b"2"), ledger=None), _decision(head, sha(b"1"))
    third, first = _decision("2" * 40, squashed), _decision("2" * 40, sha(b"elsewhere"))
    late_, early_, unlogged_, second_, third_, _ = _add(branch, late, early, unlogged, second, third, first)
    assert [item.digest for item in _record(branch, tmp_path, "work").items] == [early_, late_, second_, unlogged_]
    assert [item.digest for item in _record(branch, tmp_path, "main~1").items] == [early_, late_, third_]


def test_an_approval_that_is_over_was_good_while_it_lasted(branch: Scratch, tmp_path: Path) -> None:
    """A commit that verified when it landed does not fail for that later; once trust is over, nothing verifies."""
    _add(branch, signed(_approval(1), "p-ana"))
    for days, is_proven, is_over in ((0, True, False), (30, True, True), (101, False, False)):
        (item,) = _record(branch, tmp_path, "work", at=NOW + timedelta(days=days)).items
        assert (item.is_proven, item.is_over) == (is_proven, is_over)
        assert any(line.endswith("UTC (over)") for line in describe_item(item)) is is_over

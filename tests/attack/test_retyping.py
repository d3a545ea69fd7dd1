# SPDX-License-Identifier: Apache-2.0
"""An agent's lines that go and come again, declared by Mia in a statement that she makes up: however it is dressed, the gate finds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from byline.core.authorship import Authorship, Link
from byline.core.verdict import Outcome
from scene import AGENTS, Scene, forged, said

if TYPE_CHECKING:
    from pathlib import Path

REST = "rest = 1\n"


@dataclass
class Case:
    """The change from `base` to HEAD brings `AGENTS` back; `lie` is the statement about it, made a person's."""

    scene: Scene
    base: str
    lie: Authorship

    def told(self, *lies: Authorship, signer: str = "p-mia", principal: str = "p-mia") -> None:
        self.scene.plant(*(forged(each, signer, principal) for each in lies))

    def outcome(self) -> Outcome:
        return self.scene.outcome(self.base)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    scene = Scene.begin(tmp_path)
    scene.agent("b.py", AGENTS)
    scene.commit()
    scene.person("b.py", REST)
    base = scene.commit()
    scene.person("b.py", REST + AGENTS)
    made = scene.commit()
    (true,) = [each for each in scene.bundles() if said(each).commit.id == made]
    scene.withhold(lambda bundle: bundle.envelope.digest == true.envelope.digest)
    return Case(scene, base, said(true))


def test_in_a_chain_of_its_own(case: Case) -> None:
    """U6: history tells that the agent came first."""
    case.told(replace(case.lie, chain=Link(id="c-lie", seq=1, prev=None)))
    assert case.outcome() is Outcome.PENDING


def test_with_a_smaller_number_than_the_agents_statement(case: Case) -> None:
    """U6: who signs chooses the number."""
    case.told(replace(case.lie, chain=replace(case.lie.chain, seq=1, prev=None)))
    assert case.outcome() is Outcome.PENDING


@pytest.mark.parametrize("named", ["absent", "older", "aside"])
def test_about_another_commit(case: Case, named: str) -> None:
    """U6, I9: one that is not here, one from before the agent came, and one made for this, without a history."""
    git, commit = case.scene.git, case.lie.commit
    if named == "absent":
        commit = replace(commit, id="9" * 40)
    elif named == "older":
        commit = replace(commit, id=git("rev-parse", "main"))
    else:
        parent = git("commit-tree", f"{case.base}^{{tree}}", "-m", "x")
        commit = replace(commit, id=git("commit-tree", "HEAD^{tree}", "-p", parent, "-m", "x"), parents=(parent,))
    case.told(replace(case.lie, commit=commit, chain=Link(id="c-lie", seq=1, prev=None)))
    assert case.outcome() is Outcome.PENDING


def test_said_once_more_about_an_older_commit(case: Case) -> None:
    """M2, U6: a second statement about the same lines does not stand before the first."""
    older = replace(case.lie.commit, id=case.scene.git("rev-parse", "main"))
    for number, commit in enumerate((case.lie.commit, older, case.lie.commit)):
        case.told(replace(case.lie, commit=commit, chain=Link(id=f"c-{number}", seq=1, prev=None)))
        assert case.outcome() is Outcome.PENDING


def test_behind_statements_that_anybody_makes(case: Case) -> None:
    """M2, L9: each is about the file, has a greater number, and is signed by nobody known."""
    case.told(replace(case.lie, chain=Link(id="c-lie", seq=1, prev=None)))
    crowd = [replace(case.lie, chain=Link(id=f"c-{number}", seq=10**6, prev=None)) for number in range(60)]
    case.told(*crowd, signer="p-eve")
    assert case.outcome() is Outcome.PENDING

# SPDX-License-Identifier: Apache-2.0
"""What honest clones carry forward holds when it is looked at again: it names the statement that says so, and how it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.attribute.recheck import Outcome, Rechecked
from byline.core.attribution import Evidence
from byline.core.claim import Carry
from byline.flow.versions import Versions
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from story import Story
from tale import Tale

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def squash(tale: Tale) -> None:
    tale.topic()
    tale.squash()


def squash_over_other_work(tale: Tale) -> None:
    tale.diverge()
    tale.squash()


def rebase(tale: Tale) -> None:
    tale.diverge()
    tale.git("rebase", "-q", "main")


def pick(tale: Tale) -> None:
    tale.diverge()
    tale.git("switch", "-q", "main")
    tale.git("cherry-pick", "topic~1", "topic")


def settle_a_conflict(tale: Tale) -> None:
    tale.collide(at=2)
    tale.git("merge", "-q", "topic", fails=True)
    tale.keep_both("a.py")
    tale.commit("--no-edit")


def settle_a_conflict_of_a_rebase(tale: Tale) -> None:
    tale.collide(at=2)
    tale.git("switch", "-q", "topic")
    tale.git("rebase", "-q", "main", fails=True)
    tale.keep_both("a.py")
    tale.git("rebase", "--continue")


def bring_back_what_was_reverted(tale: Tale) -> None:
    tale.topic()
    tale.git("revert", "--no-edit", "HEAD")
    tale.git("revert", "--no-edit", "HEAD")


def wrap_anew(tale: Tale) -> None:
    tale.story.person_types("a.py", "human_1 = add(first, second, third)\n")
    tale.story.agent_writes("b.py", "ai_2 = add(first, second, third)\n")
    tale.commit()
    for name, who in (("a.py", "human_1"), ("b.py", "ai_2")):
        tale.story.person_types(name, f"{who} = add(\n    first,\n    second,\n    third,\n)\n")
    tale.commit()


STORIES: dict[Callable[[Tale], None], set[Carry]] = {
    squash: {Carry.EXACT},
    squash_over_other_work: {Carry.EXACT, Carry.HASH},
    rebase: {Carry.ALIGNED},
    pick: {Carry.ALIGNED},
    settle_a_conflict: set(),
    settle_a_conflict_of_a_rebase: set(),
    bring_back_what_was_reverted: {Carry.EXACT},
    wrap_anew: {Carry.ALIGNED},
}


def carried(story: Story) -> list[Rechecked]:
    """Look at every carried line of every statement again."""
    with story.workshop(signs=False) as workshop, EvidenceIndex(workshop.cache) as index:
        index.refresh(EvidenceRef(workshop.repo))
        versions = Versions(workshop, index)
        claims = [told.claim for fact in index.facts() for told in versions.claims.in_statement(fact.statement)]
        return [each for claim in claims for each in versions.claims.recheck(claim)]


@pytest.mark.parametrize("happens", STORIES, ids=lambda each: each.__name__)
def test_what_is_carried_holds(happens: Callable[[Tale], None], tmp_path: Path) -> None:
    """And only the very content keeps its evidence."""
    tale = Tale(story=Story.begin(tmp_path, declares=True))
    happens(tale)
    tale.check()
    found = carried(tale.story)
    assert {each.outcome for each in found} <= {Outcome.HOLDS}
    assert {each.carried.how for each in found} >= STORIES[happens]
    assert all(each.carried.how is Carry.EXACT or each.owner.evidence is Evidence.INFERRED for each in found)

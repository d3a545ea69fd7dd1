# SPDX-License-Identifier: Apache-2.0
"""What other tools' records say may make a line an agent's, and nothing else: never a person's, never less strict, never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.attribution import Agent, Channel, Evidence, Origin
from byline.core.finding import FindingCode
from byline.core.hearsay import Hearsay
from byline.core.lines import LineRange
from byline.flow.brought import digest_lines
from byline.flow.importing import MAX_SAID, ImportReport, import_hearsay
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from story import Story

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "one = first(1)\ntwo = second(2)\nthree = third(3)\nfour = fourth(4)\n"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Begin a story whose person declares their own lines."""
    return Story.begin(tmp_path, declares=True)


def said(commit: str, start: int, end: int, *, path: str = "a.py", origin: Origin = Origin.AI, **others: object) -> Hearsay:
    """Say of the lines `start` to `end`, 1-based and inclusive, that Codex wrote them."""
    agent = Agent(name="codex", model="openai/gpt-x") if origin is not Origin.HUMAN else None
    return Hearsay(commit=commit, path=path.encode(), lines=LineRange(start - 1, end), origin=origin, agent=agent, **others)  # type: ignore[arg-type]  # by name


def hears(story: Story, *hearsay: Hearsay) -> ImportReport:
    with story.workshop() as workshop:
        return import_hearsay(workshop, hearsay)


def test_an_unknown_line_becomes_the_agents_by_declaration(story: Story) -> None:
    story.declares = False
    story.person_types("a.py", TEXT)
    commit = story.commit()
    report = hears(story, said(commit, 2, 3, session="s-9"))
    assert (report.lines, report.commits, report.doubts) == (2, (commit,), ())
    byline = story.resolve("HEAD", "a.py").bylines[1]
    assert (byline.owner.evidence, byline.owner.channel, byline.owner.session) == (Evidence.DECLARED, Channel.IMPORT, "s-9")
    assert (byline.owner.principal, byline.statement, byline.commit) == (None, report.statements[0], commit)
    expected = "unknown one = first(1) | ai two = second(2) | ai three = third(3) | unknown four = fourth(4)"
    assert story.blame("HEAD", "a.py") == expected
    assert story.elsewhere("HEAD", "a.py") == expected


def test_of_a_persons_line_and_the_import_the_stricter_counts(story: Story) -> None:
    story.person_types("a.py", TEXT)
    hears(story, said(story.commit(), 4, 4))
    resolved = story.resolve("HEAD", "a.py")
    assert [each.owner.origin for each in resolved.bylines] == [Origin.HUMAN] * 3 + [Origin.AI]
    assert resolved.findings == (FindingCode.CLAIMS_DISAGREE,)


def test_a_line_known_to_be_an_agents_stays_as_it_is_known(story: Story) -> None:
    story.agent_writes("a.py", TEXT)
    before = story.resolve("HEAD", "a.py") if story.commit() else None
    assert hears(story, said(story.git("rev-parse", "HEAD"), 1, 4)) == ImportReport()
    assert before
    assert story.resolve("HEAD", "a.py").bylines == before.bylines


def test_nothing_that_is_imported_is_a_persons(story: Story) -> None:
    story.declares = False
    story.person_types("a.py", TEXT)
    commit = story.commit()
    report = hears(story, said(commit, 1, 2, origin=Origin.HUMAN), said(commit, 3, 4, origin=Origin.UNKNOWN))
    assert report == ImportReport()
    assert "human" not in story.blame("HEAD", "a.py")


def test_imported_twice_is_nothing_new(story: Story) -> None:
    story.person_types("a.py", TEXT)
    facts = (said(story.commit(), 1, 2), said(story.git("rev-parse", "HEAD"), 2, 3, origin=Origin.MIXED))
    assert hears(story, *facts).lines == 3
    assert hears(story, *facts) == ImportReport()


def test_what_is_not_there_is_a_doubt_and_the_rest_is_taken(story: Story) -> None:
    story.person_types("a.py", TEXT)
    first = story.commit()
    story.person_types("a.py", TEXT + "five = fifth(5)\n")
    second = story.commit()
    report = hears(
        story,
        said(second, 5, 5, digest=digest_lines([b"five = fifth(5)"])),
        said(second, 5, 5, digest=digest_lines([b"five = fifth(5)", b""])),
        said(second, 4, 5),
        said(second, 5, 6),
        said(second, 1, 1, path="b.py"),
        said(first, 1, 1, digest="0" * 64),
        said("0" * 40, 1, 1),
        said(first[:12], 1, 1),
        said("HEAD", 1, 1),
    )
    assert report.lines == 1
    assert [(each.where, each.why) for each in report.doubts] == [
        ("0" * 40, "there is no such commit here"),
        (first[:12], "not a whole commit id"),
        ("HEAD", "not a whole commit id"),
        (f"{first[:12]} a.py", "lines 1-1 have another text than was recorded"),
        (f"{second[:12]} a.py", "lines 4-5: 1 of them stood in the commit before"),
        (f"{second[:12]} a.py", "lines 5-6 of 5"),
        (f"{second[:12]} b.py", "there is no such text file in it"),
    ]


def test_a_record_that_says_everything_again_and_again_is_read_so_often(story: Story) -> None:
    story.person_types("a.py", TEXT)
    facts = [said(story.commit(), 1, 4)] * (MAX_SAID + 1)
    assert hears(story, *facts[1:]).doubts == ()
    assert [each.why for each in hears(story, *facts).doubts] == [f"more is said of its 4 lines than {MAX_SAID} times whose they are"]


def test_what_is_imported_goes_with_the_text(story: Story) -> None:
    """Later commits copy the line; a rebase and a move carry it, as they carry what was recorded."""
    story.person_types("a.py", TEXT)
    hears(story, said(story.commit(), 2, 2))
    story.git("switch", "-qc", "topic")
    story.person_types("a.py", TEXT + "five = fifth(5)\n")
    story.commit()
    assert "ai two = second(2) | human three" in story.blame("HEAD", "a.py")
    story.git("mv", "a.py", "b.py")
    story.commit()
    assert "ai two = second(2) | human three" in story.blame("HEAD", "b.py")
    story.git("switch", "-q", "main")
    story.person_types("m.py", "other = 1\n")
    story.commit()
    story.git("rebase", "-q", "main", "topic")
    assert "ai two = second(2) | human three" in story.blame("HEAD", "b.py")
    assert "ai two = second(2) | human three" in story.elsewhere("HEAD", "b.py", branch="topic")


def test_history_from_before_byline_can_be_told_by_imports_alone(story: Story) -> None:
    story.remove_hooks()
    story.person_types("a.py", TEXT)
    story.git("add", "--all")
    story.git("commit", "-qm", "before")
    old = story.git("rev-parse", "HEAD")
    story.person_types("a.py", "zero = 0\n" + TEXT)
    story.git("commit", "-qam", "after")
    hears(story, said(old, 1, 1))
    assert story.resolve("HEAD", "a.py").bylines[1].owner.origin is Origin.AI
    assert story.elsewhere("HEAD", "a.py").startswith("unknown zero = 0 | ai one = first(1) | unknown two")


def test_an_import_is_no_part_of_what_this_clone_recorded(story: Story) -> None:
    """A commit that waits for its statement gets it, under the number that comes next, and it counts as ever."""
    story.person_types("a.py", TEXT)
    story.commit()
    story.eager = False
    story.person_types("a.py", TEXT + "five = fifth(5)\nsix = sixth(6)\n")
    commit = story.commit()
    (digest,) = hears(story, said(commit, 5, 5)).statements
    with story.workshop() as workshop, EvidenceIndex(workshop.cache) as index:
        index.refresh(EvidenceRef(workshop.repo))
        assert not index.is_recorded(commit)
    report = story.attest()
    assert report.commits == (commit,)
    with story.workshop() as workshop, EvidenceIndex(workshop.cache) as index:
        index.refresh(EvidenceRef(workshop.repo))
        found = [index.statement(each) for each in (digest, *report.statements)]
        assert index.is_recorded(commit)
    assert [(each.is_imported, each.chain.seq) for each in found if each] == [(True, 1), (False, 2)]
    assert story.blame("HEAD", "a.py").endswith("| ai five = fifth(5) | human six = sixth(6)")

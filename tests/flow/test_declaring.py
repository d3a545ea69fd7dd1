# SPDX-License-Identifier: Apache-2.0
"""`--declare-own-lines` says "mine" of what a person typed, and of nothing that git's objects or an agent's hooks show to be another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.claim import Op
from byline.core.statement import PredicateType
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from story import Story

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.claim import Claim

BASE = "one = 1\n\n\ntwo = 2\n\n\nthree = 3\n"
OTHER = ("-c", "user.name=Other", "-c", "user.email=other@example.invalid")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Begin a story with a branch `topic` that somebody without Byline made."""
    story = Story.begin(tmp_path, declares=True)
    story.person_types("a.py", BASE)
    story.person_types("gone.py", "gone = 1\n")
    story.person_types("run.sh", "echo\n")
    story.commit()
    story.remove_hooks()
    story.git("checkout", "-q", "-b", "topic")
    story.person_types("a.py", BASE + "\n\ndef other():\n    return 4\n")
    story.person_types("new.py", "new = 1\n\nnewer = 2\n")
    story.git("rm", "-q", "gone.py")
    story.git("add", "--all")
    story.git(*OTHER, "commit", "-q", "-m", "theirs")
    story.git("checkout", "-q", "main")
    story.install_hooks()
    return story


def claims(story: Story) -> dict[bytes, Claim]:
    """The claims about HEAD, by path."""
    with story.workshop() as workshop, EvidenceIndex(workshop.place / "cache.db") as index:
        index.refresh(EvidenceRef(workshop.repo))
        (fact,) = index.facts(kind=PredicateType.AUTHORSHIP, commit=story.git("rev-parse", "HEAD"))
        found = index.statement(fact.statement)
    return {each.path: each for each in found.claims} if found else {}


def test_a_squashed_branch_of_another_is_not_the_committers(story: Story) -> None:
    story.git("merge", "--squash", "-q", "topic")
    story.person_types("a.py", "zero = 0\n" + (story.scratch.path / "a.py").read_text())
    story.commit()
    assert story.blame("HEAD", "a.py").endswith("human three = 3 | unknown  | unknown  | unknown def other(): | unknown return 4")
    assert story.blame("HEAD", "a.py").startswith("human zero = 0 | human one = 1")
    assert "human" not in story.blame("HEAD", "new.py")
    made = claims(story)
    assert {path: made[path].hand.origin for path in (b"gone.py", b"new.py")} == {b"gone.py": "unknown", b"new.py": "unknown"}
    assert [each.hand.origin for each in made[b"gone.py"].removed] == ["unknown"]


def test_a_file_taken_from_anothers_branch_is_not_the_committers(story: Story) -> None:
    story.git("checkout", "-q", "topic", "--", "new.py")
    story.commit()
    assert story.blame("HEAD", "new.py").count("unknown") == 3


def test_commits_of_another_folded_into_one_are_not_the_committers(story: Story) -> None:
    story.git("merge", "-q", "--ff-only", "topic")
    story.git("branch", "-q", "-D", "topic")
    story.git("reset", "-q", "--soft", "HEAD~")
    story.commit()
    assert story.blame("HEAD", "new.py").count("unknown") == 3


def test_ones_own_squashed_branch_is_ones_own(story: Story) -> None:
    story.git("checkout", "-q", "-b", "mine")
    story.person_types("b.py", "mine = 1\n")
    story.commit()
    story.git("checkout", "-q", "main")
    story.git("merge", "--squash", "-q", "mine")
    story.commit()
    assert story.blame("HEAD", "b.py") == "human mine = 1"


def test_what_was_declared_is_declared_again_when_its_commit_is_amended(story: Story) -> None:
    """Each amend makes another text; what stood in the last one is as much the committer's as it was, and an agent's stays an agent's."""
    story.person_types("b.py", "mine = 1\nalso = 2\n")
    story.commit()
    for text in ("mine = 1\nalso = 2\nmore = 3\n", "mine = 1\nalso = 2\nmore = 3\nlast = 4\n"):
        story.person_types("b.py", text)
        story.commit("--amend")
    assert story.blame("HEAD", "b.py") == "human mine = 1 | human also = 2 | human more = 3 | human last = 4"
    story.agent_writes("b.py", "mine = 1\nalso = 2\nagents = 9\nmore = 3\nlast = 4\n")
    story.commit("--amend")
    assert story.blame("HEAD", "b.py") == "human mine = 1 | human also = 2 | ai agents = 9 | human more = 3 | human last = 4"
    assert story.elsewhere("HEAD", "b.py") == story.blame("HEAD", "b.py")


def test_an_amend_declares_nothing_that_was_only_found_in_the_last_commit(story: Story) -> None:
    """A person's text that an agent moved is the person's by its words, which no number of amends makes stronger."""
    first, second = "def the_first():\n    return 'first of all'\n", "def the_second():\n    return 'and then'\n"
    story.person_types("b.py", first + second)
    story.commit()
    story.agent_writes("b.py", second + first)
    story.commit()
    before = "human? def the_second(): | human? return 'and then' | human def the_first(): | human return 'first of all'"
    assert story.blame("HEAD", "b.py") == before
    story.person_types("b.py", second + first + "mine = 1\n")
    story.commit("--amend")
    assert story.blame("HEAD", "b.py") == f"{before} | human mine = 1"


def test_who_amends_anothers_commit_does_not_declare_it(story: Story) -> None:
    story.person_types("b.py", "theirs = 1\nalso = 2\n")
    story.commit()
    story.principal = "p-other"
    story.person_types("b.py", "theirs = 1\nalso = 2\nmine = 3\n")
    story.commit("--amend")
    assert story.blame("HEAD", "b.py") == "human? theirs = 1 | human? also = 2 | human mine = 3"


def test_a_mode_is_nobodys(story: Story) -> None:
    """The journal has no modes: whether an agent's command changed it, nobody can say."""
    (story.scratch.path / "run.sh").chmod(0o755)
    story.commit()
    assert (claims(story)[b"run.sh"].op, claims(story)[b"run.sh"].hand.origin) == (Op.MODE, "unknown")


@pytest.mark.parametrize("names", [("a.py", "run.sh"), ("a.py", "run.sh", "gone.py")])
def test_files_that_change_their_names_among_them_are_renamed(story: Story, names: tuple[str, ...]) -> None:
    texts = [(story.scratch.path / name).read_bytes() for name in names]
    for name, text in zip(names, (*texts[1:], texts[0]), strict=True):
        story.scratch.write(name, text)
    story.commit()
    assert {path: made.op for path, made in claims(story).items()} == {name.encode(): Op.RENAME for name in names}
    story.scratch.write("copy.py", texts[0])
    story.commit()
    assert claims(story)[b"copy.py"].op in (Op.ADD, Op.COPY)


@pytest.mark.parametrize(
    ("trailer", "origin"),
    [
        ("Co-authored-by: Claude <noreply@anthropic.com>", "unknown"),
        ("Co-authored-by: aider (openai/gpt-4o) <aider@aider.chat>", "ai"),
        ("Co-authored-by: aider (openai/gpt-4o) <aider@example.invalid>", "unknown"),
        ("Co-authored-by: Ana (aider) <ana@example.invalid>", "unknown"),
        ("Co-authored-by: Ana <ana@example.invalid>", "human"),
    ],
)
def test_a_commit_that_names_an_agent_is_not_the_committers(story: Story, trailer: str, origin: str) -> None:
    """An agent that commits its own edits says so; where another one is named nobody knows which lines are whose."""
    story.person_types("fresh.py", "fresh = 1\n")
    story.commit("--message", trailer)
    assert story.blame("HEAD", "fresh.py") == f"{origin} fresh = 1"
    assert claims(story)[b"fresh.py"].hand.origin == origin

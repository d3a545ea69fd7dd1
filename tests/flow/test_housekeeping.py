# SPDX-License-Identifier: Apache-2.0
"""What git and people do to keep a repository tidy takes no pending line's author away, before and after a compaction."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from byline.flow.progress import KEPT, load_progress
from flow.test_compaction import Compacting, begin
from scratch import Scratch
from story import show

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def nothing(_: Compacting) -> None:
    pass


def gc(story: Compacting) -> None:
    story.git("reflog", "expire", "--expire=now", "--all")
    story.git("gc", "--quiet", "--prune=now")


def repack(story: Compacting) -> None:
    story.git("repack", "-adq")
    story.git("prune-packed", "-q")


def clean(story: Compacting) -> None:
    story.scratch.write("rubbish", "x")
    story.git("clean", "-fdxq", "-e", "*.py")


def worktree_prune(story: Compacting) -> None:
    story.git("worktree", "add", "-q", "../gone")
    shutil.rmtree(story.scratch.path.parent / "gone")
    story.git("worktree", "prune")


def worktree_remove(story: Compacting) -> None:
    story.git("worktree", "add", "-q", "../gone")
    story.git("worktree", "remove", "../gone")


def delete_the_caches(story: Compacting) -> None:
    (story.place / "cache.db").unlink()
    if (story.place / KEPT).exists():
        (story.place / "state.json").unlink()


def move_the_repository(story: Compacting) -> None:
    moved = story.scratch.path.with_name("moved")
    story.scratch.path.rename(moved)
    story.scratch = Scratch(moved)


DISTURBANCES = (nothing, gc, repack, clean, worktree_prune, worktree_remove, delete_the_caches, move_the_repository)


@pytest.mark.parametrize("is_compacted", [False, True], ids=["as it is", "compacted"])
@pytest.mark.parametrize("disturb", DISTURBANCES, ids=lambda each: each.__name__)
def test_pending_lines_keep_their_author(disturb: Callable[[Compacting], None], tmp_path: Path, *, is_compacted: bool) -> None:
    """Not yet committed, committed and not attested, and in a stash."""
    story = begin(tmp_path, eager=False)
    story.person_types("b.py", "b = person(1)\n")
    story.commit()
    story.agent_writes("s.py", "s = stashed_by(1)\n")
    story.git("stash", "-q", "-u")
    story.agent_writes("a.py", "a = committed_by(1)\n")
    story.agent_writes("b.py", "b = person(1)\nb = agent(2)\n")
    if is_compacted:
        story.attest()
    story.git("add", "a.py")
    story.git("commit", "-qm", "a part", "a.py")
    story.resolve(None, "b.py")
    if is_compacted:
        story.compact()
        assert (story.place / KEPT).exists()
    disturb(story)
    assert show(story.resolve(None, "b.py")) in ("human b = person(1) | ai b = agent(2)", "unknown b = person(1) | ai b = agent(2)")
    assert story.blame("HEAD", "a.py") == "ai a = committed_by(1)"
    assert story.blame(None, "b.py") == "human b = person(1) | ai b = agent(2)"
    story.git("stash", "pop", "-q")
    assert story.blame(None, "s.py") == "ai s = stashed_by(1)"
    story.commit()
    assert [story.blame("HEAD", name) for name in ("a.py", "b.py", "s.py")] == [
        "ai a = committed_by(1)",
        "human b = person(1) | ai b = agent(2)",
        "ai s = stashed_by(1)",
    ]


def test_a_commit_made_in_a_work_tree_that_was_removed_since_is_attested_with_its_agent(tmp_path: Path) -> None:
    story = begin(tmp_path, eager=False)
    story.commit()
    story.git("worktree", "add", "-q", "-b", "topic", "../linked")
    main = story.scratch
    story.scratch = Scratch(tmp_path / "linked")
    story.agent_writes("a.py", "a = agent(1)\n")
    story.git("add", "a.py")
    story.git("commit", "-qm", "from the linked one")
    story.scratch = main
    story.git("worktree", "remove", "../linked")
    assert story.blame("topic", "a.py") == "ai a = agent(1)"


def test_marks_that_waited_while_the_repository_was_moved_speak_of_its_work_trees(tmp_path: Path) -> None:
    story = begin(tmp_path, eager=False)
    story.agent_writes("a.py", "a = agent(1)\n")
    story.resolve(None, "a.py")
    story.commit()
    assert list((story.place / "marks").iterdir())
    move_the_repository(story)
    assert story.blame("HEAD", "a.py") == "ai a = agent(1)"
    assert list(load_progress(story.place).state.marked.values()) == [str(story.scratch.path / ".git")]

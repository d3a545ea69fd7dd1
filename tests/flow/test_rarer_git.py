# SPDX-License-Identifier: Apache-2.0
"""The rarer ways in which git makes a commit: each line still has its author (who is named in the line itself).

Asked as in `test_git_operations`: only when somebody asks, with the hooks gone for the last step, and attested after every commit where
commits are made from commits; each time also in a fresh clone that has the claims and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from story import Story
from tale import Tale

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def chosen_hunks_committed(tale: Tale) -> None:
    """The agent's hunk in the middle stays behind."""
    tale.start()
    tale.adds("ai", "a.py", at=8)
    tale.adds("ai", "a.py", at=4)
    tale.types("a.py", at=0)
    tale.last()
    tale.shell("printf 's\\ny\\nn\\ny\\n' | git commit -qpm 'two of three'")


def chosen_hunks_committed_then_the_rest(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=8)
    tale.adds("ai", "a.py", at=4)
    tale.types("a.py", at=0)
    tale.last()
    tale.shell("printf 's\\nn\\ny\\nn\\n' | git add -p")
    tale.git("commit", "-qm", "one of three")
    tale.git("commit", "-qam", "and two")


def a_hunk_split_and_edited(tale: Tale) -> None:
    """One of two lines that stand together is staged: what is staged was never on disk."""
    tale.start()
    tale.adds("ai", "a.py", at=4, count=2)
    tale.last()
    tale.shell("printf 'e\\n' | GIT_EDITOR=\"sed -i -e '0,/^+/{/^+/d}'\" git add -p")
    tale.git("commit", "-qm", "one of two")


def rebase_merge_on_a_server(tale: Tale) -> None:
    """Nobody runs a hook there."""
    tale.diverge()
    tale.last()
    tale.story.attest()
    tale.git("clone", "-q", ".", "../server")
    tale.git("-C", "../server", "rebase", "-q", "origin/main")
    tale.git("remote", "add", "server", "../server")
    tale.git("fetch", "-q", "server")
    tale.git("reset", "-q", "--hard", "server/topic")


def pull_with_rebase_through_a_conflict(tale: Tale) -> None:
    tale.collide(at=4)
    tale.git("clone", "-q", "--bare", ".", "../origin.git")
    tale.git("remote", "add", "origin", "../origin.git")
    tale.git("switch", "-q", "topic")
    tale.last()
    tale.git("pull", "-q", "--rebase", "origin", "main", fails=True)
    tale.keep_both("a.py")
    tale.git("rebase", "--continue")


def rebase_edited_aborted_and_begun_again(tale: Tale) -> None:
    tale.topic()
    tale.adds("human", "z.py")
    tale.commit()
    tale.rewrite("1s/pick/edit/", onto="HEAD~2")
    tale.adds("ai", "a.py", at=1)
    tale.git("commit", "-qa", "--amend", "--no-edit")
    tale.git("rebase", "--abort")
    tale.last()
    tale.rewrite("1s/pick/edit/;1a break", onto="HEAD~2")
    tale.adds("ai", "a.py", at=3)
    tale.git("commit", "-qa", "--amend", "--no-edit")
    tale.git("rebase", "--continue")
    tale.git("rebase", "--continue")


def a_merge_reverted_and_that_reverted(tale: Tale) -> None:
    tale.diverge()
    tale.git("merge", "-q", "--no-edit", "main")
    tale.git("revert", "--no-edit", "-m", "1", "HEAD")
    tale.last()
    tale.git("revert", "--no-edit", "HEAD")


def merge_with_a_rename_on_one_side(tale: Tale) -> None:
    tale.diverge()
    tale.git("mv", "a.py", "moved.py")
    tale.commit()
    tale.last()
    tale.git("merge", "-q", "--no-edit", "main")


def merge_taking_one_side_for_each_file(tale: Tale) -> None:
    tale.start()
    tale.adds("human", "c.py", count=4)
    tale.commit()
    tale.git("switch", "-qc", "topic")
    for name in ("a.py", "c.py"):
        tale.adds("ai", name, at=2)
    tale.commit()
    tale.git("switch", "-q", "main")
    for name in ("a.py", "c.py"):
        tale.adds("human", name, at=2)
    tale.commit()
    tale.last()
    tale.git("merge", "-q", "topic", fails=True)
    tale.git("checkout", "-q", "--ours", "a.py")
    tale.git("checkout", "-q", "--theirs", "c.py")
    tale.git("commit", "-qam", "one of each")


def an_evil_merge(tale: Tale) -> None:
    """What neither side has is the agent's where it was seen, and nobody's where a person slipped it in: a merge declares nothing."""
    tale.diverge()
    tale.last()
    tale.git("merge", "-q", "--no-commit", "main")
    tale.adds("ai", "a.py", at=6)
    tale.loses(tale.adds("human", "b.py", at=2))
    tale.git("commit", "-qam", "merged, and more")


def _library(tale: Tale) -> None:
    tale.start()
    tale.git("switch", "-q", "--orphan", "library")
    tale.adds("ai", "lib.py", count=5)
    tale.adds("human", "lib.py")
    tale.commit()
    tale.git("switch", "-q", "main")


def a_subtree_added_and_pulled(tale: Tale) -> None:
    _library(tale)
    tale.git("subtree", "add", "-q", "--prefix=vendor", ".", "library")
    tale.git("switch", "-q", "library")
    tale.adds("ai", "lib.py", at=2)
    tale.commit()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("subtree", "pull", "-q", "--prefix=vendor", ".", "library", "-m", "newer")


def a_patch_applied(tale: Tale) -> None:
    tale.diverge()
    tale.shell("git diff main~1 topic >../patch")
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("apply", "-3", "../patch")
    tale.git("commit", "-qm", "as a patch")


def a_patch_by_mail_through_a_conflict(tale: Tale) -> None:
    tale.collide(at=4)
    tale.git("format-patch", "-q", "-o", "../mail", "main..topic")
    tale.last()
    tale.shell("! git am -q -3 ../mail/*.patch")
    tale.keep_both("a.py")
    tale.git("am", "-q", "--continue")


def exported_and_imported(tale: Tale) -> None:
    """Every id is another one, as after `filter-repo`; every file is what it was."""
    tale.topic()
    tale.story.attest()
    tale.last()
    rename = "--refspec=refs/heads/topic:refs/heads/new"
    tale.shell(f"git fast-export {rename} topic | sed 's/^a change$/CHANGED!/; s/Test Person/Another Name/' | git fast-import --quiet")
    tale.git("switch", "-q", "new")
    assert tale.git("merge-base", "--all", "new", "topic", fails=True) == ""


def exported_and_imported_in_a_folder(tale: Tale) -> None:
    tale.start()
    tale.story.attest()
    tale.last()
    rename = "--refspec=refs/heads/main:refs/heads/new"
    tale.shell(f"git fast-export {rename} main | sed 's/^M \\(.*\\) \\(.*\\)$/M \\1 sub\\/\\2/' | git fast-import --quiet")
    tale.git("switch", "-q", "new")


def two_branches_in_two_work_trees(tale: Tale) -> None:
    tale.start()
    tale.git("worktree", "add", "-q", "-b", "topic", "../linked")
    main, tale.story.scratch = tale.story.scratch, type(tale.story.scratch)(tale.story.scratch.path.parent / "linked")
    tale.adds("ai", "a.py", at=2)
    tale.commit()
    tale.story.scratch = main
    tale.adds("human", "a.py", at=6)
    tale.commit()
    tale.git("worktree", "remove", "../linked")
    tale.last()
    tale.git("merge", "-q", "--no-edit", "topic")


def stashed_in_one_work_tree_and_popped_in_another(tale: Tale) -> None:
    """No claim knows it yet, and the journal has it from another work tree."""
    tale.start()
    tale.adds("ai", "b.py")
    tale.git("stash", "-q", "--include-untracked")
    tale.git("worktree", "add", "-q", "-b", "topic", "../linked")
    tale.story.scratch = type(tale.story.scratch)(tale.story.scratch.path.parent / "linked")
    tale.git("stash", "pop", "-q")
    tale.adds("human", "c.py")
    tale.commit()


STORIES: tuple[Callable[[Tale], None], ...] = (
    *(chosen_hunks_committed, chosen_hunks_committed_then_the_rest, a_hunk_split_and_edited, rebase_merge_on_a_server),
    *(pull_with_rebase_through_a_conflict, rebase_edited_aborted_and_begun_again, a_merge_reverted_and_that_reverted),
    *(merge_with_a_rename_on_one_side, merge_taking_one_side_for_each_file, an_evil_merge, a_subtree_added_and_pulled),
    *(a_patch_applied, a_patch_by_mail_through_a_conflict, exported_and_imported, exported_and_imported_in_a_folder),
    *(two_branches_in_two_work_trees, stashed_in_one_work_tree_and_popped_in_another),
)


REWRITING = (rebase_edited_aborted_and_begun_again, a_merge_reverted_and_that_reverted, an_evil_merge, a_subtree_added_and_pulled)
WAYS = [(story, way) for story in STORIES for way in ("eager", "lazy", "without hooks") if way != "eager" or story in REWRITING]


@pytest.mark.parametrize(("operation", "way"), WAYS, ids=lambda each: getattr(each, "__name__", each))
def test_every_line_keeps_its_author(operation: Callable[[Tale], None], way: str, tmp_path: Path) -> None:
    tale = Tale(Story.begin(tmp_path, declares=True, eager=way == "eager"), without_hooks=way == "without hooks")
    operation(tale)
    tale.check()

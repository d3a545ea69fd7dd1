# SPDX-License-Identifier: Apache-2.0
"""Every way in which git makes a commit or moves text, and each line still has its author.

Each story is asked four times: attested after every commit; attested only when somebody asks; in a fresh clone that has the claims and
nothing else; and with the hooks gone for the last step. A line may never be shown as another's; the lines that may come out `unknown` are
named by the story, and it must keep that word too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from story import Story
from tale import Tale

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def commit_all(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=1)
    tale.last()
    tale.git("commit", "-qam", "all that is tracked")


def commit_only(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "b.py")
    tale.git("add", "b.py")
    tale.adds("ai", "a.py", at=2)
    tale.last()
    tale.git("commit", "-qm", "only this", "--only", "a.py")
    tale.git("commit", "-qm", "and the other")


def commit_from_a_subfolder(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "deep/er/c.py")
    tale.last()
    tale.git("-C", "deep", "add", ".")
    tale.git("-C", "deep/er", "commit", "-qm", "from below")


def amend(tale: Tale) -> None:
    tale.topic()
    tale.adds("ai", "a.py", at=1)
    tale.last()
    tale.git("commit", "-qa", "--amend", "--no-edit")


def reword(tale: Tale) -> None:
    tale.topic()
    tale.last()
    tale.git("commit", "-q", "--amend", "-m", "better words")


def reorder(tale: Tale) -> None:
    tale.start()
    for name in ("x.py", "y.py", "z.py"):
        tale.adds("ai" if name != "y.py" else "human", name)
        tale.commit()
    tale.last()
    tale.rewrite("1{h;d};2{G}", onto="HEAD~3")


def drop(tale: Tale) -> None:
    tale.topic()
    tale.adds("ai", "z.py")
    tale.commit()
    tale.last()
    tale.rewrite("2d", onto="HEAD~3")


def split(tale: Tale) -> None:
    tale.topic()
    tale.last()
    tale.git("reset", "-q", "HEAD~2")
    tale.git("add", "b.py")
    tale.git("commit", "-qm", "first half")
    tale.git("commit", "-qam", "second half")


def fixup_and_autosquash(tale: Tale) -> None:
    tale.topic()
    tale.adds("ai", "b.py", at=1)
    tale.git("add", "-A")
    tale.git("commit", "-q", "--fixup", "HEAD~1")
    tale.last()
    tale.git("rebase", "-qi", "--autosquash", "HEAD~3", GIT_SEQUENCE_EDITOR="true")


def squash_in_a_rebase(tale: Tale) -> None:
    tale.topic()
    tale.last()
    tale.rewrite("2s/pick/squash/", onto="HEAD~2")


def rebase(tale: Tale) -> None:
    tale.diverge()
    tale.last()
    tale.git("rebase", "-q", "main")


def rebase_onto(tale: Tale) -> None:
    tale.diverge()
    tale.last()
    tale.git("rebase", "-q", "--onto", "main", "topic~1", "topic", fails=True)
    tale.keep_both("a.py")
    tale.git("checkout", "-q", "--theirs", "b.py")
    tale.git("add", "-A")
    tale.git("rebase", "--continue")


def rebase_root(tale: Tale) -> None:
    tale.topic()
    tale.last()
    tale.git("rebase", "-q", "--root", "--force-rebase", "--committer-date-is-author-date")


def rebase_with_exec(tale: Tale) -> None:
    tale.diverge()
    tale.last()
    tale.git("rebase", "-q", "--exec", "true", "main")


def rebase_by_the_apply_backend(tale: Tale) -> None:
    tale.diverge()
    tale.last()
    tale.git("rebase", "-q", "--apply", "main")


def rebase_aborted(tale: Tale) -> None:
    tale.collide(at=0)
    tale.git("switch", "-q", "topic")
    tale.last()
    tale.git("rebase", "-q", "main", fails=True)
    tale.git("rebase", "--abort")


def rebase_through_a_conflict(tale: Tale) -> None:
    tale.collide(at=0)
    tale.git("switch", "-q", "topic")
    tale.last()
    tale.git("rebase", "-q", "main", fails=True)
    tale.keep_both("a.py")
    tale.git("rebase", "--continue")


def pull_with_rebase(tale: Tale) -> None:
    tale.start()
    tale.git("clone", "-q", "--bare", ".", "../origin.git")
    tale.git("remote", "add", "origin", "../origin.git")
    tale.git("switch", "-qc", "theirs")
    tale.adds("human", "t.py")
    tale.commit()
    tale.git("push", "-q", "origin", "theirs:main")
    tale.git("switch", "-q", "main")
    tale.adds("ai", "a.py", at=0)
    tale.commit()
    tale.last()
    tale.git("pull", "-q", "--rebase", "origin", "main")


def pick_a_range(tale: Tale) -> None:
    tale.diverge()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("cherry-pick", "main..topic")


def pick_without_commit(tale: Tale) -> None:
    tale.diverge()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("cherry-pick", "-n", "main..topic")
    tale.git("commit", "-qm", "both at once")


def pick_through_a_conflict(tale: Tale) -> None:
    tale.collide(at=4)
    tale.last()
    tale.git("cherry-pick", "topic", fails=True)
    tale.keep_both("a.py")
    tale.git("cherry-pick", "--continue")


def revert_and_revert_that(tale: Tale) -> None:
    tale.topic()
    tale.git("revert", "--no-edit", "HEAD~1", fails=True)
    tale.git("revert", "--abort")
    tale.git("revert", "--no-edit", "HEAD")
    tale.last()
    tale.git("revert", "--no-edit", "HEAD")


def merge_no_ff(tale: Tale) -> None:
    tale.topic()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("merge", "-q", "--no-ff", "--no-edit", "topic")


def merge_fast_forward(tale: Tale) -> None:
    tale.topic()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("merge", "-q", "--ff-only", "topic")


def merge(tale: Tale) -> None:
    tale.diverge()
    tale.last()
    tale.git("merge", "-q", "--no-edit", "main")


def merge_octopus(tale: Tale) -> None:
    tale.start()
    for name in ("one", "two", "three"):
        tale.git("switch", "-qc", name, "main")
        tale.adds("ai" if name == "two" else "human", f"{name}.py")
        tale.commit()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("merge", "-q", "--no-edit", "one", "two", "three")


def merge_ours(tale: Tale) -> None:
    tale.diverge()
    tale.last()
    tale.git("merge", "-q", "--no-edit", "-s", "ours", "main")


def merge_preferring_theirs(tale: Tale) -> None:
    tale.collide(at=4)
    tale.last()
    tale.git("merge", "-q", "--no-edit", "-X", "theirs", "topic")


def merge_through_a_conflict(tale: Tale) -> None:
    tale.collide(at=4)
    tale.last()
    tale.git("merge", "-q", "topic", fails=True)
    tale.keep_both("a.py")
    tale.git("commit", "-qm", "merged by hand")


def merge_a_subtree(tale: Tale) -> None:
    tale.start()
    tale.git("switch", "-q", "--orphan", "library")
    tale.adds("ai", "lib.py", count=5)
    tale.commit()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("merge", "-q", "-s", "ours", "--no-commit", "--allow-unrelated-histories", "library")
    tale.git("read-tree", "--prefix=vendor/", "-u", "library")
    tale.git("commit", "-qm", "take the library in")


def squash_merge_here(tale: Tale) -> None:
    tale.diverge()
    tale.git("switch", "-q", "main")
    tale.last()
    tale.git("merge", "-q", "--squash", "topic")
    tale.git("commit", "-qm", "squashed")
    tale.git("branch", "-qD", "topic")


def reset_soft(tale: Tale) -> None:
    tale.topic()
    tale.last()
    tale.git("reset", "-q", "--soft", "HEAD~2")
    tale.git("commit", "-qm", "as one")


def reset_mixed(tale: Tale) -> None:
    tale.topic()
    tale.last()
    tale.git("reset", "-q", "HEAD~2")
    tale.git("add", "-A")
    tale.git("commit", "-qm", "as one")


def reset_hard_and_back(tale: Tale) -> None:
    tale.topic()
    tale.git("reset", "-q", "--hard", "HEAD~2")
    tale.last()
    tale.git("reset", "-q", "--hard", "ORIG_HEAD")


def stash_pop(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=2)
    tale.git("stash", "-q")
    tale.git("stash", "pop", "-q")
    tale.last()
    tale.git("commit", "-qam", "popped")


def stash_on_another_base(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=6)
    tale.git("stash", "-q")
    tale.adds("human", "a.py", at=0)
    tale.commit()
    tale.git("stash", "apply", "-q")
    tale.last()
    tale.git("commit", "-qam", "applied")


def stash_with_untracked_files(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "new.py")
    tale.git("stash", "-qu")
    tale.git("switch", "-qc", "other")
    tale.git("stash", "pop", "-q")
    tale.last()
    tale.git("add", "-A")
    tale.git("commit", "-qm", "popped")


def switch_with_changes(tale: Tale) -> None:
    tale.start()
    tale.git("branch", "other")
    tale.adds("ai", "a.py", at=2)
    tale.git("switch", "-q", "other")
    tale.last()
    tale.git("commit", "-qam", "on another branch")


def restore_a_part(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=2)
    tale.adds("ai", "b.py")
    tale.git("restore", "a.py")
    tale.last()
    tale.git("add", "-A")
    tale.git("commit", "-qm", "what is left")


def patches_by_mail(tale: Tale) -> None:
    tale.diverge()
    tale.git("format-patch", "-q", "-o", "../mail", "main~1..topic")
    tale.git("switch", "-q", "main")
    tale.last()
    mails = sorted(str(each) for each in (tale.story.scratch.path.parent / "mail").iterdir())
    tale.git("am", "-q", "-3", *mails)


def commit_tree(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=1)
    tale.git("add", "-A")
    made = tale.git("commit-tree", tale.git("write-tree"), "-p", "HEAD", "-m", "by hand")
    tale.last()
    tale.git("update-ref", "refs/heads/main", made)


def the_whole_history_rewritten(tale: Tale) -> None:
    tale.topic()
    tale.story.attest()
    tale.last()
    script = "git update-index --add --cacheinfo 100644,$(git hash-object -w /dev/null),empty.txt"
    tale.git("filter-branch", "-f", "--index-filter", script, "--", "topic", FILTER_BRANCH_SQUELCH_WARNING="1")


def a_folder_renamed(tale: Tale) -> None:
    tale.adds("human", "old/one.py")
    tale.adds("ai", "old/two.py")
    tale.commit()
    tale.last()
    tale.git("mv", "old", "new")
    tale.git("commit", "-qm", "renamed")


def a_rename_that_changes_case(tale: Tale) -> None:
    tale.start()
    tale.last()
    tale.git("mv", "a.py", "A.py")
    tale.git("commit", "-qm", "upper")


def a_copied_file(tale: Tale) -> None:
    """An agent's text is found again where it is copied; that a person's is theirs still, nobody can tell from text alone."""
    tale.adds("ai", "a.py", count=6)
    tale.commit()
    tale.story.person_types("copy.py", "\n".join(tale.read("a.py")) + "\n")
    tale.last()
    tale.commit()


def a_function_moved_down(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.put("human", "a.py", [*lines[4:], *lines[:4]])
    tale.last()
    tale.commit()


def an_agent_writes_the_same_text(tale: Tale) -> None:
    tale.start()
    tale.put("ai", "a.py", tale.read("a.py"))
    tale.types("a.py", at=8)
    tale.last()
    tale.commit()


def deleted_and_brought_back_by_git(tale: Tale) -> None:
    tale.start()
    tale.git("rm", "-q", "a.py")
    tale.git("commit", "-qm", "gone")
    tale.git("checkout", "-q", "HEAD~1", "--", "a.py")
    tale.last()
    tale.git("commit", "-qm", "back")


def two_agents_and_a_person(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=0)
    lines = tale.lines("ai", 2)
    tale.story.agent_writes("a.py", "\n".join([*tale.read("a.py"), *lines]) + "\n", agent="s2")
    tale.types("a.py", at=5)
    tale.last()
    tale.commit()


def tags_do_not_matter(tale: Tale) -> None:
    tale.topic()
    tale.last()
    tale.git("tag", "-a", "v1", "-m", "one")
    tale.git("switch", "-q", "--detach", "v1")


def detached_head(tale: Tale) -> None:
    tale.start()
    tale.git("switch", "-q", "--detach")
    tale.adds("ai", "a.py", at=3)
    tale.last()
    tale.git("commit", "-qam", "on no branch")
    tale.git("branch", "kept")


STORIES: tuple[Callable[[Tale], None], ...] = (
    *(commit_all, commit_only, commit_from_a_subfolder, amend, reword, reorder, drop, split, fixup_and_autosquash, squash_in_a_rebase),
    *(rebase, rebase_onto, rebase_root, rebase_with_exec, rebase_by_the_apply_backend, rebase_aborted, rebase_through_a_conflict),
    *(pull_with_rebase, pick_a_range, pick_without_commit, pick_through_a_conflict, revert_and_revert_that),
    *(merge_no_ff, merge_fast_forward, merge, merge_octopus, merge_ours, merge_preferring_theirs, merge_through_a_conflict),
    *(merge_a_subtree, squash_merge_here, reset_soft, reset_mixed, reset_hard_and_back, stash_pop, stash_on_another_base),
    *(stash_with_untracked_files, switch_with_changes, restore_a_part, patches_by_mail, commit_tree, the_whole_history_rewritten),
    *(a_folder_renamed, a_rename_that_changes_case, a_copied_file, a_function_moved_down, an_agent_writes_the_same_text),
    *(deleted_and_brought_back_by_git, two_agents_and_a_person, tags_do_not_matter, detached_head),
)


@pytest.mark.parametrize("way", ["eager", "lazy", "without hooks"])
@pytest.mark.parametrize("operation", STORIES, ids=lambda each: each.__name__)
def test_every_line_keeps_its_author(operation: Callable[[Tale], None], way: str, tmp_path: Path) -> None:
    tale = Tale(Story.begin(tmp_path, declares=True, eager=way == "eager"), without_hooks=way == "without hooks")
    operation(tale)
    tale.check()

# SPDX-License-Identifier: Apache-2.0
"""Marks of other inboxes: nothing that somebody does to their folder hides one, or stops who looks for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from byline.capture.elsewhere import (
    BEGAN,
    DAY_NS,
    ENDED,
    HIDES,
    MOST,
    TOLD,
    forget_elsewhere,
    list_elsewhere,
    note_elsewhere,
    put_back,
    take_back,
)
from byline.capture.places import drop_dir, inbox_dir, prepare_repository
from byline.capture.worktree import WorkTree, find_worktree
from claude_session import spooling

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch


@pytest.fixture
def tree(repository: Scratch) -> WorkTree:
    """A work tree whose clone has room for marks."""
    found = find_worktree(repository.path)
    assert found
    prepare_repository(found.common_dir)
    return found


def tree_of(repository: Scratch) -> WorkTree:
    found = find_worktree(repository.path)
    assert found
    return found


def marks(tree: WorkTree, inbox: Path, worktree: Path | None = None) -> list[str]:
    """Return the agents that the marks of other inboxes than `inbox` name in a work tree."""
    return [each.agent for each in list_elsewhere(tree.common_dir, inbox, str(worktree or tree.git_dir))]


def test_a_mark_counts_until_its_inbox_is_settled_also_where_that_is_killed(tree: WorkTree, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine/inbox", tmp_path / "theirs/inbox"
    note_elsewhere(tree, theirs, "codex")
    (mark,) = list_elsewhere(tree.common_dir, mine)
    os.utime(mark.path, (5, 5))
    aside = take_back(tree.common_dir, theirs)
    assert marks(tree, mine) == ["codex"]  # as a settler leaves it that is killed now
    assert take_back(tree.common_dir, theirs) == aside
    put_back(aside, is_over=False)
    assert [each.time for each in list_elsewhere(tree.common_dir, mine)] == [5 * 10**9]
    put_back(take_back(tree.common_dir, theirs), is_over=True)
    assert marks(tree, mine) == []


def test_a_folder_that_cannot_be_looked_through_counts_as_a_mark(tree: WorkTree, tmp_path: Path) -> None:
    """Filled with marks that are nobody's business, or not to be listed: then nobody knows what it holds."""
    mine, drop = tmp_path / "mine/inbox", drop_dir(tree.common_dir)
    for number in range(MOST + 1):
        (drop / f"ab.pi.{number}").touch()
    assert marks(tree, mine)[-1] == HIDES
    for path in drop.iterdir():
        path.unlink()
    for number in range(2 * MOST + 1):
        (drop / f"+{number}").touch()
    assert marks(tree, mine) == [HIDES]
    forget_elsewhere(list_elsewhere(tree.common_dir, mine), lambda: True, now=0)
    assert marks(tree, mine) == [HIDES]
    for path in drop.iterdir():
        path.unlink()
    assert marks(tree, mine) == []
    drop.rmdir()
    assert marks(tree, mine) == []
    drop.touch()
    assert marks(tree, mine) == [HIDES]


def test_what_cannot_be_removed_stays_and_stops_nobody(tree: WorkTree, tmp_path: Path) -> None:
    mine, drop = tmp_path / "mine/inbox", drop_dir(tree.common_dir)
    (drop / "ab.codex..git").mkdir()
    note_elsewhere(tree, tmp_path / "theirs/inbox", "pi")
    gone = list_elsewhere(tree.common_dir, mine)
    gone[0].path.with_name("cd.codex..git").touch()
    forget_elsewhere(gone, lambda: False, now=0)
    assert sorted(marks(tree, mine)) == ["codex", "codex", "pi"]
    every = list_elsewhere(tree.common_dir, mine)
    (drop / "cd.codex..git").unlink()
    forget_elsewhere(every, lambda: True, now=0)
    assert marks(tree, mine) == ["codex"]


def test_a_mark_speaks_of_the_first_work_tree_under_whatever_name(tree: WorkTree, repository: Scratch, tmp_path: Path) -> None:
    """Its git folder may be a link, or mounted; a linked work tree's has one name."""
    repository.write("a", "a")
    repository.commit()
    repository.git("worktree", "add", "--quiet", str(tmp_path / "topic"))
    mine, linked = tmp_path / "mine/inbox", tree.common_dir / "worktrees/topic"
    (drop_dir(tree.common_dir) / "ab.codex.real.git").touch()
    (drop_dir(tree.common_dir) / "ab.pi.topic").touch()
    assert (marks(tree, mine), marks(tree, mine, linked)) == (["codex"], ["pi"])


def test_a_mark_stands_while_a_call_goes_on(tree: WorkTree, tmp_path: Path) -> None:
    """Whoever cannot see into the inbox cannot know what it writes next: for a day at most, for an agent may be killed in between."""
    mine, theirs, now = tmp_path / "mine/inbox", tmp_path / "theirs/inbox", time.time_ns()

    def stands(*calls: str, at: int = now) -> bool:
        for call in calls:
            note_elsewhere(tree, theirs, "codex", call=call)
        forget_elsewhere(list_elsewhere(tree.common_dir, mine), lambda: True, now=at)
        return bool(marks(tree, mine))

    drop = drop_dir(tree.common_dir)
    drop.rename(tmp_path / "drop")
    note_elsewhere(tree, theirs, "codex", call=BEGAN)  # it cannot be told
    assert [each for each in theirs.parent.rglob("*") if each.is_file()] == []
    (tmp_path / "drop").rename(drop)
    for calls in ((BEGAN,), (ENDED, BEGAN, "", BEGAN, ENDED), (ENDED, ENDED, BEGAN)):  # the end of a session is one more
        assert stands(*calls)
        assert not stands(at=now + 2 * DAY_NS)
        assert not stands(BEGAN, BEGAN, ENDED, ENDED, ENDED)
    assert list(drop_dir(tree.common_dir).iterdir()) == []
    assert stands(BEGAN)
    put_back(take_back(tree.common_dir, theirs), is_over=True)
    assert list(drop_dir(tree.common_dir).iterdir()) == []


@pytest.mark.parametrize("keeps_times", [True, False])
def test_a_copy_of_a_home_folder_has_none_of_the_marks_that_the_other_leaves(tree: WorkTree, tmp_path: Path, *, keeps_times: bool) -> None:
    """Nor those that stood when it was made; a folder that was moved has all of its own, and one that is shared has all of them."""
    first, moved, copied = (tmp_path / name / "inbox" for name in ("first", "moved", "copied"))
    note_elsewhere(tree, first, "codex")
    note_elsewhere(tree, first, "pi")
    first.parent.rename(moved.parent)
    assert marks(tree, moved) == []
    shutil.copytree(moved.parent, copied.parent)
    for note in (copied.parent / TOLD).glob("*/*/*"):
        os.utime(note, (5, 5) if keeps_times else None)  # as `cp -a` some time later, which cannot keep when it was done, or `cp -r`
    assert sorted(marks(tree, copied)) == ["codex", "pi"]
    put_back(take_back(tree.common_dir, copied), is_over=True)
    assert sorted(marks(tree, copied)) == ["codex", "pi"]
    note_elsewhere(tree, copied, "codex")
    assert (marks(tree, moved), sorted(marks(tree, copied))) == (["codex"], ["codex", "pi"])
    put_back(take_back(tree.common_dir, moved), is_over=True)
    assert (marks(tree, moved), marks(tree, copied)) == (["codex"], [])
    hosts = moved.parent / TOLD
    note_elsewhere(tree, moved, "amp")
    next(hosts.iterdir()).rename(hosts / "another-machine")
    assert marks(tree, moved) == ["codex"]


def test_settling_a_copy_of_a_clone_leaves_this_inbox_its_marks_in_the_other(repository: Scratch, tmp_path: Path) -> None:
    hook = spooling(tmp_path)
    mine, copied = inbox_dir(os.environ), tmp_path / "copied"
    payload = b'{"hook_event_name": "PostToolUse", "tool_name": "Write", "session_id": "s"}'
    hook(payload, {}, repository.path)
    shutil.copytree(repository.path, copied)
    put_back(take_back(copied / ".git", mine), is_over=True)
    assert ([*drop_dir(copied / ".git").iterdir()], marks(tree_of(repository), mine)) == ([], [])
    put_back(take_back(repository.path / ".git", mine), is_over=True)
    assert ([*drop_dir(repository.path / ".git").iterdir()], [*(mine.parent / TOLD).glob("*/*/*")]) == ([], [])


def test_the_installed_hook_leaves_one_mark_and_tells_of_its_calls(repository: Scratch, tmp_path: Path) -> None:
    hook, drop = spooling(tmp_path), drop_dir(repository.path / ".git")
    payload = b'{"hook_event_name": "PostToolUse", "tool_name": "Write", "session_id": "s"}'
    found = []
    for words in ([], ["scan", "o"], ["scan", "o"], ["scan"], ["scan"], ["scan"], []):
        subprocess.run([tmp_path / "hook.sh", *words], input=payload, cwd=repository.path, check=True, timeout=60, capture_output=True)
        found.append(sorted(path.name[:1] == "+" for path in drop.iterdir()))
    assert found == [[False], [False, True], [False, True, True], [False, True], [False], [False], [False]]
    mine = inbox_dir(os.environ)
    assert marks(tree_of(repository), mine) == []
    assert marks(tree_of(repository), tmp_path / "other/inbox") == ["claude-code"]
    note_elsewhere(tree_of(repository), mine, "claude-code", call=BEGAN)  # Python and the shell speak of the same mark
    assert len([*drop.iterdir()]) == 2
    subprocess.run([tmp_path / "hook.sh", "scan"], input=payload, cwd=repository.path, check=True, timeout=60)
    assert len([*drop.iterdir()]) == 1
    put_back(take_back(repository.path / ".git", mine), is_over=True)
    assert ([*drop.iterdir()], [*(mine.parent / TOLD).glob("*/*/*")]) == ([], [])
    hook(payload, {}, repository.path)
    assert len([*drop.iterdir()]) == 1


def test_marks_and_clones_get_ids_where_there_is_no_linux(repository: Scratch, tmp_path: Path) -> None:
    hook = spooling(tmp_path)
    stub = tmp_path / "hook.sh"
    stub.write_text(stub.read_text().replace("/proc/sys/kernel", "/nonexistent"))
    hook(b'{"hook_event_name": "PostToolUse", "tool_name": "Write", "session_id": "s"}', {}, repository.path)
    (mark,) = drop_dir(repository.path / ".git").iterdir()
    ids = [mark.name.partition(".")[0], (repository.path / ".git/byline/id").read_text().strip()]
    assert [len(bytes.fromhex(each)) for each in ids] == [16, 16]
    assert ids[0] != ids[1]
    assert marks(tree_of(repository), inbox_dir(os.environ)) == []


def test_who_shares_a_clone_can_list_the_marks_that_an_agents_hook_made_room_for(repository: Scratch, tmp_path: Path) -> None:
    hook = spooling(tmp_path)
    payload = b'{"hook_event_name": "PostToolUse", "tool_name": "Write", "session_id": "s"}'
    hook(payload, {}, repository.path)
    drop = drop_dir(repository.path / ".git")
    assert drop.stat().st_mode & 0o7777 == 0o1733
    for path in (drop, repository.path / ".git/byline"):
        path.rename(tmp_path / path.name)
    repository.git("init", "--quiet", "--shared=group")
    hook(payload, {}, repository.path)
    assert drop.stat().st_mode & 0o1777 == 0o1773

# SPDX-License-Identifier: Apache-2.0
"""A watch of named files and folders, in which a commit is made or the program is killed: nothing of the agent's is declared a person's."""

from __future__ import annotations

import os
import subprocess
import sys
from contextvars import Context
from typing import TYPE_CHECKING

import pytest

import byline
from byline.capture import settle
from byline.capture.clone import Settled
from byline.capture.inbox import Arrival, list_arrivals
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir
from story import Story

if TYPE_CHECKING:
    from pathlib import Path

WATCHES = [["a.py", "b/new.py"], ["a.py", "b"]]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A repository of a person who declares what nobody recorded, with two lines of theirs that are not committed yet."""
    story = Story.begin(tmp_path, declares=True)
    for name in ("a.py", "b/old.py", "c.py"):
        story.person_types(name, "one\n")
    story.commit()
    for name in ("b/old.py", "c.py"):
        story.person_types(name, "one\ntyped\n")
    return story


def check(story: Story) -> None:
    """Commit, and look whose the lines are."""
    story.commit()
    lines = {name: story.blame("HEAD", name) for name in ("a.py", "b/new.py", "b/old.py", "c.py")}
    assert lines == {
        "a.py": "human one | ai agent",
        "b/new.py": "ai agent",
        "b/old.py": "human one | human typed",
        "c.py": "human one | human typed",
    }
    assert list_arrivals(inbox_dir(os.environ)) == ()


@pytest.mark.parametrize("paths", WATCHES)
def test_what_was_written_before_the_program_was_killed_is_the_agents(story: Story, paths: list[str]) -> None:
    program = f"""
import byline, os, signal
byline.session(agent="killed").watch(paths={paths}).__enter__()
os.system("echo agent >> a.py; echo agent > b/new.py")
os.kill(os.getpid(), signal.SIGTERM)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=story.scratch.path, check=False, timeout=60).returncode < 0
    check(story)


@pytest.mark.parametrize("paths", WATCHES)
def test_what_is_committed_in_the_watch_is_the_agents(story: Story, paths: list[str]) -> None:
    session = byline.session(agent="commits", root=story.scratch.path)
    with session.watch(paths=paths):
        story.scratch.write("a.py", "one\nagent\n")
        story.scratch.write("b/new.py", "agent\n")
        story.commit()
    check(story)
    assert not session.incomplete


def test_what_a_watch_of_files_put_into_the_inbox_is_gone_at_its_end(story: Story) -> None:
    inbox = inbox_dir(os.environ)
    with byline.session(agent="ends", root=story.scratch.path).watch(paths=["a.py"]):
        assert len(list_arrivals(inbox)) == 1
    assert list_arrivals(inbox) == ()


def test_a_watch_that_ends_while_the_inbox_is_settled_is_no_loss(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = byline.session(agent="ends", root=story.scratch.path).watch(paths=["a.py"])
    watch.__enter__()

    def list_late(inbox: Path) -> tuple[Arrival, ...]:
        found = list_arrivals(inbox)
        watch.__exit__(None, None, None)
        return found

    monkeypatch.setattr(settle, "list_arrivals", list_late)
    assert settle.settle_inbox(inbox_dir(os.environ)) == Settled()


@pytest.mark.parametrize(("theirs", "is_shared"), [("b", True), ("b/new.py", True), ("b/newer.py", False), ("c.py", False)])
def test_a_commit_in_two_watches_of_one_file_is_of_both(story: Story, theirs: str, *, is_shared: bool) -> None:
    watches = [byline.session(agent=paths[-1], root=story.scratch.path).watch(paths=paths) for paths in (["a.py", "b/new.py"], [theirs])]
    for watch in watches:
        Context().run(watch.__enter__)
    story.scratch.write("b/new.py", "agent\n")
    story.commit()
    losses = [loss.code for loss in read_losses(story.scratch.path / ".git/byline")]
    assert losses == [LossCode.AMBIGUOUS] * is_shared
    for watch in watches:
        Context().run(watch.__exit__, None, None, None)

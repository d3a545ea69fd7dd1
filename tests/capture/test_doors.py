# SPDX-License-Identifier: Apache-2.0
"""Claude's saved session through both doors: the same journal, and the right one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

from byline.capture.contents import Contents
from byline.capture.journal import read_events
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.settle import settle_inbox
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import Edit
from claude_session import SESSION, SUBAGENT, ClaudeSession, knocking, saved_events, spooling
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from claude_session import Hook

CLAUDE = Agent(name="claude-code", version="2.1.197", model="claude-sonnet-4-5")


def journal_of(scratch: Scratch) -> list[Edit]:
    events = read_events(repository_dir(scratch.path / ".git")).events
    return [event for event in events if isinstance(event, Edit)]


def _live(scratch: Scratch, home: Path, hook: Hook) -> list[Edit]:
    session = ClaudeSession.start(scratch, home, hook)
    for event in saved_events():
        session.live(event)
    settle_inbox(inbox_dir(os.environ))
    return journal_of(scratch)


def _bare(edit: Edit, scratch: Scratch) -> Edit:
    """Return the edit without what differs from run to run: where, when, and the spooled file's name."""
    return replace(edit, worktree=edit.worktree.replace(str(scratch.path), "/repo"), time=0, name="", head=None)


def test_both_doors_write_the_same_journal(tmp_path: Path, home: Path) -> None:
    through_shell, through_door = Scratch.create(tmp_path / "a"), Scratch.create(tmp_path / "b")
    spooled = _live(through_shell, home, spooling(tmp_path))
    subprocess.run(["rm", "-rf", str(home / ".claude")], check=True, timeout=60)
    taken = _live(through_door, home, knocking)
    assert [_bare(edit, through_shell) for edit in spooled] == [_bare(edit, through_door) for edit in taken]
    assert len(taken) == 8


def test_the_journal_tells_the_session(repository: Scratch, home: Path) -> None:
    """Denied, failed and read-only calls leave no edit; every edit's bytes are those on disk, each before is the last after."""
    edits = _live(repository, home, knocking)
    assert [(edit.path, edit.session) for edit in edits] == [
        (b"app.py", SESSION),
        (b"app.py", SESSION),
        (b"human.py", SESSION),
        (b"app.py", SESSION),
        (b"human.py", SESSION),
        (b"p1.py", SESSION),
        (b"p2.py", SESSION),
        (b"sub.py", f"{SESSION}/{SUBAGENT}"),
    ]
    assert {edit.evidence for edit in edits} == {Evidence.OBSERVED}
    assert {edit.channel for edit in edits} == {Channel.HOOK}
    assert {edit.head for edit in edits} == {repository.git("rev-parse", "HEAD")}
    models = {edit.by for edit in edits}
    assert models == {CLAUDE, replace(CLAUDE, model=None)}  # the saved transcript ends before the later calls
    assert edits[0].by == edits[7].by == CLAUDE
    for path in (b"app.py", b"human.py"):
        chain = [edit for edit in edits if edit.path == path]
        assert [edit.before for edit in chain[1:]] == [edit.after for edit in chain[:-1]]
        assert chain[-1].after == repository.git("hash-object", path.decode())
    contents = Contents(repository_dir(repository.path / ".git"))
    assert contents.get(str(edits[4].after)) == b"x = 2\ny = 2\nz = 3\n"
    assert read_losses(inbox_dir(os.environ)) == read_losses(repository_dir(repository.path / ".git")) == ()
    assert [name.name for name in inbox_dir(os.environ).iterdir()] == ["lock"]

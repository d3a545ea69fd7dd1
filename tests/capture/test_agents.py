# SPDX-License-Identifier: Apache-2.0
"""Each agent's saved run through both doors: the same journal, and the right one."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.journal import read_events
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.settle import settle_inbox
from byline.core.edit import Edit
from byline.core.lines import blob_id
from saved_run import SavedRun, knocking, spooling
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from saved_run import Hook

ADD, SUM = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    # sum\n    return a + b\n"
HUMAN = "x = 1\ny = 2\n"

RUNS = (
    SavedRun(
        agent="codex",
        payloads="codex",
        starts={"human.py": HUMAN},
        writes={
            4: {"app.py": ADD},
            6: {"app.py": SUM, "human.py": "x = 2\ny = 2\n"},
            8: {"app.py": SUM.replace("sum", "total"), "human.py": "x = 2\ny = 2\nz = 3\n"},
            10: {"heredoc.py": "h = 1\n"},
        },
        edits=(
            ("app.py", None, ADD),
            ("app.py", ADD, SUM),
            ("human.py", HUMAN, "x = 2\ny = 2\n"),
            ("app.py", SUM, SUM.replace("sum", "total")),
            ("human.py", "x = 2\ny = 2\n", "x = 2\ny = 2\nz = 3\n"),
            ("heredoc.py", None, "h = 1\n"),
        ),
    ),
)


def _live(run: SavedRun, scratch: Scratch, home: Path, hook: Hook) -> list[Edit]:
    run.live(scratch, home, hook)
    settle_inbox(inbox_dir(os.environ))
    events = read_events(repository_dir(scratch.path / ".git")).events
    return [event for event in events if isinstance(event, Edit)]


def _blob(text: str | None) -> str | None:
    return None if text is None else blob_id(text.encode(), "sha1")


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_the_journal_tells_the_run(run: SavedRun, repository: Scratch, home: Path) -> None:
    """Denied, failed and read-only calls leave no edit; every payload is settled, and nothing is lost."""
    edits = _live(run, repository, home, knocking)
    told = [(edit.path.decode(), edit.before, edit.after) for edit in edits]
    assert told == [(path, _blob(before), _blob(after)) for path, before, after in run.edits]
    assert {(edit.by.name, edit.by.model is None) for edit in edits if edit.by} == {(run.agent, False)}
    assert read_losses(inbox_dir(os.environ)) == read_losses(repository_dir(repository.path / ".git")) == ()
    assert [each.name for each in inbox_dir(os.environ).glob("*.spool")] == []


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_both_doors_write_the_same_journal(run: SavedRun, tmp_path: Path, home: Path) -> None:
    through_shell, through_door = Scratch.create(tmp_path / "a"), Scratch.create(tmp_path / "b")
    spooled, taken = _live(run, through_shell, home, spooling(tmp_path)), _live(run, through_door, home, knocking)
    assert [replace(edit, worktree="", time=0, name="", head=None) for edit in spooled] == [
        replace(edit, worktree="", time=0, name="", head=None) for edit in taken
    ]


@pytest.mark.parametrize("name", AGENTS)
def test_an_adapter_is_found_by_its_name(name: str) -> None:
    adapter = find_adapter(name)
    assert adapter.name == name
    assert adapter.title
    assert adapter.exact
    assert adapter.lost

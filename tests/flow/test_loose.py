# SPDX-License-Identifier: Apache-2.0
"""Sessions in a folder without git: nothing is lost, and it is the repository's once there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import byline
from byline.capture import loose, scans
from byline.capture.clone import settle_repository
from byline.capture.contents import Contents
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, loose_dir, repository_dir
from byline.core.edit import Edit
from byline.flow import recording
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "plain"
    made.mkdir()
    return made


def _settled(repository: Scratch) -> list[Edit]:
    place = repository_dir(repository.path / ".git")
    settle_repository(place, inbox_dir(os.environ))
    return [event for event in read_events(place).events if isinstance(event, Edit)]


def test_edits_without_git_are_kept_and_can_be_read(folder: Path) -> None:
    with byline.session(agent="a", root=folder) as session:
        session.write("src/a.py", "x = 1\n")
        session.edit("src/a.py", "1", "2")
        session.write(folder.parent / "elsewhere.txt", "not below the root\n")
        with session.watch(call_id="c1") as watch:
            (folder / "made.txt").write_text("made\n")
            (folder / "src/a.py").unlink()
    assert [(edit.path, edit.call) for edit in session.records] == [
        (b"src/a.py", None), (b"src/a.py", None), (b"made.txt", "c1"), (b"src/a.py", "c1"),
    ]  # fmt: skip
    assert len(watch.records) == 2
    assert not session.incomplete
    assert sorted(path.name for path in folder.iterdir()) == ["made.txt", "src"]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_repository_made_there_takes_them(folder: Path, algorithm: str) -> None:
    with byline.session(agent="a", root=folder) as session:
        session.write("a.py", "x = 1\n")
        session.edit("a.py", "1", "2")
        with session.watch():
            (folder / "b.py").write_text("b\n")
    repository = Scratch.create(folder, f"--object-format={algorithm}")
    session.write("c.py", "c\n")
    first, second, watched, last = _settled(repository)
    assert [edit.path for edit in (first, second, watched, last)] == [b"a.py", b"a.py", b"b.py", b"c.py"]
    assert first.after == second.before
    assert second.after == repository.git("hash-object", "a.py")
    assert Contents(repository_dir(folder / ".git"), algorithm).get(str(first.after)) == b"x = 1\n"
    assert {edit.worktree for edit in (first, second, watched, last)} == {str(folder / ".git")}
    assert _settled(repository) == [first, second, watched, last]
    assert list(session.records) == [first, second, watched, last]


def test_blame_has_what_was_recorded_before_there_was_a_repository(folder: Path) -> None:
    with byline.session(agent="a", model="m-1", root=folder) as session:
        session.write("src/a.py", "x = 1\n")
    Scratch.create(folder)
    command = [sys.executable, "-m", "byline_cli", "blame", "src/a.py"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "a · m-1" in said


def test_a_repository_above_or_below_takes_its_part(folder: Path) -> None:
    with byline.session(agent="a", root=folder) as session:
        session.write("one/a.py", "a\n")
        session.write("two/b.py", "b\n")
    below = Scratch.create(folder / "one")
    assert [edit.path for edit in _settled(below)] == [b"a.py"]
    above = Scratch.create(folder.parent)
    assert [edit.path for edit in _settled(above)] == [b"plain/two/b.py"]


def test_the_home_folder_is_watched_without_bylines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".venv").mkdir()
    Scratch.create(tmp_path / "clone")
    session = byline.session(agent="a", root=tmp_path)
    with session.watch() as watch:
        for name in ("x", ".venv/y", "clone/z"):
            (tmp_path / name).write_text("x")
    assert [edit.path for edit in watch.records] == [b"x"]
    monkeypatch.setattr(scans, "MOST_FILES", 1)
    (tmp_path / "y").write_text("y")
    assert not session.incomplete
    with session.watch() as watch:
        (tmp_path / "y").write_text("z")
    assert watch.records == ()
    assert session.incomplete


def test_folders_that_are_gone_go_and_only_so_many_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loose, "MOST", 3)
    for number in range(5):
        (tmp_path / f"f{number}").mkdir()
        byline.session(agent="a", root=tmp_path / f"f{number}").write("a", "x")
    assert len([*loose_dir(os.environ).iterdir()]) == 3
    shutil.rmtree(tmp_path / "f4")
    (tmp_path / "f5").mkdir()
    byline.session(agent="a", root=tmp_path / "f5").write("a", "x")
    tops = {(each / "top").read_text() for each in loose_dir(os.environ).iterdir()}
    assert str(tmp_path / "f5") in tops
    assert str(tmp_path / "f4") not in tops


def test_a_folder_without_room_loses_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loose, "MAX_BYTES", 1000)
    monkeypatch.setattr(recording, "MEASURED", 1)
    with byline.session(agent="a", root=folder) as session:
        session.write("a", "x" * 1000)
        assert not session.incomplete
        session.write("b", "y")
    assert session.incomplete
    assert (folder / "b").read_text() == "y"
    assert LossCode.OVERSIZED in [each.code for each in read_losses(inbox_dir(os.environ))]

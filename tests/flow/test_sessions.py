# SPDX-License-Identifier: Apache-2.0
"""`byline.session`: what an agent's own program records."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import byline
from byline.capture.contents import Contents
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import Edit

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch


def _edits(scratch: Scratch) -> list[Edit]:
    return [event for event in read_events(repository_dir(scratch.path / ".git")).events if isinstance(event, Edit)]


def test_writes_and_edits_are_attested(repository: Scratch) -> None:
    with byline.session(agent="reviewer", model="example/model-1", root=repository.path) as session:
        session.write("src/a.py", "x = 1\n", call_id="c1")
        session.edit("src/a.py", "1", "2")
    first, second = _edits(repository)
    assert (repository.path / "src" / "a.py").read_bytes() == b"x = 2\n"
    assert (first.path, first.before, first.after) == (b"src/a.py", None, second.before)
    assert second.after == repository.git("hash-object", "src/a.py")
    assert (first.evidence, first.channel, first.call, first.session) == (Evidence.ATTESTED, Channel.SDK, "c1", session.id)
    assert (first.by, first.seq, second.seq) == (Agent(name="reviewer", model="example/model-1"), 1, 2)
    assert Contents(repository_dir(repository.path / ".git")).get(str(second.after)) == b"x = 2\n"
    assert not session.incomplete


def test_a_session_says_for_whom_it_acts(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    with byline.session(agent="a", root=repository.path, on_behalf_of="s-ci") as session:
        session.write("a.py", "x\n")
    monkeypatch.setenv("BYLINE_ON_BEHALF_OF", "p-ana")
    with byline.session(agent="a", root=repository.path) as session:
        session.write("a.py", "y\n")
    assert [edit.on_behalf_of for edit in _edits(repository)] == ["s-ci", "p-ana"]


@pytest.mark.parametrize("name", ["", "ana", "a-bot", "p-", "p-a b", "p-\u00e9", "p-" + "x" * 70])
def test_nobody_acts_for_an_agent_or_for_no_principal(name: str) -> None:
    with pytest.raises(ValueError, match="on_behalf_of"):
        byline.session(agent="a", on_behalf_of=name)


@pytest.mark.parametrize("old", ["nothing", "x", ""])
def test_edit_wants_the_old_text_exactly_once(repository: Scratch, old: str) -> None:
    file = repository.write("a.py", "x\nx\n")
    with byline.session(agent="a", root=repository.path) as session, pytest.raises(ValueError, match="times"):
        session.edit("a.py", old, "y")
    assert file.read_text() == "x\nx\n"
    assert _edits(repository) == []


def test_trouble_with_the_record_is_a_loss_and_never_the_agents(repository: Scratch) -> None:
    (repository.path / ".git" / "byline").write_text("a file where the folder should be")
    with byline.session(agent="a", root=repository.path) as session:
        session.write("a.py", "x\n")
    assert (repository.path / "a.py").read_text() == "x\n"
    assert session.incomplete
    assert [loss.code for loss in read_losses(inbox_dir(os.environ))] == [LossCode.FAILED]


def test_an_error_of_the_file_is_raised_and_leaves_nothing(repository: Scratch) -> None:
    repository.write("folder/a", "")
    with byline.session(agent="a", root=repository.path) as session, pytest.raises(OSError, match="folder"):
        session.write("folder", "x")
    assert sorted(path.name for path in repository.path.iterdir()) == [".git", "folder"]


def test_outside_a_repository_and_ignored_files_are_written_and_not_recorded(repository: Scratch, tmp_path: Path) -> None:
    repository.write(".gitignore", ".env\n")
    with byline.session(agent="a", root=repository.path) as session:
        session.write(tmp_path / "elsewhere.txt", "x")
        session.write(".env", "secret")
        session.write("same.txt", "x")
        session.write("same.txt", "x")
    assert [edit.path for edit in _edits(repository)] == [b"same.txt"]
    assert not session.incomplete


def test_mode_and_links_are_kept(repository: Scratch) -> None:
    script = repository.write("run.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    (repository.path / "link").symlink_to("run.sh")
    with byline.session(agent="a", root=repository.path) as session:
        session.write("link", b"#!/bin/sh\necho \xff\n")
    assert script.stat().st_mode & 0o777 == 0o755
    assert (repository.path / "link").is_symlink()
    assert [edit.path for edit in _edits(repository)] == [b"run.sh"]


def test_threads_and_tasks_share_a_session(repository: Scratch) -> None:
    with byline.session(agent="a", root=repository.path) as session:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: session.write(f"{number}.txt", str(number)), range(20)))

        async def work() -> None:
            await asyncio.gather(*(asyncio.to_thread(session.write, f"{number}.txt", str(number)) for number in range(20, 30)))

        asyncio.run(work())
    edits = _edits(repository)
    assert [edit.seq for edit in edits] == list(range(1, 31))
    assert sorted(edit.path for edit in edits) == sorted(b"%d.txt" % number for number in range(30))


def test_a_session_needs_an_agent() -> None:
    with pytest.raises(ValueError, match="name"):
        byline.session(agent="\n")

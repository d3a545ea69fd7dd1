# SPDX-License-Identifier: Apache-2.0
"""Files that a session changes: several sessions at once, what is no file, and sessions that go to another process."""

from __future__ import annotations

import multiprocessing
import os
import stat
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import byline
from byline.capture.clock import now_ns
from byline.flow import recording
from byline.flow.files import held
from byline.testing import blame

if TYPE_CHECKING:
    from collections.abc import Callable

    from scratch import Scratch

EDITS = 60


def _edit(session: byline.Session, first: int) -> str:
    for number in range(first, EDITS, 4):
        session.edit("a.py", f"line {number};", f"line {number} by {session.agent.name};")
    return session.id


def test_sessions_at_once_overwrite_nothing_of_each_other(repository: Scratch) -> None:
    """Those of two threads, and of two processes that they were given to: a pool that does not fork has no context."""
    repository.write("a.py", "".join(f"line {number};\n" for number in range(EDITS)))
    sessions = [byline.session(agent=f"agent-{number}", root=repository.path) for number in range(4)]
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        done = [(threads, processes)[number % 2].submit(_edit, session, number) for number, session in enumerate(sessions)]
        assert [each.result(timeout=60) for each in done] == [session.id for session in sessions]
    expected = "".join(f"line {number} by agent-{number % 4};\n" for number in range(EDITS))
    assert (repository.path / "a.py").read_text() == expected
    edits = sorted((edit for session in sessions for edit in session.records), key=lambda edit: edit.time)
    assert len(edits) == EDITS
    assert [edit.before for edit in edits[1:]] == [edit.after for edit in edits[:-1]]


def test_a_write_inside_a_write_waits_for_nobody(repository: Scratch) -> None:
    """As in the handler of a signal."""
    session = byline.session(agent="a", root=repository.path)
    with session.recorder.lock, held(repository.path / "a.py"):
        session.write("a.py", "x\n")
    assert [edit.path for edit in session.records] == [b"a.py"]


@pytest.mark.parametrize(
    "change",
    [lambda session: session.write("pipe", "x"), lambda session: session.edit("pipe", "x", "y"), lambda session: session.delete("pipe")],
)
def test_what_is_no_file_is_left_alone(repository: Scratch, change: Callable[[byline.Session], None]) -> None:
    """Nobody waits for the other end of a pipe, and a device is not replaced by a file."""
    os.mkfifo(repository.path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        change(byline.session(agent="a", root=repository.path))
    assert stat.S_ISFIFO((repository.path / "pipe").stat().st_mode)


def test_edits_are_in_order_where_the_clock_goes_back(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other sessions, too: out of order the first line would be nobody's."""
    started = now_ns()
    for hour, (old, new) in enumerate([("", "one = 1\ntwo = 1\n"), ("two = 1", "two = 2"), ("two = 2", "three = 3")]):
        monkeypatch.setattr(recording, "now_ns", lambda hour=hour: started - hour * 3600 * 10**9)
        session = byline.session(agent=f"agent-{hour}", root=repository.path)
        session.edit("a.py", old, new) if old else session.write("a.py", new)
    assert [line.agent for line in blame(repository.path / "a.py")] == ["agent-0", "agent-2"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_file_that_is_not_to_be_written_is_not(repository: Scratch) -> None:
    repository.write("a.py", "x\n")
    (repository.path / "a.py").chmod(0o444)
    with pytest.raises(PermissionError):
        byline.session(agent="a", root=repository.path).write("a.py", "y\n")
    assert (repository.path / "a.py").read_text() == "x\n"


def test_a_file_that_is_moved_to_where_it_is_stays(repository: Scratch) -> None:
    session = byline.session(agent="a", root=repository.path)
    session.write("a.py", "x\n")
    os.link(repository.path / "a.py", repository.path / "same.py")
    session.move("a.py", "a.py")
    session.move("a.py", "same.py")  # the system leaves both
    assert [(edit.path, edit.after is None) for edit in session.records] == [(b"a.py", False)]

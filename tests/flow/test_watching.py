# SPDX-License-Identifier: Apache-2.0
"""`session.watch` and `session.tool`: what changes while something runs is the agent's, and nothing else is."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import byline
from byline.capture.agents import Kind, Observed
from byline.capture.agents.program import format_payload, parse_payload
from byline.capture.disk import MAX_READ
from byline.capture.inbox import list_arrivals
from byline.capture.journal import read_recent
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import Edit
from byline.errors import MalformedError

if TYPE_CHECKING:
    from scratch import Scratch


def _told(edits: tuple[Edit, ...]) -> list[tuple[bytes, str | None]]:
    return [(edit.path, edit.call) for edit in edits]


def _sh(repository: Scratch, command: str) -> None:
    subprocess.run(["sh", "-c", command], cwd=repository.path, check=True, timeout=60)


@pytest.fixture
def session(repository: Scratch) -> byline.Session:
    repository.write("a.py", "a\n")
    repository.write("sub/b.py", "b\n")
    repository.commit()
    return byline.session(agent="coder", model="m-1", root=repository.path, on_behalf_of="p-ana")


def test_what_a_command_changes_is_the_sessions(repository: Scratch, session: byline.Session) -> None:
    with session.watch(tool="bash", call_id="c1") as watch:
        _sh(repository, "echo more >> a.py; rm sub/b.py; echo new > c.py")
    edits = watch.records
    assert _told(edits) == [(b"a.py", "c1"), (b"c.py", "c1"), (b"sub/b.py", "c1")]
    assert {(edit.by, edit.evidence, edit.channel, edit.session, edit.tool, edit.on_behalf_of) for edit in edits} == {
        (Agent(name="coder", model="m-1"), Evidence.OBSERVED, Channel.SDK, session.id, "bash", "p-ana")
    }
    assert watch.records == edits == session.records
    assert not session.incomplete
    assert list_arrivals(inbox_dir(os.environ)) == ()


def test_a_change_between_two_watches_is_nobodys(repository: Scratch, session: byline.Session) -> None:
    for number in (1, 2):
        with session.watch(call_id=f"c{number}"):
            _sh(repository, f"echo agent{number} >> a.py")
        repository.write("a.py", (repository.path / "a.py").read_text() + f"typed{number}\n")
    first, second = session.records
    repository_bytes = [each.decode() for each in subprocess.check_output(
        ["git", "hash-object", "--stdin"], input=b"a\nagent1\ntyped1\n", cwd=repository.path, timeout=60
    ).split()]  # fmt: skip
    assert second.before == repository_bytes[0] != first.after


def test_a_watch_has_its_own_edits_however_many(repository: Scratch, session: byline.Session) -> None:
    """More than stand at the end of the journal, and none of another watch, whose scans are gone from the inbox as its own are."""
    watches = []
    for number in range(3):
        with session.watch(call_id=f"c{number}") as watch:
            for each in range(1000 if number == 0 else 1):
                repository.write(f"{number}/{'long' * 40}.{each}.py", f"{number}\n")
        assert len(watch.records) == (1000 if number == 0 else 1)
        watches.append(watch)
    assert [{edit.call for edit in watch.records} for watch in watches] == [{"c0"}, {"c1"}, {"c2"}]


def test_the_sessions_own_writes_in_a_watch_are_recorded_once(repository: Scratch, session: byline.Session) -> None:
    with session.watch(tool="both", call_id="c1") as watch:
        session.write("w.py", "w\n")
        _sh(repository, "echo more >> a.py")
    assert [(edit.path, edit.evidence, edit.call, edit.tool) for edit in session.records] == [
        (b"w.py", Evidence.ATTESTED, "c1", "both"),
        (b"a.py", Evidence.OBSERVED, "c1", "both"),
    ]
    assert _told(watch.records) == [(b"a.py", "c1")]


def test_a_named_file_is_the_calls_that_names_it_also_side_by_side(repository: Scratch, session: byline.Session) -> None:
    def work(number: int, ready: Barrier) -> None:
        with session.watch(call_id=f"c{number}", paths=[f"{number}.py"]):
            ready.wait(60)
            repository.write(f"{number}.py", f"{number}\n")
            ready.wait(60)

    ready = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4), [ready] * 4))
    assert sorted(_told(session.records)) == [(b"%d.py" % number, f"c{number}") for number in range(4)]
    assert {edit.evidence for edit in session.records} == {Evidence.ATTESTED}


def test_calls_of_one_session_side_by_side_share_what_both_saw(repository: Scratch, session: byline.Session) -> None:
    with session.watch(call_id="c1"):
        repository.write("1.py", "1\n")
        second = session.watch(call_id="c2")
        with ThreadPoolExecutor(1) as pool:  # a thread has no context: it is not inside the first one
            pool.submit(second.__enter__).result()
        repository.write("2.py", "2\n")
    repository.write("3.py", "3\n")
    second.__exit__(None, None, None)
    assert sorted(_told(session.records)) == [(b"1.py", "c1"), (b"2.py", "c1,c2"), (b"3.py", "c2")]
    assert {edit.session for edit in session.records} == {session.id}
    assert not session.incomplete


def test_two_agents_side_by_side_are_both_named(repository: Scratch, session: byline.Session) -> None:
    other = byline.session(agent="other", root=repository.path)
    with session.watch(call_id="c1") as mine:
        with ThreadPoolExecutor(1) as pool:
            theirs = pool.submit(other.watch(call_id="o1").__enter__).result()
        repository.write("x.py", "x\n")
    theirs.__exit__(None, None, None)
    (edit,) = {*mine.records, *theirs.records}
    assert (edit.by, edit.session, edit.call) == (Agent(name="coder or other"), None, "c1,o1")
    assert LossCode.AMBIGUOUS in [loss.code for loss in read_losses(repository_dir(repository.path / ".git"))]


def test_a_sub_agents_watch_inside_its_parents_call_has_its_own(repository: Scratch, session: byline.Session) -> None:
    with session, session.watch(tool="task", call_id="c1"):
        repository.write("parent.py", "p\n")
        with byline.session(agent="tester") as child, child.watch(call_id="t1"):
            _sh(repository, "echo x > child.py")
    assert _told(session.records) == [(b"parent.py", "c1")]
    assert _told(child.records) == [(b"child.py", "t1")]
    assert child.id.startswith(f"{session.id}/")
    assert not child.incomplete


def test_a_path_alone_is_one_path(repository: Scratch, session: byline.Session) -> None:
    with session.watch(paths="a.py") as watch:
        repository.write("a.py", "agent\n")
        repository.write("p", "typed meanwhile\n")
    assert [edit.path for edit in watch.records] == [b"a.py"]


def test_a_file_that_cannot_be_read_did_not_go_away(repository: Scratch, session: byline.Session) -> None:
    with session.watch(paths=["a.py"]) as watch, (repository.path / "a.py").open("ab") as file:
        file.truncate(MAX_READ + 1)
    assert watch.records == ()
    assert LossCode.OVERSIZED in [loss.code for loss in read_losses(inbox_dir(os.environ))]


def test_what_git_ignores_or_nobody_changed_is_no_loss_where_it_cannot_be_read(repository: Scratch, session: byline.Session) -> None:
    repository.write(".gitignore", "out\n")
    with (repository.path / "a.bin").open("wb") as file:
        file.truncate(MAX_READ + 1)
    with session.watch(paths=["a.bin", "out"]) as watch:
        (repository.path / "out").mkdir()
        with (repository.path / "out/b.bin").open("wb") as file:
            file.truncate(MAX_READ + 1)
    assert (watch.records, session.incomplete) == ((), False)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_the_tools_to_refuse(repository: Scratch, session: byline.Session, name: str) -> None:
    with session.watch(paths=[name, "a.py"]) as watch:
        repository.write("a.py", "agent\n")
    assert ([edit.path for edit in watch.records], session.incomplete) == ([b"a.py"], False)


def test_a_folder_alone_is_watched(repository: Scratch, session: byline.Session) -> None:
    with session.watch(paths=["sub", "fresh"]) as watch:
        repository.write("a.py", "typed meanwhile\n")
        repository.write("sub/b.py", "agent\n")
        repository.write("fresh/one.py", "1\n")
    assert [edit.path for edit in watch.records] == [b"fresh/one.py", b"sub/b.py"]


def test_a_process_that_is_forked_in_a_watch_does_not_end_it(repository: Scratch, session: byline.Session) -> None:
    code = """
import os, sys, byline
with byline.session(agent="forks").watch(call_id="c1"):
    pid = os.fork()
    open("child.txt" if not pid else "parent.txt", "w").write("x")
    if pid:
        os.waitpid(pid, 0)
"""
    subprocess.run([sys.executable, "-c", code], cwd=repository.path, check=True, timeout=60)
    assert session.records == ()
    place = repository_dir(repository.path / ".git")
    assert [(edit.path, edit.call) for edit in read_recent(place) if isinstance(edit, Edit)] == [
        (b"child.txt", "c1"),
        (b"parent.txt", "c1"),
    ]
    assert read_losses(place) == read_losses(inbox_dir(os.environ)) == ()


def test_a_block_that_raises_has_changed_what_it_changed(repository: Scratch, session: byline.Session) -> None:
    @session.tool
    def fails() -> None:
        repository.write("a.py", "half\n")
        raise RuntimeError("tool")

    with pytest.raises(RuntimeError, match="tool"), session.watch(call_id="c1"):
        fails()
    assert _told(session.records) == [(b"a.py", "c1")]


def test_trouble_with_a_watch_is_a_loss(repository: Scratch, session: byline.Session) -> None:
    (repository.path / ".git" / "byline").write_text("a file where the folder should be")
    with session.watch() as watch:
        repository.write("a.py", "x\n")
    assert watch.records == ()
    assert session.incomplete
    assert session.records == ()


def test_a_program_that_was_killed_in_a_watch_spoils_nobody_elses(repository: Scratch, session: byline.Session) -> None:
    code = "import byline, os; byline.session(agent='dead').watch().__enter__(); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repository.path, check=False, timeout=60).returncode == -9
    assert session.backlog == 1
    with session.watch(call_id="c1") as watch:
        repository.write("a.py", "x\n")
    assert session.backlog == 3
    assert [(edit.by, edit.call) for edit in watch.records] == [(Agent(name="coder", model="m-1"), "c1")]
    assert not session.incomplete
    assert session.backlog == 0  # what it had begun is closed, for nobody is left to end it


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_task_that_is_cancelled_leaves_no_watch_open(repository: Scratch, session: byline.Session, turns: int) -> None:
    async def work() -> None:
        async with session.watch(call_id="c1"):
            await asyncio.to_thread(repository.write, "a.py", "half\n")
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(60)
    edits = session.records
    assert session.backlog == 0
    assert {edit.call for edit in edits} <= {"c1"}
    assert not session.incomplete


def test_tools_are_watched_sync_and_async(repository: Scratch, session: byline.Session) -> None:
    @session.tool
    def shell(command: str) -> int:
        _sh(repository, command)
        return 7

    @byline.tool(paths="path", call_id="call")
    async def put(path: str, text: str, call: str | None = None) -> str:
        await asyncio.to_thread(repository.write, path, text)
        return f"{call}: {text}"

    async def work() -> list[str]:
        async with session:
            return await asyncio.gather(*(put(f"{number}.py", "x\n", call=f"p{number}") for number in range(3)))

    assert shell("echo more >> a.py") == 7
    assert asyncio.run(work()) == ["p0: x\n", "p1: x\n", "p2: x\n"]
    assert sorted((edit.path, edit.call, edit.tool) for edit in session.records) == [
        (b"0.py", "p0", "put"), (b"1.py", "p1", "put"), (b"2.py", "p2", "put"), (b"a.py", None, "shell"),
    ]  # fmt: skip
    assert asyncio.run(put("outside.py", "x\n")) == "None: x\n"
    assert len(session.records) == 4


def test_a_tool_is_described_by_its_arguments(session: byline.Session) -> None:
    with pytest.raises(TypeError, match="no argument nothing"):
        session.tool(paths="nothing")(lambda path: path)
    with pytest.raises(TypeError, match="generator"):

        @session.tool
        def stream() -> object:
            yield 1

    @session.tool(paths=["one", "more"], name="named")
    def several(one: Path, more: list[str], *, fails: bool = False) -> None:
        for path in [one, *more]:
            (session.root / path).write_text("x\n")
        assert not fails

    several(Path("1"), ["2", "3"])
    assert [(edit.path, edit.tool) for edit in session.records] == [(b"1", "named"), (b"2", "named"), (b"3", "named")]
    with pytest.raises(TypeError, match="argument"):
        several()  # type: ignore[call-arg]  # the tool's own complaint comes through
    assert session.incomplete


def test_a_payload_says_what_was_seen() -> None:
    said = Observed(
        kind=Kind.CLOSES, agent=Agent(name="a", version="1", model="m"), session="s", call=None, tool="t",
        channel=Channel.PROXY, window="1.a", inside=("2.b",),
    )  # fmt: skip
    assert parse_payload(format_payload(said), {}) == said


@given(st.binary() | st.binary().map(lambda data: b'{"schema":"byline.watch/1","when":"before","x":' + data + b"}"))
def test_any_bytes_are_a_payload_or_malformed(data: bytes) -> None:
    try:
        parse_payload(data, {})
    except MalformedError:
        return

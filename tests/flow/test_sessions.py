# SPDX-License-Identifier: Apache-2.0
"""`byline.session`: what an agent's own program records."""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing
import os
import re
import subprocess
import sys
import threading
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
from byline.flow import recording

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


def test_a_session_inside_another_is_a_sub_agents(repository: Scratch) -> None:
    with byline.session(agent="planner", model="m-1", version="2", root=repository.path) as parent:
        with byline.session() as same, byline.session(agent="coder", model="m-2") as other:
            assert byline.current() is other
            other.write("a.py", "x\n")
        assert byline.current() is parent
    assert byline.current() is None
    assert (same.agent, other.agent) == (Agent(name="planner", version="2", model="m-1"), Agent(name="coder", model="m-2"))
    assert same.id.startswith(f"{parent.id}/")
    assert other.id.startswith(f"{same.id}/")
    assert [(edit.path, edit.session) for edit in _edits(repository)] == [(b"a.py", other.id)]
    assert parent.child(agent="x", session_id="mine").id == "mine"


def test_the_current_session_follows_tasks_threads_of_the_loop_and_copied_contexts(repository: Scratch) -> None:
    async def work() -> list[byline.Session | None]:
        async with byline.session(agent="a", root=repository.path) as session:
            pool = ThreadPoolExecutor(1)
            context = contextvars.copy_context()
            inside = await asyncio.gather(
                asyncio.create_task(asyncio.to_thread(byline.current)),
                asyncio.get_running_loop().run_in_executor(pool, context.run, byline.current),
                asyncio.get_running_loop().run_in_executor(pool, byline.current),
            )
            pool.shutdown()
            return [*inside, session]

    task, copied, plain, session = asyncio.run(work())
    assert task is copied is session
    assert plain is None


def test_a_session_can_be_entered_twice_and_left_anywhere(repository: Scratch) -> None:
    session = byline.session(agent="a", root=repository.path)
    with session, session:
        pass
    contextvars.copy_context().run(session.__enter__)
    session.__exit__(None, None, None)
    assert byline.current() is None


def test_a_process_that_a_session_starts_goes_on_with_it(repository: Scratch) -> None:
    code = "import byline, sys; s = byline.session(agent=sys.argv[2] or None); [s.write(sys.argv[1], x) for x in 'xy']; print(s.id)"
    session = byline.session(agent="a", model="m-1", root=repository.path)
    session.write("mine.py", "x\n")

    def run(name: str, agent: str) -> str:
        command = [sys.executable, "-c", code, name, agent]
        return subprocess.check_output(command, env=session.environ(), cwd=repository.path, text=True, timeout=60).strip()

    assert (run("1.py", ""), run("2.py", "a")) == (session.id, session.id)
    assert run("3.py", "other").startswith(f"{session.id}/")
    assert [edit.path for edit in session.records] == [b"mine.py", b"1.py", b"1.py", b"2.py", b"2.py"]
    assert {edit.by for edit in session.records} == {Agent(name="a", model="m-1")}
    assert len({edit.name for edit in _edits(repository)}) == 7
    assert [edit.seq for edit in session.records] == [1, 1, 2, 1, 2]


def test_the_environment_names_an_agent(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYLINE_AGENT", "ci-fixer")
    monkeypatch.setenv("BYLINE_MODEL", "m-1")
    session = byline.session(root=repository.path)
    assert session.agent == Agent(name="ci-fixer", model="m-1")
    assert byline.session(agent="other").agent == Agent(name="other")
    assert "BYLINE_MODEL" not in byline.session(agent="other").environ()


def test_the_model_may_change_and_earlier_edits_keep_theirs(repository: Scratch) -> None:
    with byline.session(agent="a", model="m-1", root=repository.path) as session:
        session.write("a.py", "1\n")
        session.model = "m-2"
        session.write("a.py", "2\n")
    assert [edit.by for edit in session.records] == [Agent(name="a", model="m-1"), Agent(name="a", model="m-2")]


def test_files_are_deleted_and_moved(repository: Scratch) -> None:
    repository.write("old/a.py", "a\n")
    repository.write("old/b.py", "b\n")
    repository.write("target.py", "t\n")
    (repository.path / "link").symlink_to("target.py")
    with byline.session(agent="a", root=repository.path) as session:
        session.delete("link")
        session.move("old", "new")
        session.move("new/a.py", "target.py", call_id="c1")
        with pytest.raises(FileNotFoundError):
            session.delete("nothing")
        with pytest.raises(IsADirectoryError, match="new"):
            session.move("target.py", "new")
    assert (repository.path / "target.py").read_text() == "a\n"
    sides = [(edit.path, edit.before is not None, edit.after is not None, edit.call) for edit in session.records]
    assert sides == [
        (b"link", True, False, None),
        (b"old/a.py", True, False, None), (b"old/b.py", True, False, None),
        (b"new/a.py", False, True, None), (b"new/b.py", False, True, None),
        (b"new/a.py", True, False, "c1"), (b"target.py", True, True, "c1"),
    ]  # fmt: skip


def test_each_method_has_an_awaitable_form(repository: Scratch) -> None:
    async def work() -> None:
        async with byline.session(agent="a", root=repository.path) as session:
            await session.awrite("a.py", "x = 1\n", call_id="c1")
            await session.aedit("a.py", "1", "2")
            await session.amove("a.py", "b.py")
            await session.adelete("b.py")
            assert await session.arecord("c.py", before=None, after=b"x") is not None

    asyncio.run(work())
    assert [edit.path for edit in _edits(repository)] == [b"a.py", b"a.py", b"a.py", b"b.py", b"b.py", b"c.py"]


def test_what_the_framework_wrote_is_recorded_as_it_says(repository: Scratch) -> None:
    with byline.session(agent="a", root=repository.path) as session:
        edit = session.record("a.py", before=None, after=b"x\n", call_id="c1", tool="write_file")
        assert session.record("a.py", before=b"x\n", after=b"x\n") is None
        assert session.record("\0", before=None, after=b"x") is None
    assert edit is not None
    assert (edit.path, edit.call, edit.tool, edit.evidence) == (b"a.py", "c1", "write_file", Evidence.ATTESTED)
    assert session.records == (edit,)
    assert not (repository.path / "a.py").exists()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # a program with threads forks all the same
def test_a_forked_process_counts_for_itself(repository: Scratch) -> None:
    """Its records have names of their own, and a lock that another thread held when it was forked does not stop it."""
    session = byline.session(agent="a", root=repository.path)
    session.write("before.py", "x\n")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with session.recorder.lock:
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    child = multiprocessing.get_context("fork").Process(target=session.write, args=("child.py", "x\n"))
    child.start()
    child.join(60)
    done.set()
    thread.join()
    session.write("after.py", "x\n")
    assert child.exitcode == 0
    edits = {edit.path: edit for edit in _edits(repository)}
    assert [edits[path].seq for path in (b"before.py", b"child.py", b"after.py")] == [1, 1, 2]
    assert len({edit.name for edit in edits.values()}) == 3


def test_a_patch_is_applied_whole_or_not_at_all(repository: Scratch) -> None:
    repository.write("a.py", "one\ntwo\n")
    repository.write("old.py", "moved\n" * 5).chmod(0o755)
    begin = "*** Begin Patch\n*** Update File: a.py\n@@\n-two\n+2\n"
    with byline.session(agent="a", root=repository.path) as session:
        with pytest.raises(ValueError, match=r"hunk 1 does not fit 'old\.py'"):
            session.apply_patch(begin + "*** Update File: old.py\n-nothing\n+x\n*** End Patch\n")
        assert (repository.path / "a.py").read_text() == "one\ntwo\n"
        changed = session.apply_patch(
            begin + "*** Update File: a.py\n-one\n+1\n*** Update File: old.py\n*** Move to: new/name.py\n*** End Patch\n", call_id="c1"
        )
        session.apply_patch("diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100755\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-1\n+one\n")
        assert asyncio.run(session.aapply_patch("--- a/a.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-2\n")) == ("a.py",)
    assert changed == ("a.py", "old.py", "new/name.py")
    assert os.access(repository.path / "new/name.py", os.X_OK)
    assert sorted(path.name for path in repository.path.iterdir()) == [".git", "new"]
    assert [(edit.path, edit.before is None, edit.after is None) for edit in session.records] == [
        (b"old.py", False, True), (b"a.py", False, False), (b"new/name.py", True, False), (b"a.py", False, False), (b"a.py", False, True),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="already"):
        session.apply_patch("*** Begin Patch\n*** Add File: new/name.py\n+x\n*** End Patch\n")


def test_a_patch_makes_a_program(repository: Scratch) -> None:
    text = "diff --git a/run b/run\nnew file mode 100755\n--- /dev/null\n+++ b/run\n@@ -0,0 +1 @@\n+#!/bin/sh\n"
    byline.session(agent="a", root=repository.path).apply_patch(text)
    assert os.access(repository.path / "run", os.X_OK)


def test_a_server_that_forks_its_workers_loses_nothing(repository: Scratch) -> None:
    """A session made before the fork is shared by all workers; each record is whole and has a name of its own."""
    code = """
import os, threading
import byline
session = byline.session(agent="server")
workers = []
for worker in range(4):
    pid = os.fork()
    if not pid:
        threads = [threading.Thread(target=session.write, args=(f"{worker}/{n}.txt", "x")) for n in range(10)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        os._exit(session.incomplete)
    workers.append(pid)
assert not any(os.waitpid(pid, 0)[1] for pid in workers)
"""
    subprocess.run([sys.executable, "-c", code], cwd=repository.path, check=True, timeout=120)
    edits = _edits(repository)
    assert len(edits) == len({edit.name for edit in edits}) == len({edit.path for edit in edits}) == 40
    counted: dict[str, list[int]] = {}
    for edit in edits:
        counted.setdefault(edit.name.rpartition(".")[0], []).append(edit.seq)
    assert [sorted(seqs) for seqs in counted.values()] == [list(range(1, 11))] * 4


def test_what_is_written_when_the_interpreter_ends_is_recorded(repository: Scratch) -> None:
    code = "import atexit, byline; s = byline.session(agent='a'); atexit.register(s.write, 'last.txt', 'x'); s.write('first.txt', 'x')"
    subprocess.run([sys.executable, "-c", code], cwd=repository.path, check=True, timeout=60)
    assert [edit.path for edit in _edits(repository)] == [b"first.txt", b"last.txt"]


def test_a_disk_that_is_nearly_full_is_left_alone(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LEAST_FREE", 1 << 62)
    with byline.session(agent="a", root=repository.path) as session:
        session.write("a.py", "x\n")
        with session.watch():
            repository.write("b.py", "x\n")
    assert (repository.path / "a.py").read_text() == "x\n"
    assert session.incomplete
    assert _edits(repository) == []
    assert {loss.code for loss in read_losses(inbox_dir(os.environ))} == {LossCode.FAILED}


USE = """
import asyncio
from pathlib import Path

import byline


@byline.tool(paths="path", call_id="call_id")
async def put(path: str, text: str, call_id: str | None = None) -> int:
    return len(text)


async def main() -> None:
    async with byline.session(agent="coder", model="m", root=Path()) as session:
        await session.awrite("a.py", "x", call_id="c1", tool="write")
        changed: tuple[str, ...] = await session.aapply_patch("...")
        number: int = await put("a", "b")
        async with session.watch(tool="bash", paths=["src", Path("x")]) as watch:
            session.model = "n"
        print([each.path for each in watch.records], number, session.backlog, changed)
    if (current := byline.current()) is not None:
        current.child(agent="tester").write("b", b"b")
"""


@pytest.mark.slow
def test_a_users_program_is_checked_by_types(tmp_path: Path) -> None:
    def check(text: str) -> str:
        (tmp_path / "use.py").write_text(text)
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "use.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600).stdout

    assert "Success" in check(USE)
    wrong = check(USE + "    await session.awrite('a', 5)\n    put(1, 'a')\n")
    assert sorted(re.findall("(?<=error: ).*", wrong)) == [
        'Argument 1 to "put" has incompatible type "int"; expected "str"  [arg-type]',
        'Argument 2 has incompatible type "int"; expected "str | bytes"  [arg-type]',
        'Value of type "Coroutine[Any, Any, int]" must be used  [unused-coroutine]',
    ]

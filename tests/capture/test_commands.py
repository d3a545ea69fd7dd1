# SPDX-License-Identifier: Apache-2.0
"""Commands that name no file: their window, and whose the changes in it are. Through the installed shell, and through the door."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from byline.capture.clock import now_ns
from byline.capture.clone import settle_repository
from byline.capture.contents import Contents
from byline.capture.git_hooks import git_hook_stub
from byline.capture.inbox import list_arrivals
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, prepare_repository, repository_dir
from byline.capture.settle import WINDOW_NS, settle_inbox
from byline.core.attribution import Agent
from byline.core.edit import UNSEEN, Edit
from byline.core.lines import blob_id
from claude_session import SESSION, ClaudeSession, knocking, spooling
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["shell", "door"])
def session(request: pytest.FixtureRequest, repository: Scratch, home: Path, tmp_path: Path) -> ClaudeSession:
    return ClaudeSession.start(repository, home, knocking if request.param == "door" else spooling(tmp_path))


def edits_of(scratch: Scratch) -> list[Edit]:
    settle_inbox(inbox_dir(os.environ))
    return [event for event in read_events(repository_dir(scratch.path / ".git")).events if isinstance(event, Edit)]


def told(scratch: Scratch) -> list[tuple[bytes, object, object, str | None]]:
    """Return path, before, after (as bytes where they are kept) and the agent's name of each edit."""
    contents = Contents(repository_dir(scratch.path / ".git"))

    def text(blob: object) -> object:
        return contents.get(blob) if isinstance(blob, str) and blob != UNSEEN else blob

    return [
        (edit.path, text(edit.before), text(edit.after), edit.by.name if isinstance(edit.by, Agent) else None) for edit in edits_of(scratch)
    ]


def test_a_command_owns_what_changed_while_it_ran(session: ClaudeSession) -> None:
    scratch = session.scratch
    for name in ("keep", "change", "delete", "restore", "dirty"):
        scratch.write(name, f"{name}\n")
    scratch.commit()
    scratch.write("restore", "a person's\n")
    scratch.write("dirty", "dirty\na person's\n")
    scratch.write("untracked", "a person's\n")
    session.runs(
        "echo agent >>change; rm delete; git checkout -q restore; echo agent >>dirty; echo new >'n e\nw'; ln -s keep link", call="c"
    )
    assert told(scratch) == [
        (b"change", None, b"change\nagent\n", "claude-code"),  # its text before is HEAD's: not kept twice
        (b"delete", None, None, "claude-code"),
        (b"dirty", b"dirty\na person's\n", b"dirty\na person's\nagent\n", "claude-code"),
        (b"link", None, b"keep", "claude-code"),
        (b"n e\nw", None, b"new\n", "claude-code"),
        (b"restore", b"a person's\n", None, "claude-code"),
    ]
    by_path = {edit.path: edit for edit in edits_of(scratch)}
    assert by_path[b"change"].before == blob_id(b"change\n")
    assert (by_path[b"delete"].before, by_path[b"delete"].after) == (blob_id(b"delete\n"), None)
    assert by_path[b"restore"].after == blob_id(b"restore\n")
    assert {edit.call for edit in by_path.values()} == {"c"}


def test_a_staged_change_is_seen(session: ClaudeSession) -> None:
    session.runs("echo agent >>human.py; echo x >new; git add -A", call="c")
    assert [edit[0] for edit in told(session.scratch)] == [b"human.py", b"new"]


def test_a_scan_from_a_folder_covers_the_whole_work_tree(session: ClaudeSession) -> None:
    scratch = session.scratch
    scratch.write("folder/a", "")
    scratch.commit()
    inside = replace(session, scratch=Scratch(scratch.path / "folder"))
    inside.runs("echo x >a; echo y >../human.py; echo z >../top", call="c")
    assert [edit[0] for edit in told(scratch)] == [b"folder/a", b"human.py", b"top"]


def test_the_first_commit_is_still_to_come(tmp_path: Path, home: Path) -> None:
    scratch = Scratch.create(tmp_path / "unborn")
    scratch.write("staged", "a person's\n")
    scratch.git("add", "staged")
    for hook, call in ((spooling(tmp_path), "1"), (knocking, "2")):
        ClaudeSession(scratch, home, hook).runs(f"echo {call} >>staged", call=call)
    assert told(scratch) == [
        (b"staged", b"a person's\n", b"a person's\n1\n", "claude-code"),
        (b"staged", b"a person's\n1\n", b"a person's\n1\n2\n", "claude-code"),
    ]


def test_ignored_files_and_other_repositories_are_none_of_it(session: ClaudeSession, tmp_path: Path) -> None:
    session.scratch.write(".gitignore", "*.log\n")
    session.scratch.commit()
    session.runs(f"echo x >a.log; echo y >{tmp_path}/elsewhere; git init -q nested; echo z >nested/a", call="c")
    assert told(session.scratch) == []
    assert read_losses(inbox_dir(os.environ)) == ()


def test_a_commit_inside_the_window_is_not_taken_for_writing(session: ClaudeSession) -> None:
    session.scratch.write("a person's", "x\n")
    session.runs("git add -A; git commit -qm x; echo agent >>human.py", call="c")
    assert told(session.scratch) == [(b"human.py", UNSEEN, b"x = 1\ny = 2\nagent\n", "claude-code")]


def test_what_a_command_wrote_and_committed_is_its_own_before_the_commit_is_attested(session: ClaudeSession) -> None:
    """The mark is settled while the command's window is still open."""
    scratch = session.scratch
    place = prepare_repository(scratch.path / ".git")
    hook = scratch.path / ".git" / "hooks" / "post-commit"
    hook.write_text(git_hook_stub("post-commit", launcher="/nowhere"))
    hook.chmod(0o755)
    scratch.write("person", "mine\n")
    _tell(session, "PreToolUse", SESSION, call="c")
    script = "echo agent >>human.py; echo new >new; git add -A; git commit -qm x; echo more >>new; git commit -qa --amend -m y"
    subprocess.run(["sh", "-c", script], cwd=scratch.path, env={**os.environ, "CLAUDECODE": "1"}, check=True, timeout=60)
    os.utime(scratch.path / ".git" / "logs" / "HEAD", (0, 0))  # a hook may be slow to leave its mark
    assert settle_repository(place, inbox_dir(os.environ)).marks == 2
    _tell(session, "PostToolUse", SESSION, call="c")
    assert told(scratch) == [
        (b"human.py", None, b"x = 1\ny = 2\nagent\n", "claude-code"),
        (b"new", None, b"new\n", "claude-code"),
        (b"new", b"new\n", b"new\nmore\n", "claude-code"),
    ]
    events = read_events(place).events
    assert [type(event).__name__ for event in events] == ["Edit", "Edit", "Mark", "Edit", "Mark"]
    assert {event.head for event in events if isinstance(event, Edit)} == {scratch.git("rev-parse", "HEAD~")}  # on what, not in what


def test_what_two_runs_at_once_could_have_made_is_either_ones(session: ClaudeSession) -> None:
    """Each of the overlapping windows saw `both`; what only one saw is its own."""
    scratch = session.scratch
    _tell(session, "PreToolUse", "one")
    scratch.write("first", "1\n")
    _tell(session, "PreToolUse", "two")
    scratch.write("both", "?\n")
    _tell(session, "PostToolUse", "one")
    scratch.write("second", "2\n")
    _tell(session, "PostToolUse", "two")
    edits = {edit.path: edit for edit in edits_of(scratch)}
    assert edits[b"first"].session == "one"
    both = edits[b"both"]
    assert (both.by, both.session, both.call) == (edits[b"first"].by, None, "call-one,call-two")
    assert len(edits) == 3
    assert edits[b"second"].session == "two"
    assert LossCode.AMBIGUOUS in {loss.code for loss in read_losses(repository_dir(scratch.path / ".git"))}


def test_parallel_calls_of_one_session_are_that_sessions(session: ClaudeSession) -> None:
    _tell(session, "PreToolUse", SESSION, call="a")
    _tell(session, "PreToolUse", SESSION, call="b")
    session.scratch.write("file", "x\n")
    _tell(session, "PostToolUse", SESSION, call="a")
    _tell(session, "PostToolUse", SESSION, call="b")
    assert told(session.scratch) == [(b"file", None, b"x\n", "claude-code")]


def test_sub_agents_side_by_side_are_their_session(session: ClaudeSession) -> None:
    for event in ("PreToolUse", "PostToolUse"):
        for agent in ("x", "y"):
            told_by = {"tool_name": "Bash", "tool_use_id": agent, "agent_id": agent, "tool_input": {"command": "c"}, "tool_response": {}}
            session.tell(**told_by, hook_event_name=event)
        session.scratch.write("file", "x\n")
    (edit,) = edits_of(session.scratch)
    assert (edit.session, edit.call, edit.by is None) == (SESSION, "x,y", False)


def test_a_write_inside_a_window_is_its_own_call(session: ClaudeSession) -> None:
    _tell(session, "PreToolUse", SESSION, call="bash")
    session.writes(session.scratch.path / "a", "x\n", call="write")
    (session.scratch.path / "a").write_text("x\ny\n")
    _tell(session, "PostToolUse", SESSION, call="bash")
    assert [(edit.call, edit.after) for edit in edits_of(session.scratch)] == [("write", blob_id(b"x\n")), ("bash", blob_id(b"x\ny\n"))]


def test_a_command_that_failed_ends_when_the_agent_rests(session: ClaudeSession) -> None:
    _tell(session, "PreToolUse", SESSION, call="failed")
    session.scratch.write("half", "x\n")
    assert edits_of(session.scratch) == []
    assert len(list_arrivals(inbox_dir(os.environ))) == 1
    session.tell(hook_event_name="Stop")
    assert [(edit.path, edit.call) for edit in edits_of(session.scratch)] == [(b"half", "failed")]
    assert list_arrivals(inbox_dir(os.environ)) == ()


def test_a_command_in_the_background_ends_when_the_agent_rests(session: ClaudeSession) -> None:
    session.runs("true", call="bg", tool_input={"command": "server", "run_in_background": True})
    session.scratch.write("late", "x\n")
    session.tell(hook_event_name="Stop")
    assert [edit.path for edit in edits_of(session.scratch)] == [b"late"]


def test_a_window_without_end_expires_as_a_loss(session: ClaudeSession) -> None:
    _tell(session, "PreToolUse", SESSION, call="lost")
    settle_inbox(inbox_dir(os.environ), now=now_ns() + 2 * WINDOW_NS)
    assert list_arrivals(inbox_dir(os.environ)) == ()
    assert read_losses(inbox_dir(os.environ)) == ()  # other repositories have nothing to do with it
    assert [loss.code for loss in read_losses(repository_dir(session.scratch.path / ".git"))] == [LossCode.UNENDED]


def test_an_end_without_beginning_is_a_loss(session: ClaudeSession) -> None:
    _tell(session, "PostToolUse", SESSION, call="late")
    assert told(session.scratch) == []
    assert [loss.code for loss in read_losses(inbox_dir(os.environ))] == [LossCode.UNENDED]


def test_a_notebook_window_sees_the_notebook_only(session: ClaudeSession) -> None:
    notebook = {"tool_name": "NotebookEdit", "tool_use_id": "n", "tool_input": {"notebook_path": str(session.scratch.path / "nb.ipynb")}}
    session.tell(**notebook, hook_event_name="PreToolUse")
    session.scratch.write("nb.ipynb", "{}")
    session.scratch.write("person", "x")
    session.tell(**notebook, tool_response={})
    assert told(session.scratch) == [(b"nb.ipynb", None, b"{}", "claude-code")]


def test_a_file_too_large_to_read_is_named_by_its_id(session: ClaudeSession) -> None:
    big = session.scratch.write("big", b"x" * 6_000_000)
    session.runs("echo y >>big; echo z >small", call="c")
    edits = {edit.path: edit for edit in edits_of(session.scratch)}
    assert (edits[b"big"].before, edits[b"big"].after) == (UNSEEN, blob_id(big.read_bytes()))
    assert edits[b"small"].before is None


def test_a_command_outside_every_repository_leaves_nothing(session: ClaudeSession, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outside = replace(session, scratch=Scratch(tmp_path / "empty"))
    outside.runs("echo x >a", call="c")
    assert told(session.scratch) == []
    assert list_arrivals(inbox_dir(os.environ)) == ()
    assert read_losses(inbox_dir(os.environ)) == ()


def test_linked_work_trees_are_apart(session: ClaudeSession, tmp_path: Path) -> None:
    session.scratch.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = replace(session, scratch=Scratch(tmp_path / "linked"))
    linked.runs("echo x >a", call="c")
    (edit,) = edits_of(session.scratch)
    assert edit.worktree == str(session.scratch.path / ".git" / "worktrees" / "linked")


def test_the_shell_is_harmless_where_python_or_git_is_gone(repository: Scratch, home: Path, tmp_path: Path) -> None:
    session = ClaudeSession.start(repository, home, spooling(tmp_path, python="/nowhere/python"))
    session.runs("echo x >a", call="c")
    assert read_losses(inbox_dir(os.environ)) == ()
    assert [edit.path for edit in edits_of(repository)] == []
    assert {loss.code for loss in read_losses(inbox_dir(os.environ))} == {LossCode.UNENDED}


def test_the_snapshot_program_imports_next_to_nothing() -> None:
    """Agents wait for it: what it imports is what it costs."""
    from byline.capture import snapshot

    code = (
        f"import os, sys; b = set(sys.modules); exec(open({snapshot.__file__!r}).read(), {{'__name__': 'x'}}); print(*set(sys.modules) - b)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, timeout=60)
    assert set(done.stdout.split()) <= {b"__future__"}


def _tell(session: ClaudeSession, event: str, session_id: str, *, call: str | None = None) -> None:
    answer = {"tool_response": {"stdout": ""}} if event == "PostToolUse" else {}
    name = call or f"call-{session_id}"
    session.tell(hook_event_name=event, session_id=session_id, tool_name="Bash", tool_use_id=name, tool_input={"command": "x"}, **answer)


def test_a_command_owns_what_it_changes_in_submodules(session: ClaudeSession, tmp_path: Path) -> None:
    """Each is a work tree of its own, however deep; a name that leads back or out of the tree is none."""
    scratch = session.scratch
    inner = Scratch.create(tmp_path / "inner")
    inner.write("i.py", "old\n")
    inner.commit()
    outer = Scratch.create(tmp_path / "outer")
    outer.write("o.py", "old\n")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--name", "a name", str(inner.path), "in side")
    outer.commit()
    scratch.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(outer.path), "out")
    scratch.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive")
    scratch.commit()
    (scratch.path / "loop").symlink_to(".")
    scratch.git("config", "--file", ".gitmodules", "submodule.loop.path", "loop")
    session.runs("echo 1 >>a.py; echo 2 >>out/o.py; echo 3 >>'out/in side/i.py'", call="1")
    settle_inbox(inbox_dir(os.environ))
    modules = scratch.path / ".git/modules"
    for folder, path in ((scratch.path / ".git", b"a.py"), (modules / "out", b"o.py"), (modules / "out/modules/a name", b"i.py")):
        made = [event for event in read_events(repository_dir(folder)).events if isinstance(event, Edit)]
        assert [(edit.path, isinstance(edit.by, Agent)) for edit in made] == [(path, True)]


def test_a_program_inside_a_command_cannot_say_that_a_person_wrote(session: ClaudeSession) -> None:
    """I5: whatever it says before or after; the agent may have started it, with or without its own environment."""
    scratch = session.scratch
    scratch.write("a.py", "mine\n")
    scratch.commit()
    line = '{"schema":"byline.edit/1","when":"%s","cwd":"%s","paths":["a.py"],"by":{"kind":"human"}}'
    says = {
        when: f"printf %s '{line % (when, scratch.path)}' | {sys.executable} -m byline_cli hook generic" for when in ("before", "after")
    }
    session.runs(f"echo one >>a.py; {says['after']}", call="1")
    session.runs(f"{says['before']}; echo two >>a.py; unset CLAUDECODE; {says['after']}", call="2")
    last = told(scratch)[-1]
    assert (last[2], last[3]) == (b"mine\none\ntwo\n", "claude-code")
    assert [who for _, _, after, who in told(scratch) if after == b"mine\none\n"][-1] == "claude-code"


def test_a_monitor_of_the_repositorys_is_not_asked_what_changed(session: ClaudeSession, tmp_path: Path) -> None:
    """G1: it would run, and could say that nothing did."""
    scratch, monitor = session.scratch, tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch '{tmp_path}/asked'\nprintf 'token\\0'\n")
    monitor.chmod(0o755)
    scratch.write("a", "a\n")
    scratch.commit()
    scratch.git("config", "core.fsmonitor", str(monitor))
    scratch.git("update-index", "--fsmonitor")
    scratch.git("status")
    (tmp_path / "asked").unlink()
    session.runs("echo b >a", call="toolu_1")
    assert [(path, after, agent) for path, _, after, agent in told(scratch)] == [(b"a", b"b\n", "claude-code")]
    assert not (tmp_path / "asked").exists()

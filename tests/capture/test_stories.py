# SPDX-License-Identifier: Apache-2.0
"""What happens to people with agents, and whose the lines are then: killed, in the background, side by side, in another clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from byline.capture.agents.catalogue import find_adapter
from byline.capture.clone import settle_repository
from byline.capture.git_hooks import git_hook_stub
from byline.capture.inbox import list_arrivals
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, prepare_repository, repository_dir
from byline.capture.settle import settle_inbox
from byline.core.edit import Edit
from byline.testing import blame
from claude_session import SESSION, ClaudeSession, spooling
from saved_run import knocking as codex_knocks
from saved_run import spooling as codex_spools

if TYPE_CHECKING:
    from pathlib import Path

    from saved_run import Hook
    from scratch import Scratch


@pytest.fixture
def session(repository: Scratch, home: Path, tmp_path: Path) -> ClaudeSession:
    """Start Claude Code where commits leave marks; nobody settles until the test does."""
    leave_marks(repository)
    return ClaudeSession.start(repository, home, spooling(tmp_path))


def leave_marks(scratch: Scratch) -> Path:
    """Let commits in `scratch` leave marks; return Byline's folder there."""
    hook = scratch.path / ".git" / "hooks" / "post-commit"
    hook.write_text(git_hook_stub("post-commit", launcher="/nowhere"))
    hook.chmod(0o755)
    return prepare_repository(scratch.path / ".git")


def edits_of(scratch: Scratch) -> dict[bytes, Edit]:
    """Return the last edit of each file."""
    settle_inbox(inbox_dir(os.environ))
    return {event.path: event for event in read_events(repository_dir(scratch.path / ".git")).events if isinstance(event, Edit)}


def losses_of(scratch: Scratch) -> set[LossCode]:
    return {loss.code for place in (repository_dir(scratch.path / ".git"), inbox_dir(os.environ)) for loss in read_losses(place)}


def tell(session: ClaudeSession, event: str, *, call: str, run: str = SESSION) -> None:
    answer = {"tool_response": {"stdout": ""}} if event == "PostToolUse" else {}
    session.tell(hook_event_name=event, session_id=run, tool_name="Bash", tool_use_id=call, tool_input={"command": "x"}, **answer)


def commit_as_agent(scratch: Scratch, script: str) -> None:
    environ = {**os.environ, "CLAUDECODE": "1"}
    subprocess.run(["sh", "-ec", f"{script}; git add -A; git commit -qm x"], cwd=scratch.path, env=environ, check=True, timeout=60)


def test_a_commit_inside_a_command_is_the_agents_whichever_clone_settles_first(session: ClaudeSession, tmp_path: Path) -> None:
    other = session.scratch.clone(tmp_path / "other")
    here, there = leave_marks(session.scratch), leave_marks(other)
    at_work = replace(session, scratch=other)
    tell(at_work, "PreToolUse", call="c")
    commit_as_agent(other, "echo agent >>human.py; echo new >new")
    tell(at_work, "PostToolUse", call="c")
    assert settle_repository(here, inbox_dir(os.environ)).edits == 2
    assert settle_repository(there, inbox_dir(os.environ)).marks == 1
    assert {path: edit.call for path, edit in edits_of(other).items()} == {b"human.py": "c", b"new": "c"}
    assert [type(event).__name__ for event in read_events(there).events] == ["Edit", "Edit", "Mark"]


def test_a_commit_while_something_runs_in_the_background_is_the_sessions(session: ClaudeSession) -> None:
    session.runs("true", call="server", tool_input={"command": "server", "run_in_background": True})
    tell(session, "PreToolUse", call="c")
    commit_as_agent(session.scratch, "echo agent >>human.py")
    settle_repository(repository_dir(session.scratch.path / ".git"), inbox_dir(os.environ))
    tell(session, "PostToolUse", call="c")
    session.tell(hook_event_name="Stop")
    edit = edits_of(session.scratch)[b"human.py"]
    assert (edit.by is None, edit.session, edit.call) == (False, SESSION, "c,server")
    assert losses_of(session.scratch) == set()


def test_a_commit_in_the_commands_of_two_sessions_is_either_ones(session: ClaudeSession) -> None:
    tell(session, "PreToolUse", call="1", run="one")
    tell(session, "PreToolUse", call="2", run="two")
    commit_as_agent(session.scratch, "echo agent >>human.py")
    tell(session, "PostToolUse", call="1", run="one")
    tell(session, "PostToolUse", call="2", run="two")
    edit = edits_of(session.scratch)[b"human.py"]
    assert (edit.by is None, edit.session, edit.call) == (False, None, "1,2")
    assert losses_of(session.scratch) == {LossCode.AMBIGUOUS}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a bare Python when a process started")
def test_what_others_do_after_an_agent_was_killed_is_theirs(session: ClaudeSession, tmp_path: Path) -> None:
    """Its window stays open: resumed, the session may still say how its command ended."""
    said = {"session_id": "killed", "cwd": str(session.scratch.path), "hook_event_name": "PreToolUse", "tool_name": "Bash"}
    payload = json.dumps({**said, "tool_use_id": "k", "tool_input": {"command": "x"}})
    agent = f"import subprocess; subprocess.run([{str(tmp_path / 'hook.sh')!r}, 'scan'], input={payload!r}, text=True, check=True)"
    subprocess.run([sys.executable, "-c", agent], cwd=session.scratch.path, check=True, timeout=60)
    assert len(list_arrivals(inbox_dir(os.environ))) == 1
    session.runs("echo x >mine", call="c")
    assert edits_of(session.scratch)[b"mine"].call == "c"
    assert losses_of(session.scratch) == set()
    tell(session, "PreToolUse", call="d")
    commit_as_agent(session.scratch, "echo y >>mine")
    tell(session, "PostToolUse", call="d")
    assert edits_of(session.scratch)[b"mine"].call == "d"


@pytest.mark.parametrize("through", ["shell", "door"])
def test_a_patch_from_outside_every_work_tree_is_the_agents(repository: Scratch, tmp_path: Path, through: str) -> None:
    hook: Hook = codex_knocks if through == "door" else codex_spools(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    path = repository.path / "app.py"
    patch = f"*** Begin Patch\n*** Add File: {path}\n+agent\n*** End Patch\n"
    calls = {call.event: call for call in find_adapter("codex").hooks if not call.guard}
    for event in ("PreToolUse", "PostToolUse"):
        said = {"hook_event_name": event, "session_id": "s", "cwd": str(outside), "model": "gpt-5.5", "tool_use_id": "c"}
        payload = {**said, "tool_name": "apply_patch", "tool_input": {"command": patch}, "tool_response": "ok"}
        hook("codex", calls[event], json.dumps(payload).encode(), {}, outside)
        path.write_text("agent\n")
    assert {name: (edit.by is None, edit.session, edit.call) for name, edit in edits_of(repository).items()} == {
        b"app.py": (False, "s", "c")
    }
    assert list_arrivals(inbox_dir(os.environ)) == ()
    assert losses_of(repository) == set()


def test_what_was_settled_outlives_the_home(session: ClaudeSession, home: Path) -> None:
    """A container's home goes with it; the repository stays."""
    session.writes(session.scratch.path / "app.py", "agent\n", call="w")
    session.runs("echo more >>app.py", call="c")
    settle_inbox(inbox_dir(os.environ))
    shutil.rmtree(home / ".local")
    assert [(line.agent, line.session) for line in blame(session.scratch.path / "app.py")] == [("claude-code", SESSION)] * 2

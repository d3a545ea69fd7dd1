# SPDX-License-Identifier: Apache-2.0
"""Commits while a command of an agent runs, or after its agent was killed: nothing that it may have written is declared a person's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from byline.capture.inbox import list_arrivals
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.snapshot import find_caller, is_gone
from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a bare Python when a process started")

# An agent that calls the hooks before a command, runs it, and ends without a word.
DIES = """
import subprocess, sys
payload, command, *hooks = sys.argv[1:]
for hook in hooks:
    subprocess.run(["sh", "-c", hook], input=payload.encode(), check=True)
subprocess.run(["sh", "-c", command], check=True)
"""


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A clone whose person declares their own lines, and has typed two that are not committed."""
    clone = Installed.create(repository)
    clone.commit()
    repository.write("human.py", "x = 1\ny = 2\n")
    return clone


def asked(clone: Installed, call: str) -> dict[str, object]:
    return {"tool_name": "Bash", "session_id": "s-1", "tool_use_id": call, "tool_input": {"command": "x"}, "cwd": str(clone.path)}


def dies_after(clone: Installed, command: str) -> None:
    """Let an agent run `command` and be killed before it can say that it ended."""
    payload = json.dumps({"hook_event_name": "PreToolUse", **asked(clone, "k")})
    words = [sys.executable, "-c", DIES, payload, command, *clone.commands("PreToolUse", "Bash")]
    subprocess.run(words, cwd=clone.path, env={**os.environ, "CLAUDECODE": "1"}, check=True, timeout=60)


def losses(clone: Installed) -> list[LossCode]:
    return [loss.code for place in (repository_dir(clone.path / ".git"), inbox_dir(os.environ)) for loss in read_losses(place)]


@linux
def test_what_a_killed_agents_command_wrote_is_its_own_when_a_person_commits_it(clone: Installed) -> None:
    dies_after(clone, "echo agent >> human.py; echo made > made.py")
    clone.commit()
    assert (clone.owners("human.py"), clone.owners("made.py")) == (["human", "human", "ai"], ["ai"])
    assert list_arrivals(inbox_dir(os.environ)) == ()


@linux
def test_what_a_killed_agents_command_wrote_is_its_own_when_it_is_committed_later(clone: Installed) -> None:
    """Who looks at once loses nothing: what is typed after that is the person's own again."""
    dies_after(clone, "echo agent >> human.py; echo made > made.py")
    clone.byline("status")
    assert losses(clone) == [LossCode.UNENDED]
    clone.scratch.write("human.py", "x = 1\ny = 2\nagent\ntyped = 4\n")
    clone.commit()
    assert (clone.owners("human.py"), clone.owners("made.py")) == (["human", "human", "ai", "human"], ["ai"])


@linux
def test_a_window_of_a_killed_agent_in_which_nothing_changed_is_no_loss(clone: Installed) -> None:
    dies_after(clone, "true")
    clone.byline("status")
    clone.commit()
    assert clone.owners("human.py") == ["human", "human"]
    assert (losses(clone), list_arrivals(inbox_dir(os.environ))) == ([], ())


@linux
def test_what_a_killed_agent_left_running_is_its_own_to_its_end(clone: Installed) -> None:
    dies_after(clone, "mkfifo ../go ../done; (read x < ../go; echo late >> human.py; echo > ../done) > /dev/null 2>&1 &")
    clone.commit()
    assert clone.owners("human.py") == ["human", "human"]
    subprocess.run(["sh", "-c", "echo > ../go; read x < ../done"], cwd=clone.path, check=True, timeout=60)
    clone.commit()
    assert clone.owners("human.py") == ["human", "human", "ai"]


@linux
def test_what_another_agent_does_after_one_was_killed_is_its_own(clone: Installed) -> None:
    dies_after(clone, "echo agent >> human.py")
    clone.runs("echo other >> human.py; echo new > new.py; git add -A; git commit -qm x", session="s-2")
    clone.attest()
    said = json.loads(clone.byline("blame", "--json", "human.py").out)["ranges"]
    assert [each.get("session") for each in said] == [None, "s-1", "s-2"]
    assert clone.owners("new.py") == ["ai"]


@linux
@pytest.mark.parametrize(("name", "is_own"), [("tcsh", False), ("a-shell-of-my-own", True)])
def test_the_shell_that_calls_a_hook_is_not_the_agent(tmp_path: Path, name: str, *, is_own: bool) -> None:
    """Some agents call their hooks by the user's shell, and not every shell becomes its last command."""
    shell = shutil.copy(shutil.which("dash") or shutil.which("bash") or "/bin/sh", tmp_path / name)
    asks = "import os; from byline.capture.snapshot import find_caller; print(find_caller(os.getppid()).decode())"
    environ = {**os.environ, **({"SHELL": str(shell)} if is_own else {})}
    words = [shell, "-c", '"$@"; true', "-", sys.executable, "-c", asks]
    said = subprocess.run(words, env=environ, check=True, capture_output=True, timeout=60)
    assert said.stdout.decode().partition(".")[0] == str(os.getpid())


@linux
def test_a_process_that_nobody_asked_after_is_gone() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        caller = find_caller(process.pid)
        assert not is_gone(caller)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(caller)


def test_what_changed_since_a_command_began_that_still_runs_is_no_persons(clone: Installed) -> None:
    clone.hook("PreToolUse", **asked(clone, "c"))
    clone.scratch.write("made.py", "made\n")
    clone.commit()
    clone.scratch.write("made.py", "made\nmore\n")
    clone.hook("PostToolUse", **asked(clone, "c"), tool_response={})
    clone.scratch.write("made.py", "made\nmore\ntyped\n")
    clone.commit()
    assert (clone.owners("human.py"), clone.owners("made.py")) == (["human", "human"], ["ai", "ai", "human"])
    assert losses(clone) == []


def test_a_person_may_commit_a_part_of_a_file_that_a_command_does_not_touch(clone: Installed) -> None:
    clone.scratch.git("add", "human.py")
    clone.scratch.write("human.py", "x = 1\nchanged = 2\nz = 3\n")
    clone.hook("PreToolUse", **asked(clone, "c"))
    clone.commit(add=False)
    clone.hook("PostToolUse", **asked(clone, "c"), tool_response={})
    clone.commit()
    assert clone.owners("human.py") == ["human"] * 3


def test_a_clone_settles_what_was_committed_in_a_window_that_another_takes_away(clone: Installed) -> None:
    other = replace(clone, scratch=clone.scratch.clone(clone.path.parent / "other"))
    assert other.byline("init", "--agent", "claude-code", "--declare-own-lines", "--yes").code == 0
    other.hook("PreToolUse", **asked(other, "c"))
    other.scratch.write("made.py", "made\n")
    other.scratch.git("add", "made.py")
    other.scratch.git("commit", "-qm", "x")
    other.hook("PostToolUse", **asked(other, "c"), tool_response={})
    clone.byline("status")
    other.attest()
    assert other.owners("made.py") == ["ai"]

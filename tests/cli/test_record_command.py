# SPDX-License-Identifier: Apache-2.0
"""`byline record`: a command runs as if nothing stood around it, and what it changes is the agent's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from byline.capture.journal import read_recent
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import Edit
from installed import PROGRAM, Installed, run
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from installed import Said

RECORD = (*PROGRAM, "record", "--agent", "robot", "--model", "example/m-1", "--")


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    repository.write("a.py", "one\n")
    repository.commit()
    return Installed.create(repository)


def recorded(clone: Installed, *command: str, options: tuple[str, ...] = (), **environ: str) -> Said:
    """Record a command of the robot's."""
    return clone.byline("record", "--agent", "robot", "--model", "example/m-1", *options, "--", *command, **environ)


def edits(clone: Installed, path: Path | None = None) -> list[Edit]:
    """Return what is in the journal, once all is settled."""
    clone.byline("status", cwd=path)
    place = repository_dir((path or clone.path) / ".git")
    return [event for event in read_recent(place) if isinstance(event, Edit)]


def losses(clone: Installed) -> list[str]:
    """Return what was lost."""
    return [loss.message for place in (inbox_dir(os.environ), repository_dir(clone.path / ".git")) for loss in read_losses(place)]


def agents(clone: Installed, name: str, folder: Path | None = None) -> list[str | None]:
    """Return the agent of each line of a file in the work tree."""
    said = json.loads(clone.byline("blame", "--json", name, cwd=folder).out)
    named = [(part["agent"] or {}).get("name") if isinstance(part["agent"], dict) else part["agent"] for part in said["ranges"]]
    return [agent for agent, part in zip(named, said["ranges"], strict=True) for _ in range(part["start"], part["end"] + 1)]


def test_what_a_command_changes_is_the_agents(clone: Installed) -> None:
    said = recorded(clone, "sh", "-c", "echo two >> a.py; echo new > b.py; echo junk > c.log; exit 7")
    assert (said.code, said.out, said.err) == (7, "", "")
    found = edits(clone)
    assert sorted(edit.path for edit in found) == [b"a.py", b"b.py", b"c.log"]
    assert {(edit.by, edit.evidence, edit.channel, edit.tool) for edit in found} == {
        (Agent(name="robot", model="example/m-1"), Evidence.OBSERVED, Channel.RECORD, "sh")
    }
    assert len({edit.session for edit in found}) == 1
    clone.commit()
    assert clone.owners("a.py", rev="HEAD") == ["unknown", "ai"]


def test_what_git_ignores_is_not_recorded(clone: Installed) -> None:
    clone.scratch.write(".gitignore", "*.log\n")
    recorded(clone, "sh", "-c", "echo junk > c.log")
    assert edits(clone) == []


def test_the_commands_own_commits_are_the_agents(clone: Installed) -> None:
    clone.scratch.write("mine.py", "mine\n")
    assert recorded(clone, "sh", "-c", "echo two >> a.py; git commit -qam robot; echo three >> a.py").code == 0
    clone.commit()
    assert clone.owners("a.py", rev="HEAD") == ["unknown", "ai", "ai"]
    assert clone.owners("mine.py", rev="HEAD") == ["human"]


def test_a_record_in_a_record_has_what_it_saw(clone: Installed) -> None:
    inner = " ".join([*PROGRAM, "record", "--agent", "inner", "--", "sh", "-c", "'echo x > in.py; git add in.py; git commit -qm inner'"])
    assert recorded(clone, "sh", "-c", f"echo o > out.py; {inner}; echo more >> a.py").code == 0
    found = {edit.path: edit for edit in edits(clone)}
    assert {path: edit.by and edit.by.name for path, edit in found.items() if isinstance(edit.by, Agent)} == {
        b"in.py": "inner", b"out.py": "robot", b"a.py": "robot"
    }  # fmt: skip
    outer = found[b"out.py"].session
    assert outer is not None
    assert str(found[b"in.py"].session).startswith(f"{outer}/")
    assert losses(clone) == []


def test_an_agents_hooks_in_a_record_have_what_they_saw(clone: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command of an agent with hooks is that agent's, though the record around it saw it, too."""
    ask = "import os, json; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('BYLINE_')}))"
    told = json.loads(recorded(clone, sys.executable, "-c", ask).out)
    assert set(told) == {"BYLINE_AGENT", "BYLINE_MODEL", "BYLINE_SESSION", "BYLINE_WATCHES"}
    process = subprocess.Popen([*RECORD, "sh", "-c", 'echo "$BYLINE_WATCHES"; read line'], cwd=clone.path, stdin=-1, stdout=-1)
    assert process.stdin is not None
    assert process.stdout is not None
    monkeypatch.setenv("BYLINE_WATCHES", process.stdout.readline().decode().strip())
    clone.runs("echo two >> a.py")
    process.stdin.write(b"\n")
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()
    assert [edit.by and edit.by.name for edit in edits(clone) if isinstance(edit.by, Agent)] == ["claude-code"]
    assert losses(clone) == []


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux")
def test_what_ends_in_the_background_is_waited_for(clone: Installed) -> None:
    late = "import time; time.sleep(0.5); open('late.py', 'w').write('late')"
    assert recorded(clone, "sh", "-c", f'setsid {sys.executable} -c "{late}" >/dev/null 2>&1 </dev/null & exit 3').code == 3
    assert [edit.path for edit in edits(clone)] == [b"late.py"]
    assert losses(clone) == []


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux")
def test_what_does_not_end_is_told(clone: Installed) -> None:
    command = ("sh", "-c", "sleep 60 >/dev/null 2>&1 </dev/null & echo $!; echo x > a.py")
    said = recorded(clone, *command, options=("--linger", "0.1"))
    os.kill(int(said.out), signal.SIGKILL)
    assert said.code == 0
    assert "not everything was recorded" in said.err
    assert [edit.path for edit in edits(clone)] == [b"a.py"]
    assert any("left something running" in each for each in losses(clone))
    said = recorded(clone, *command, options=("--linger", "0"))
    os.kill(int(said.out), signal.SIGKILL)
    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize(
    ("number", "script", "code"),
    [
        (signal.SIGTERM, "trap 'echo stopped > a.py; exit 5' TERM", 5),
        (signal.SIGHUP, "trap 'echo stopped > a.py; exit 6' HUP", 6),
        (signal.SIGTERM, "echo begun > a.py", 128 + signal.SIGTERM),
    ],
)
def test_who_ends_the_record_ends_the_command(clone: Installed, number: int, script: str, code: int) -> None:
    ours = signal.signal(number, signal.SIG_DFL)  # what the tests were started to ignore (nohup) no shell can trap
    process = subprocess.Popen([*RECORD, "sh", "-c", f"{script}; echo ready; while :; do sleep 0.05; done"], cwd=clone.path, stdout=-1)
    signal.signal(number, ours)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(60) == code
    process.stdout.close()
    assert [edit.path for edit in edits(clone)] == [b"a.py"]


def test_ctrl_c_is_for_the_command(clone: Installed) -> None:
    """A terminal sends it to both; the command is waited for, whatever it makes of it."""
    script = "trap 'echo stopped > a.py; exit 4' INT; echo ready; while :; do sleep 0.05; done"
    process = subprocess.Popen([*RECORD, "sh", "-c", script], cwd=clone.path, stdout=-1, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 4
    process.stdout.close()
    assert [edit.path for edit in edits(clone)] == [b"a.py"]


def test_a_killed_command_is_recorded(clone: Installed) -> None:
    assert recorded(clone, "sh", "-c", "echo x > a.py; kill -9 $$").code == 128 + signal.SIGKILL
    assert [edit.path for edit in edits(clone)] == [b"a.py"]


def test_the_command_has_standard_input(clone: Installed) -> None:
    said = clone.byline("record", "--agent", "robot", "--", "cat", data=b"through\n")
    assert (said.code, said.out) == (0, "through\n")


def test_submodules_are_looked_at(clone: Installed, tmp_path: Path) -> None:
    inner = Scratch.create(tmp_path / "inner")
    inner.write("x.py", "x\n")
    inner.commit()
    clone.scratch.submodule("lib", inner)
    clone.commit()
    recorded(clone, "sh", "-c", "echo y >> lib/x.py; echo y >> a.py")
    assert b"a.py" in {edit.path for edit in edits(clone)}
    assert agents(clone, "x.py", clone.path / "lib") == [None, "robot"]


def test_without_git_the_record_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    said = run(*RECORD, "sh", "-c", "echo one > a.py", cwd=folder)
    assert (said.code, said.err) == (0, "")
    run("git", "init", "-q", cwd=folder)
    clone = Installed.create(Scratch(folder))
    assert agents(clone, "a.py") == ["robot"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--agent", "robot"), "no command"),
        (("--agent", "robot", "--"), "no command"),
        (("--", "true"), "needs a name"),
        (("--agent", "robot", "--for", "ana", "--", "true"), "on_behalf_of"),
        (("--agent", "robot", "--linger", "-1", "--", "true"), "cannot be waited"),
        (("--agent", "robot", "--linger", "nan", "--", "true"), "cannot be waited"),
        (("--agent", "robot", "--", "no-such-program"), "cannot run no-such-program"),
    ],
)
def test_mistakes_are_told(clone: Installed, words: tuple[str, ...], what: str) -> None:
    said = clone.byline("record", *words)
    assert said.code == 2
    assert what in said.err

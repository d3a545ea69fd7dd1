# SPDX-License-Identifier: Apache-2.0
"""The installed scripts under each shell that is `sh` on some machine: all begin with `#!/bin/sh`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from byline.capture.git_hooks import CHAINED, GIT_HOOKS, git_hook_stub
from byline.capture.inbox import list_arrivals
from byline.capture.journal import read_events
from byline.capture.launcher import format_launcher
from byline.capture.marks import list_marks, settle_marks
from byline.capture.places import drop_dir, inbox_dir, prepare_repository, repository_dir
from byline.capture.settle import settle_inbox
from byline.capture.snapshot import LARGE_INDEX
from byline.core.edit import Edit, Mark
from casework import SOLO
from claude_session import SESSION, ClaudeSession, spooling
from installed import run
from until import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.core.edit import Event
    from scratch import Scratch

    Speaks = Callable[[Path], Path]

SHELLS = ("bash", "busybox", "dash", "ksh93", "mksh", "yash", "zsh")
NO_INFRA = SOLO + '\n[[agent]]\npaths = ["infra/**"]\neffect = "deny"\n'


@pytest.fixture(params=SHELLS)
def speaks(request: pytest.FixtureRequest, tmp_path: Path) -> Speaks:
    """Let a script be run by a shell that is called `sh`."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"there is no {request.param} here")
    link = tmp_path / "shell/sh"
    link.parent.mkdir()
    link.symlink_to(program)

    def speaks(script: Path) -> Path:
        script.write_text(script.read_text().replace("#!/bin/sh", f"#!{link}", 1))
        script.chmod(0o755)
        return script

    return speaks


def events_of(scratch: Scratch) -> tuple[Event, ...]:
    return read_events(repository_dir(scratch.path / ".git")).events


def test_what_an_agent_writes_and_runs_is_recorded_and_its_calls_are_told(
    repository: Scratch, home: Path, tmp_path: Path, speaks: Speaks
) -> None:
    """Also inside a submodule, and what comes after a scan."""
    inner = repository.create(tmp_path / "inner")
    inner.write("in.py", "")
    inner.commit()
    sub = repository.submodule("sub", inner)
    session = ClaudeSession.start(repository, home, spooling(tmp_path))
    hook, drop = speaks(tmp_path / "hook.sh"), drop_dir(repository.path / ".git")
    session.writes(repository.path / "told.py", "a = 1\n", call="w1")
    session.runs("echo b = 2 > ran.py; echo z = 3 >> human.py; echo c = 4 > sub/in.py", call="b1")
    found = []
    for mode in (["scan", "o"], ["scan"]):
        subprocess.run([hook, *mode], input=b"{}", cwd=repository.path, check=True, timeout=60)
        found.append(sorted(path.name[:1] == "+" for path in drop.iterdir()))
    assert found == [[False, True], [False]]
    settle_inbox(inbox_dir(os.environ))
    edits = [event for scratch in (repository, sub) for event in read_events(_place(scratch)).events if isinstance(event, Edit)]
    assert {(edit.path, edit.session) for edit in edits} == {(name, SESSION) for name in (b"told.py", b"ran.py", b"human.py", b"in.py")}


def _place(scratch: Scratch) -> Path:
    return repository_dir(scratch.path / scratch.git("rev-parse", "--git-common-dir"))


def test_what_is_known_of_a_large_work_tree_is_made_and_used(repository: Scratch, tmp_path: Path, speaks: Speaks) -> None:
    deep = "/".join("d" * 200 for _ in range(14))  # long names make an index large with few files
    for number in range(LARGE_INDEX // len(deep) + 1):
        repository.write(f"{deep}/{number}", "")
    repository.commit()
    spooling(tmp_path)
    hook = speaks(tmp_path / "hook.sh")
    for mode in (["scan", "o"], ["scan"]):
        subprocess.run([hook, *mode], input=b"{}", cwd=repository.path, check=True, timeout=60)
        wait_until((repository.path / ".git/byline/index.of").exists)
        repository.write("new.py", "a = 1\n")
    *_, last = list_arrivals(inbox_dir(os.environ))
    assert [field.split()[-1] for field in last.path.read_bytes().split(b"\0") if field.startswith(b"file=")] == [b"new.py"]
    assert [path.name[:1] == "+" for path in drop_dir(repository.path / ".git").iterdir()] == [False]


def test_the_guard_says_no(repository: Scratch, tmp_path: Path, speaks: Speaks) -> None:
    repository.write(".byline/policy.toml", NO_INFRA)
    repository.commit()
    spooling(tmp_path)
    hook = speaks(tmp_path / "hook.sh")
    payload = {"session_id": "s-1", "cwd": str(repository.path), "hook_event_name": "PreToolUse", "tool_name": "Write"}
    answers = []
    for name in ("infra/a.tf", "a.py"):
        asked = {**payload, "tool_use_id": name, "tool_input": {"file_path": str(repository.path / name), "content": "x"}}
        said = run(str(hook), "guard", cwd=repository.path, data=json.dumps(asked).encode())
        assert (said.code, said.err) == (0, "")
        answers.append(said.out and json.loads(said.out)["hookSpecificOutput"]["permissionDecision"])
    assert answers == ["deny", ""]


def test_git_hooks_mark_start_and_call_the_hook_that_was_there(repository: Scratch, tmp_path: Path, speaks: Speaks) -> None:
    place, hooks, pipe = prepare_repository(repository.path / ".git"), repository.path / ".git/hooks", tmp_path / "pipe"
    os.mkfifo(pipe)
    program, launcher = tmp_path / "a python", tmp_path / "launcher"
    program.write_text(f'#!/bin/sh\necho "$BYLINE_KEY $*" >"{pipe}"\n')
    program.chmod(0o755)
    launcher.write_bytes(format_launcher(program))
    hooks.mkdir(exist_ok=True)
    for name in GIT_HOOKS:
        (hooks / name).write_text(git_hook_stub(name, launcher=launcher, chained=f"{name}{CHAINED}"))
        speaks(hooks / name)
        theirs = hooks / f"{name}{CHAINED}"
        theirs.write_text(f'#!/bin/sh\n{{ echo "{name} $#"; cat; }} >>{tmp_path}/said\n')
        theirs.chmod(0o755)
    repository.write("sub/a", "1")
    repository.git("add", "--all")
    with open(os.open(pipe, os.O_RDWR), "rb") as started:  # noqa: PTH123 - a pipe that nobody is waited for at
        for words in (
            ["commit", "--quiet", "--message", "a"],
            ["commit", "--quiet", "--amend", "--message", "b"],
            ["push", "--quiet", "up", "HEAD"],
        ):
            if words[0] == "push":
                repository.git("remote", "add", "up", str(repository.create(tmp_path / "up", "--bare").path))
            said = run("git", *words, cwd=repository.path / "sub", environ={"BYLINE_KEY": "../my key"})
            assert (said.code, said.out, said.err) == (0, "", "")
            key, told = f"{repository.path}/sub/../my key", "-I -c from byline_cli.attester import main; main() attest --background"
            for _ in range(2 if "--amend" in words else 1):
                assert started.readline().decode() == f"{key} {told}{' --push=up' if words[0] == 'push' else ''}\n"
    settle_marks(place, list_marks(place), now=0)
    marks = [event for event in events_of(repository) if isinstance(event, Mark)]
    first, second = marks[0].head, repository.git("rev-parse", "HEAD")
    assert [(str(mark.hook), mark.head, mark.rewritten, mark.committer.key) for mark in marks] == [
        ("post-commit", first, (), key),
        ("post-commit", second, (), key),
        ("post-rewrite", second, ((first, second),), key),
    ]
    pushed = f"HEAD {second} refs/heads/{repository.git('branch', '--show-current')} {'0' * 40}\n"
    assert (tmp_path / "said").read_text() == f"post-commit 0\npost-commit 0\npost-rewrite 1\n{first} {second}\npre-push 2\n{pushed}"

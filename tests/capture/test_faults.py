# SPDX-License-Identifier: Apache-2.0
"""Killed at any point, run many at once, on a full disk: what was renamed into the inbox reaches the journal, once."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from byline.capture.contents import Contents
from byline.capture.inbox import list_arrivals, put_payload
from byline.capture.journal import read_events
from byline.capture.launcher import format_launcher
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.settle import settle_inbox
from byline.capture.spool import agent_stub
from byline.core.edit import Edit
from casework import SOLO

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

SETTLE = "import os; from byline.capture import places, settle; settle.settle_inbox(places.inbox_dir(os.environ))"


def inbox() -> Path:
    return inbox_dir(os.environ)


def payload(scratch: Scratch, number: int, text: str = "") -> bytes:
    """Return Claude's payload for a new file `<number>.txt` in `scratch`."""
    content = f"{number}\n{text}"
    path = str(scratch.path / f"{number}.txt")
    return json.dumps(
        {
            "session_id": "s",
            "cwd": str(scratch.path),
            "hook_event_name": "PostToolUse",
            "tool_name": "Write",
            "tool_use_id": f"c{number}",
            "tool_input": {"file_path": path, "content": content},
            "tool_response": {"type": "create", "content": content, "originalFile": None},
        }
    ).encode()


def spool(scratch: Scratch, number: int) -> None:
    put_payload(inbox(), agent="claude-code", facts={"AI_AGENT": ""}, payload=payload(scratch, number))


def edits_of(scratch: Scratch) -> list[Edit]:
    reading = read_events(repository_dir(scratch.path / ".git"))
    return [event for event in reading.events if isinstance(event, Edit)]


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    script = tmp_path / "hook.sh"
    script.write_text(agent_stub("claude-code", launcher="/nonexistent"))
    script.chmod(0o755)
    return script


def test_twenty_hooks_at_once_spool_twenty_payloads(repository: Scratch, stub: Path) -> None:
    running = [subprocess.Popen([stub], stdin=subprocess.PIPE) for _ in range(20)]
    for number, hook in enumerate(running):
        assert hook.stdin is not None
        hook.stdin.write(payload(repository, number))
    for hook in running:
        assert hook.stdin is not None
        hook.stdin.close()
        assert hook.wait(60) == 0
    assert len(list_arrivals(inbox())) == 20
    settlers = [subprocess.Popen([sys.executable, "-c", SETTLE]) for _ in range(3)]
    assert [settler.wait(60) for settler in settlers] == [0, 0, 0]
    assert sorted(edit.path for edit in edits_of(repository)) == sorted(b"%d.txt" % number for number in range(20))


def test_a_name_in_use_is_never_overwritten(repository: Scratch, stub: Path) -> None:
    """Process ids come again, and two containers may share one home: the next free name is taken."""
    inbox().mkdir(parents=True)
    script = f'for n in 0 1; do echo old >"{inbox()}/edit.claude-code.$$.$n.spool"; done; exec "{stub}"'
    done = subprocess.run(["sh", "-c", script], input=payload(repository, 1), check=True, timeout=60)
    assert done.returncode == 0
    files = sorted(path for path in inbox().iterdir())
    assert [path.suffixes[-2] for path in files] == [".0", ".1", ".2"]
    assert [path.read_text() == "old\n" for path in files] == [True, True, False]
    assert files[2].stat().st_mode & 0o777 == 0o600


def test_killed_hooks_lose_nothing_that_was_renamed(repository: Scratch, stub: Path) -> None:
    dice = random.Random(7)
    for number in range(15):
        with subprocess.Popen([stub], stdin=subprocess.PIPE, process_group=0) as hook:
            assert hook.stdin is not None
            hook.stdin.write(payload(repository, number, "x" * 50_000))
            hook.stdin.close()
            time.sleep(dice.random() * 0.008)  # where it dies does not matter; that it may die anywhere does
            try:
                os.killpg(hook.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    arrived = len(list_arrivals(inbox()))
    assert settle_inbox(inbox()).edits == arrived == len(edits_of(repository))


def test_killed_settlers_lose_nothing_and_write_nothing_twice(repository: Scratch) -> None:
    dice = random.Random(3)
    for number in range(60):
        spool(repository, number)
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", SETTLE]) as settler:
            try:
                settler.wait(0.12 + dice.random() * 0.08)
            except subprocess.TimeoutExpired:
                settler.kill()
    settle_inbox(inbox())
    reading = read_events(repository_dir(repository.path / ".git"))
    edits = [event for event in reading.events if isinstance(event, Edit)]
    assert sorted(edit.path for edit in edits) == sorted(b"%d.txt" % number for number in range(60))
    lines = (repository_dir(repository.path / ".git") / "journal").read_bytes().splitlines()
    assert (len(lines), reading.torn) == (60, ())
    contents = Contents(repository_dir(repository.path / ".git"))
    assert all(contents.get(str(edit.after)) for edit in edits)
    assert list_arrivals(inbox()) == ()


def test_a_crash_between_record_and_removal_is_not_a_second_edit(repository: Scratch) -> None:
    spool(repository, 1)
    (arrival,) = list_arrivals(inbox())
    data = arrival.path.read_bytes()
    settle_inbox(inbox())
    for number in range(2, 400):  # far more than what counts as recent
        spool(repository, number)
    settle_inbox(inbox())
    arrival.path.write_bytes(data)
    os.utime(arrival.path, ns=(arrival.time, arrival.time))
    (inbox() / "lock").write_bytes(b"1")
    assert settle_inbox(inbox()).edits == 0


def test_on_a_full_disk_the_hook_says_nothing_and_leaves_a_loss(repository: Scratch, stub: Path) -> None:
    """A limit on the size of files stands for the disk: a write beyond it fails."""
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f 8; trap "" XFSZ; exec "{stub}"'],
        input=payload(repository, 1, "x" * 100_000),
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list_arrivals(inbox()) == ()
    settle_inbox(inbox())
    assert [loss.code for loss in read_losses(inbox())] == [LossCode.TORN]


def test_on_a_full_disk_payloads_stay_until_there_is_room(repository: Scratch) -> None:
    put_payload(inbox(), agent="claude-code", facts={}, payload=payload(repository, 1, "x" * 100_000))
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))"
    )
    script = f"{limit}; {SETTLE}"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert len(list_arrivals(inbox())) == 1
    assert edits_of(repository) == []
    assert [loss.code for loss in read_losses(inbox())] == [LossCode.FAILED]
    assert settle_inbox(inbox()).edits == 1


def test_a_folder_that_cannot_be_written_breaks_no_agent(repository: Scratch, stub: Path) -> None:
    inbox().parent.mkdir(parents=True)
    inbox().write_text("a file where the folder should be")
    for arguments in ([stub], [stub, "scan"]):
        done = subprocess.run(arguments, input=payload(repository, 1), cwd=repository.path, check=False, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_hook_without_home_or_input_ends_well(stub: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "{stub}" <&-'], env={"PATH": os.environ["PATH"]}, check=False, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_in_any_shell_a_large_payload_arrives_whole_without_python_on_the_path(repository: Scratch, tmp_path: Path, shell: str) -> None:
    words = shell.split()
    program = shutil.which(words[0])
    if program is None:
        pytest.skip(f"there is no {words[0]} on this machine")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cat", "git", "mkdir", "mv", "rm", "sed"):
        (tools / name).symlink_to(shutil.which(name) or name)
    repository.write(".byline/policy.toml", SOLO)
    repository.commit()
    launcher, script = tmp_path / "launcher", tmp_path / "claude-code.sh"
    launcher.write_bytes(format_launcher(sys.executable))
    script.write_text(agent_stub("claude-code", launcher=launcher))
    large = payload(repository, 1, "x" * 2_500_000).replace(b"PostToolUse", b"PreToolUse")
    for mode in ((), ("scan",), ("guard",)):
        done = subprocess.run(
            [program, *words[1:], script, *mode],
            input=large,
            cwd=repository.path,
            env={**os.environ, "PATH": str(tools)},
            check=False,
            capture_output=True,
            timeout=120,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(large) > 5_000_000
    assert [arrival.path.read_bytes().endswith(b"\0" + large) for arrival in list_arrivals(inbox())] == [True, True]

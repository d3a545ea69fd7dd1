# SPDX-License-Identifier: Apache-2.0
"""What a command of an agent left running (`cmd &`): the agent's as long as that writes, until the agent rests; a loss where it goes on."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from byline.capture.git_hooks import GIT_HOOKS
from byline.capture.inbox import list_arrivals
from byline.capture.places import inbox_dir
from byline.capture.snapshot import HELPERS, find_caller, find_orphans
from installed import Installed

if TYPE_CHECKING:
    from scratch import Scratch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a bare Python what a command left running")

# It writes when it is let go, says so, and ends when nobody reads what it says.
LEAVES = "mkfifo ../go ../done; (read x < ../go; echo late >> human.py; echo > ../done; read x < ../go) > /dev/null 2>&1 &"


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A clone whose person declares their own lines, and has typed two that are not committed."""
    clone = Installed.create(repository)
    clone.commit()
    repository.write("human.py", "x = 1\ny = 2\n")
    return clone


def writes_late(clone: Installed) -> None:
    subprocess.run(["sh", "-c", "echo > ../go; read x < ../done"], cwd=clone.path, check=True, timeout=60)


def ends(clone: Installed) -> None:
    """Let what was left running end, and wait for that."""
    (orphan,) = find_orphans(os.fsencode(os.path.realpath(clone.path)), find_caller(os.getpid()))
    handle = os.pidfd_open(int(orphan.split(b".")[0]))
    subprocess.run(["sh", "-c", "echo > ../go"], cwd=clone.path, check=True, timeout=60)
    assert select.select([handle], [], [], 60)[0]
    os.close(handle)


def types(clone: Installed, line: str) -> None:
    with (clone.path / "human.py").open("a") as file:
        file.write(line + "\n")


def test_what_a_command_left_running_writes_is_the_agents(clone: Installed) -> None:
    clone.runs(LEAVES)
    writes_late(clone)
    ends(clone)
    clone.hook("Stop", session_id="s-1")
    types(clone, "typed = 4")
    clone.commit()
    assert clone.owners("human.py") == ["human", "human", "ai", "human"]
    assert (clone.losses(), list_arrivals(inbox_dir(os.environ))) == ([], ())


def test_what_is_typed_once_it_has_ended_is_a_persons(clone: Installed) -> None:
    """The next call of the session looks."""
    clone.runs(LEAVES)
    writes_late(clone)
    ends(clone)
    clone.runs("true")
    types(clone, "typed = 4")
    clone.runs("echo other > other.py")
    clone.commit()
    assert (clone.owners("human.py"), clone.owners("other.py")) == (["human", "human", "ai", "human"], ["ai"])
    assert (clone.losses(), list_arrivals(inbox_dir(os.environ))) == ([], ())


def test_what_is_committed_while_it_runs_is_not_declared_a_persons(clone: Installed) -> None:
    clone.runs(LEAVES)
    writes_late(clone)
    clone.byline("status")
    clone.commit()
    assert clone.owners("human.py") == ["human", "human", "ai"]
    ends(clone)
    clone.commit()
    assert (clone.losses(), list_arrivals(inbox_dir(os.environ))) == ([], ())


def test_what_is_committed_after_its_end_is_not_declared_a_persons(clone: Installed) -> None:
    clone.runs(LEAVES)
    writes_late(clone)
    ends(clone)
    clone.commit()
    assert clone.owners("human.py") == ["human", "human", "ai"]
    assert list_arrivals(inbox_dir(os.environ)) == ()


def test_what_still_runs_when_the_agent_rests_is_a_loss(clone: Installed) -> None:
    clone.runs(LEAVES)
    clone.runs("echo made > made.py")
    clone.hook("Stop", session_id="s-1")
    assert len(clone.losses()) == 1
    types(clone, "typed = 3")
    clone.runs("echo more >> made.py")
    clone.hook("Stop", session_id="s-1")
    clone.commit()
    assert (clone.owners("human.py"), clone.owners("made.py")) == (["human"] * 3, ["ai", "ai"])
    assert (len(clone.losses()), list_arrivals(inbox_dir(os.environ))) == (1, ())
    writes_late(clone)
    ends(clone)


@pytest.mark.parametrize(
    "left",
    [
        'sleep 600 > /dev/null 2>&1 & echo $! > ../left; until read name < /proc/$!/comm && [ "$name" = sleep ]; do :; done',
        "mkfifo ../go; bash -c '(read x < ../go) > /dev/null 2>&1 & echo $! > ../left' factory-execute-supervisor",
        "mkfifo ../go; echo '(read x < ../go) > /dev/null 2>&1 & echo $! > ../left' > ../post-commit; sh ../post-commit",
    ],
    ids=["a sleep", "a subshell of Factory Droid's watchdog", "what a git hook starts, before it is the attester"],
)
def test_what_writes_nothing_holds_no_call_open(clone: Installed, left: str) -> None:
    """Droid's watchdog of each command is killed at the end of it, and what that was waiting for goes on for two seconds."""
    clone.runs(f"echo made > made.py; {left}")
    types(clone, "typed = 3")
    clone.hook("Stop", session_id="s-1")
    clone.commit()
    os.kill(int((clone.path.parent / "left").read_text()), signal.SIGKILL)
    assert (clone.owners("human.py"), clone.owners("made.py")) == (["human"] * 3, ["ai"])
    assert (clone.losses(), list_arrivals(inbox_dir(os.environ))) == ([], ())


def test_no_git_hook_is_taken_for_what_a_command_left() -> None:
    """A bare Python, which scans, does not import their names."""
    assert {f"/{hook}\0".encode() for hook in GIT_HOOKS} <= {*HELPERS}


def test_what_a_person_runs_in_the_work_tree_is_not_what_a_command_left(clone: Installed) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=clone.path) as process:
        clone.runs("echo made > made.py")
        types(clone, "typed = 3")
        clone.commit()
        process.kill()
    assert (clone.owners("human.py"), clone.owners("made.py")) == (["human"] * 3, ["ai"])
    assert list_arrivals(inbox_dir(os.environ)) == ()

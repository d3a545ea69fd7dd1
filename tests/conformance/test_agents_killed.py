# SPDX-License-Identifier: Apache-2.0
"""Real agents that are killed in the middle of a command: what it wrote is theirs, what a person types after that is not."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.capture.agents.catalogue import find_adapter
from byline.capture.inbox import list_arrivals, read_arrival
from byline.capture.places import inbox_dir
from model_server import Turn
from real_agents import AGENTS, CLAUDE, CLINE, CODEX, OPENCODE, PI, SECONDS, RealAgent, Work
from until import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scratch import Scratch

PERSON = ("human", None)
NOBODY = ("unknown", None)

# It says where it is, and then waits; who holds `alive` open is not gone yet.
COMMAND = "exec 9> ../alive; echo made = 1 > made.py; echo agent = 1 >> human.py; echo here >&9; read x < ../go; echo late = 1 >> made.py"


def tells_its_model() -> bool:
    """Whether the agent has said which model it uses; some write it down when nothing has happened for a while (Copilot: 0.1 s)."""
    spooled = read_arrival(list_arrivals(inbox_dir(os.environ))[0])
    adapter = find_adapter(spooled.agent)
    observed = adapter.parse_payload(spooled.payload, spooled.facts)
    if observed.transcript is None or adapter.find_model is None:
        return observed.agent.model is not None
    with suppress(FileNotFoundError):
        return adapter.find_model(Path(observed.transcript).expanduser().read_bytes(), observed) is not None
    return False


def is_settled(work: Work) -> bool:
    """Whether `status` takes all that was spooled; a shell around the command may take a moment to end."""
    return work.clone.byline("status").code == 0 and not list_arrivals(inbox_dir(os.environ))


def _kill_agent(_: subprocess.Popen[bytes]) -> None:
    """Kill the process that called the hooks, and nothing that it started."""
    named = {read_arrival(each).facts["process"] for each in list_arrivals(inbox_dir(os.environ)) if each.is_scan}
    assert len(named) == 1, named
    os.kill(int(named.pop().partition(".")[0]), signal.SIGKILL)


KILLS: Mapping[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "agent": _kill_agent,
    "group": lambda running: os.killpg(running.pid, signal.SIGKILL),
    "interrupt": lambda running: os.killpg(running.pid, signal.SIGINT),
    "hang up": lambda running: os.killpg(running.pid, signal.SIGHUP),
}
KILLED = [
    *((each, "agent") for each in AGENTS),
    *((each, kill) for each in (CLAUDE, CODEX) for kill in KILLS if kill != "agent"),
]


@contextmanager
def waiting(work: Work) -> Iterator[subprocess.Popen[bytes]]:
    """Yield who tells when the command is where it waits, and ends when nothing of it is left; then the command is let go."""
    for name in ("alive", "go"):
        os.mkfifo(work.path.parent / name)
    with subprocess.Popen(["timeout", str(SECONDS), "cat", work.path.parent / "alive"], stdout=subprocess.PIPE) as told:
        try:
            yield told
        finally:
            told.terminate()


def is_there(told: subprocess.Popen[bytes], running: subprocess.Popen[bytes]) -> None:
    """Wait until the command is where it waits; an agent that ends before that says why."""
    assert told.stdout
    wait_until(lambda: bool(select.select([told.stdout], [], [], 0)[0]) or running.poll() is not None)
    assert running.poll() is None, running.communicate()
    assert told.stdout.readline() == b"here\n"


def goes_on(work: Work, told: subprocess.Popen[bytes]) -> None:
    """Let the command end, if it still runs, and wait for that."""
    handle = os.open(work.path.parent / "go", os.O_RDWR)
    os.write(handle, b"\n")
    assert told.stdout
    told.stdout.read()
    os.close(handle)


@pytest.mark.parametrize(("agent", "kill"), KILLED, ids=str)
def test_what_a_killed_agent_was_about_is_its_own(repository: Scratch, agent: RealAgent, kill: str) -> None:
    work = Work.begin(repository, agent)
    with work.model(Turn(work.runs(COMMAND))) as model, waiting(work) as told, work.starts(model, "Run something long") as running:
        is_there(told, running)
        wait_until(tells_its_model)
        KILLS[kill](running)
        goes_on(work, told)
        with suppress(ProcessLookupError):  # what was not killed: a program that started the agent, and waits
            os.killpg(running.pid, signal.SIGKILL)
    wait_until(lambda: is_settled(work))
    work.types("human.py", "typed = 'after that'")
    work.clone.commit()

    if agent is not CLINE:
        again = Turn(work.runs("echo more = 1 > more.py"))  # it may or may not remember that it was asked
        with work.model(*[again] * 3) as model:
            work.asks(model, "Go on", with_model=1, more=agent.goes_on)
        work.clone.commit()

    (first, second) = (("ai", f"scripted/{each}" if agent in (OPENCODE, PI) else each) for each in agent.models)
    assert set(work.lines("made.py")) == {first}
    assert work.lines("human.py") == [NOBODY, NOBODY, first, PERSON]
    if agent is not CLINE:
        assert set(work.lines("more.py")) == {second}

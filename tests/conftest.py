# SPDX-License-Identifier: Apache-2.0
"""What every test stands on: a home of its own, no environment of the developer's, and a real git repository when it asks for one."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import SimpleNamespace

# No test may fail because a machine is slow.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# What takes longest begins first, so that at the end no process goes on alone.
LONGEST = ("conformance", "flow", "cli", "capture", "frameworks", "ledger")

# Variables that change what git, Byline or an agent's hook does, wherever they come from.
STEERING = ("BYLINE_", "CLAUDE", "CODEX_", "COPILOT_", "CURSOR_", "GEMINI_", "GIT_", "XDG_")

# A file system in memory, where Linux has one, and the room that it must have.
MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it are made as in any other
ROOM = 2 << 30

# How many seconds a test that hung has to end, before it is told again.
AGAIN = 20


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Failures(config))
    _lie_in_memory()


class _Failures:
    """Tells of a failure when it happens: who ends a run that takes too long has read why."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal:
            terminal.line("")
            terminal.section(report.nodeid, red=True)
            terminal.line(report.longreprtext)


def _lie_in_memory() -> None:
    """Let tests' own folders lie in memory where they can: files are made and removed by the ten thousand, and no test needs a disk.

    What programs under test leave in the folder for temporary files lies where it always does: nobody empties memory.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    told = os.statvfs(MEMORY)
    if told.f_bavail * told.f_frsize >= ROOM and not told.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: real agents wait half of their time, and what does not wait is no slower for it."""
    return 2 * (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer(settings: SimpleNamespace) -> Generator[None, object, object]:
    """Let a test that hangs be interrupted again and again: what it began (a process, a pool) is waited for on its way out."""
    done = yield
    if settings.timeout and settings.method == "signal":
        signal.setitimer(signal.ITIMER_REAL, settings.timeout, AGAIN)
    return done


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty home, so that nothing of the developer's is read or written."""
    for name in os.environ:
        if name.startswith(STEERING):
            monkeypatch.delenv(name)
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    for name, folder in (("CONFIG", ".config"), ("STATE", ".local/state"), ("CACHE", ".cache"), ("DATA", ".local/share")):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(place / folder))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (place / ".gitconfig").write_text("[user]\n\tname = Test Person\n\temail = person@example.invalid\n[init]\n\tdefaultBranch = main\n")
    return place


@pytest.fixture
def repository(tmp_path: Path, home: Path) -> Scratch:
    """Make an empty git repository on branch `main`, with nothing committed."""
    assert home.is_dir()
    return Scratch.create(tmp_path / "repository")

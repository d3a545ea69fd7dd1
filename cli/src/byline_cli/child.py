# SPDX-License-Identifier: Apache-2.0
r"""A command that somebody gave after `--`, run as their shell would: on their terminal, in their folder, to its end.

Ctrl-C and Ctrl-\ reach the command from the terminal itself; who is told to end (SIGTERM, SIGHUP) tells the command. It is waited for
in any case; `relayed` holds signals for what has to be done before and after it, too: one that comes before it is started keeps it from
that. With patience, so is what it left running in the background: where there is Linux, which gives the orphans of a command to the one
who asks for them (a subreaper), also those in a session of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Final

from byline.core.value import dataclass
from byline_cli.world import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
_PASSED_ON: Final = (signal.SIGTERM, signal.SIGHUP)
_GLANCE: Final = 0.02  # seconds
_SET_CHILD_SUBREAPER: Final = 36  # prctl(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit code, 128 and the signal where one ended it, and whether something it started still runs."""

    code: int
    has_left: bool


def run_child(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    patience: float = 0.0,
    tell: Callable[[], None] | None = None,
    taken: Relay | None = None,
) -> Ended:
    """Run `command`, and wait for what it left running for at most `patience` seconds, which `tell` announces; a signal ends that wait.

    Whoever has `taken` the signals already gives the relay of that; after an early one nothing is run.

    Raises:
        UsageError: It cannot be started.
    """
    if patience:
        _adopt_orphans()
    with nullcontext(taken) if taken else relayed() as relay:
        if relay.early:
            return Ended(code=128 + relay.early[0], has_left=False)
        try:
            process = subprocess.Popen(command, env=environ, cwd=cwd)
        except OSError as error:
            raise UsageError(f"cannot run {command[0]}: {(error.strerror or '').lower()}") from error
        relay.to(process.pid)
        code = _wait(process, orphans=bool(patience))
        relay.to(None)
        has_left = bool(patience) and _outlive(patience, relay, tell)
    return Ended(code=code if code >= 0 else 128 - code, has_left=has_left)


class Relay:
    """Where signals go: to the command while it runs, and then nowhere; `early` came before it, `is_hurried` once one came after it."""

    def __init__(self) -> None:
        self._pid: int | None = None
        self.early: list[int] = []
        self._is_over = False
        self.is_hurried = False

    def to(self, pid: int | None) -> None:
        """Send what comes to the process `pid`; None: it has ended."""
        self._pid, self._is_over = pid, pid is None
        while self.early and pid is not None:
            os.kill(pid, self.early.pop())

    def take(self, number: int, _frame: object) -> None:
        """Pass the signal `number` on, or remember that it came."""
        if self._is_over:
            self.is_hurried = True
        elif self._pid is None:
            self.early.append(number)
        elif number in _PASSED_ON:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self._pid, number)


@contextmanager
def relayed() -> Iterator[Relay]:
    """Take signals for the command, for nobody once it has ended, but those that our caller ignores (`nohup`): so does the command."""
    relay = Relay()
    taken = {}
    try:
        for number in (*_FROM_TERMINAL, *_PASSED_ON):
            if signal.getsignal(number) is not signal.SIG_IGN:
                taken[number] = signal.signal(number, relay.take)
        yield relay
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait(process: subprocess.Popen[bytes], *, orphans: bool) -> int:
    """Return the command's exit code; orphans that end before it are let go."""
    if not orphans:
        return process.wait()
    pid = status = 0
    while pid != process.pid:
        pid, status = os.waitpid(-1, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


def _outlive(seconds: float, relay: Relay, tell: Callable[[], None] | None) -> bool:
    """Wait until what the command left running has ended; return whether some of it has not."""
    start = time.monotonic()
    told = tell is None
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        waited = time.monotonic() - start
        if not ended and (relay.is_hurried or waited >= seconds):
            return True
        if not ended:
            time.sleep(_GLANCE)
        if tell and not told and waited > 1:
            told = True
            tell()

# SPDX-License-Identifier: Apache-2.0
r"""Byline's commands as processes that need not start: a process that has imported Byline forks once for each command.

Nine tenths of what a short command costs is that Python starts and imports. A command that is forked has arguments, folder, environment
and streams of its own, and ends as any process does. What is about the start of Python, or about its
end after the last thread, must not be tried with this.

    run_warm(["status", "--json"], cwd=folder, environ=environ, data=b"")      # -> (0, b"{...}", b"")
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What Python and the libraries below it look at only once, when they start.
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "OPENSSL", "SSL_")
# Imported by those commands alone that need them: gRPC has threads of its own, and they survive no fork.
_LEFT_OUT = ("byline.frameworks", "byline.testing", "byline.log.answers", "byline.log.client", "byline_cli.__main__")
_ROOMS = ("byline", "byline_cli")
_BESIDE = (
    "argparse",
    "byline_ledger.embedded",
    "sqlite3",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.serialization",
)
_SECONDS = 120


def can_be_warm(environ: Mapping[str, str]) -> bool:
    """Whether a process under `environ` would have started as the one that forks has."""
    return _at_start(environ) == _started()[1]


def run_warm(words: Sequence[str], *, cwd: Path, environ: Mapping[str, str], data: bytes) -> tuple[int, bytes, bytes]:
    """Run a command; return its exit code, standard output and standard error."""
    control, _ = _started()
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        stdin.write(data)
        stdin.seek(0)
        with theirs:
            socket.send_fds(control, [b"."], [each.fileno() for each in (theirs, stdin, out, err)])
        ours.sendall(json.dumps([list(words), str(cwd), dict(environ)]).encode())
        ours.shutdown(socket.SHUT_WR)
        ours.settimeout(_SECONDS)
        with ours.makefile() as told:
            process = int(told.readline())
            try:
                code = int(told.readline())
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                raise
        for each in (out, err):
            each.seek(0)
        return code, out.read(), err.read()


@functools.cache
def _started() -> tuple[socket.socket, dict[str, str]]:
    """Return the way to the process that forks, and what it started with."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, __file__, str(theirs.fileno())]
        serving = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def end() -> None:
        ours.close()
        serving.wait()

    atexit.register(end)
    return ours, _at_start(os.environ)


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_AT_START)}


def _serve(control: socket.socket) -> None:
    for package in map(importlib.import_module, _ROOMS):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(_LEFT_OUT):
                importlib.import_module(module.name)
    for name in _BESIDE:
        importlib.import_module(name)
    assert "grpc" not in sys.modules
    gc.freeze()  # what is never looked through is shared by all
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while handles := socket.recv_fds(control, 1, 4)[1]:
        if os.fork() == 0:
            control.close()
            _answer(*handles)
        for each in handles:
            os.close(each)


def _answer(asked: int, *streams: int) -> NoReturn:
    """Fork the command, and tell how it ends."""
    from byline_cli.main import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=asked) as told, told.makefile() as reading:
        words, cwd, environ = json.load(reading)
        command = os.fork()
        if command != 0:
            told.sendall(b"%d\n" % command)
            told.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(command, 0)[1]))
            os._exit(0)
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[1:] = words
    code = main()
    threading._shutdown()  # a thread that never ends lets no process end
    atexit._run_exitfuncs()
    for each in (sys.stdout, sys.stderr):
        each.flush()
    os._exit(code)  # to take a whole interpreter apart, page for page, costs more than most commands


if __name__ == "__main__":
    sys.path.pop(0)  # the tests' own folder
    _serve(socket.socket(fileno=int(sys.argv[1])))

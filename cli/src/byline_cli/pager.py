# SPDX-License-Identifier: Apache-2.0
"""A long answer goes through a pager, as git's do.

What a command says is held until it fills the screen; only then is the pager started and given all of it, so that a short answer is
printed as it is. Which pager: `BYLINE_PAGER`, else `GIT_PAGER`, else git's `core.pager`, else `PAGER`, else `less`; an empty one, `cat`
and one that is not here are none. A `core.pager` in a repository's own configuration is not taken: no program of a repository runs.
`LESS` is `FRX` and `LV` is `-c` where they are not set, so that colours are kept. Whoever leaves the
pager early has seen what they wanted: that is no error. Nothing is paged where standard output is no terminal.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from io import StringIO
from typing import IO, TYPE_CHECKING, TextIO

from byline.core.value import replace
from byline.errors import RepositoryError
from byline.git.repository import open_repository
from byline_cli.terminal import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from byline_cli.terminal import Terminal

SHELL = frozenset("|&;<>()$`'\"=")  # what has one of these is for the shell to understand
USERS = ("system", "global")  # scopes of git's configuration that are none of a repository
DEFAULTS = {"LESS": "FRX", "LV": "-c"}


@contextmanager
def paged(terminal: Terminal, environ: Mapping[str, str], cwd: Path) -> Iterator[Terminal]:
    """Yield a terminal like `terminal` whose answer, once it is longer than the screen, is shown by the pager."""
    screen = Screen(terminal.out, environ, lambda: find_pager(environ, cwd))
    try:
        yield replace(terminal, out=screen, err=screen if terminal.err.isatty() else terminal.err)
    except BrokenPipeError:
        if not screen.is_paged:
            raise
    finally:
        screen.finish()


def find_pager(environ: Mapping[str, str], cwd: Path) -> str | None:
    """Return the command of the person's pager, None if they want none or it is not here."""
    wanted = next((value for name in ("BYLINE_PAGER", "GIT_PAGER") if (value := environ.get(name)) is not None), None)
    if wanted is None:
        with suppress(RepositoryError), open_repository(cwd, environ=environ) as repo:
            theirs = [value for scope, value in repo.settings.scoped_values("core.pager") if scope in USERS]
            wanted = theirs[-1] if theirs else None
    wanted = environ.get("PAGER", "less") if wanted is None else wanted
    if set(wanted) & SHELL:
        return wanted
    program = wanted.partition(" ")[0]
    return wanted if program not in ("", "cat") and shutil.which(program, path=environ.get("PATH")) else None


class Screen(StringIO):
    """What is said, until it is more than fits the screen of `out`; then the input of the pager that `find` names."""

    def __init__(self, out: TextIO, environ: Mapping[str, str], find: Callable[[], str | None]) -> None:
        super().__init__()
        self._out = out
        self._environ = environ
        self._find = find
        self._free = shutil.get_terminal_size((COLUMNS, 24)).lines - 1
        self._process: subprocess.Popen[str] | None = None
        self._to: IO[str] | None = None  # where it goes once it is not held any more

    @property
    def is_paged(self) -> bool:
        """Whether the pager was started."""
        return self._process is not None

    def isatty(self) -> bool:
        """Say that a person reads it."""
        return True

    def write(self, text: str) -> int:
        """Take `text`."""
        if self._to is not None:
            return self._to.write(text)
        size = super().write(text)
        self._free -= text.count("\n")
        if self._free <= 0:
            self._to = self._open()
            self._to.write(self.getvalue())
        return size

    def flush(self) -> None:
        """Let the pager have what is there; what is held stays."""
        if self._to is not None:
            self._to.flush()

    def finish(self) -> None:
        """Say what is still held, or wait until the person has left the pager; Ctrl-C is the pager's meanwhile."""
        if self._process is None:
            if self._to is None:
                self._out.write(self.getvalue())
            return
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if self._process.stdin:
                with suppress(BrokenPipeError):
                    self._process.stdin.close()
            self._process.wait()
        finally:
            signal.signal(signal.SIGINT, before)

    def _open(self) -> IO[str]:
        command = self._find()
        if command is None:
            return self._out
        self._out.flush()
        process = subprocess.Popen(
            ["sh", "-c", command],
            env={**DEFAULTS, **self._environ},
            stdin=subprocess.PIPE,
            encoding=getattr(self._out, "encoding", None),
            errors="backslashreplace",
        )
        self._process = process
        return process.stdin or self._out

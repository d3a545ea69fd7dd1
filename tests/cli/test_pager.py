# SPDX-License-Identifier: Apache-2.0
"""A long answer goes through the pager that git would take, a short one does not, and leaving it is no error. In a real terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from byline_cli.pager import find_pager

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

pty = pytest.importorskip("pty", reason="no pseudo-terminals here")
termios = pytest.importorskip("termios", reason="no pseudo-terminals here")

LONG = "".join(f"line_{number} = {number}\n" for number in range(200))


def _on_screen(folder: Path, *words: str, keys: bytes = b"", columns: int = 70, **environ: str) -> tuple[int, str]:
    """Run Byline on a screen of 10 lines, type `keys`; return the exit code and what was shown."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (10, columns))
    command = [sys.executable, "-m", "byline_cli", *words]
    env = {**{name: value for name, value in os.environ.items() if name not in ("PAGER", "LESS", "COLUMNS", "LINES")}, "TERM": "xterm"}
    process = subprocess.Popen(
        command, cwd=folder, env={**env, **environ}, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.write(ours, keys)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux tells that nobody holds the other end
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


@pytest.fixture
def long_file(repository: Scratch) -> Path:
    """Make a repository with a long file and a short one, and the pagers `mark` and `quit` in the home."""
    repository.write("long.py", LONG)
    repository.write("short.py", "one = 1\n")
    repository.git("add", ".")
    repository.git("commit", "-qm", "x")
    return repository.path


def test_a_long_answer_goes_to_the_pager_with_its_colours(long_file: Path) -> None:
    code, shown = _on_screen(long_file, "blame", "long.py", BYLINE_PAGER="sed 's/^/PAGED /'")
    assert code == 0
    assert shown.count("PAGED ") >= 200
    assert "\x1b[31m" in shown


def test_a_short_answer_does_not(long_file: Path) -> None:
    assert "PAGED" not in _on_screen(long_file, "blame", "short.py", BYLINE_PAGER="sed 's/^/PAGED /'")[1]


@pytest.mark.parametrize("words", [("blame", "--no-pager", "long.py"), ("--no-pager", "blame", "long.py")])
def test_no_pager_is_no_pager(long_file: Path, words: tuple[str, ...]) -> None:
    assert "PAGED" not in _on_screen(long_file, *words, BYLINE_PAGER="sed 's/^/PAGED /'")[1]


def test_an_interrupt_is_the_pagers_while_it_shows(long_file: Path) -> None:
    """As with git: the person leaves the pager with its own key, and that is no error."""
    (long_file / "huge.py").write_text(LONG * 100)
    stubborn = "trap '' INT; cat >/dev/null; kill -INT 0; echo shown"
    code, shown = _on_screen(long_file, "blame", "huge.py", BYLINE_PAGER=stubborn)
    assert (code, shown.splitlines()[-1]) == (0, "shown")


@pytest.mark.parametrize("pager", ["", "cat", "/nonexistent/pager"])
def test_a_pager_that_is_none_or_not_here_shows_everything(long_file: Path, pager: str) -> None:
    code, shown = _on_screen(long_file, "blame", "long.py", BYLINE_PAGER=pager)
    assert (code, shown.count("line_")) == (0, 200)


def test_leaving_the_pager_early_is_no_error(long_file: Path) -> None:
    """Much more is said than a pipe holds."""
    (long_file / "huge.py").write_text(LONG * 100)
    code, shown = _on_screen(long_file, "blame", "huge.py", BYLINE_PAGER="head -n 3")
    assert (code, len(shown.splitlines())) == (0, 3)
    assert "error" not in shown


def test_the_width_of_the_screen_cuts_lines(long_file: Path) -> None:
    (long_file / "wide.py").write_text("x" * 500 + "\n")
    _, shown = _on_screen(long_file, "blame", "wide.py", columns=64, NO_COLOR="1")
    assert max(map(len, shown.splitlines()[1:2])) == 64


def test_an_error_is_said_without_a_pager(long_file: Path) -> None:
    code, shown = _on_screen(long_file, "blame", "nothing.py", BYLINE_PAGER="sed 's/^/PAGED /'")
    assert code == 3
    assert "PAGED" not in shown
    assert "byline: error:" in shown


def test_the_pager_is_the_one_that_git_would_take(repository: Scratch, tmp_path: Path) -> None:
    """`BYLINE_PAGER`, `GIT_PAGER`, `core.pager`, `PAGER`, in this order."""
    environ = {"PATH": os.environ["PATH"], "PAGER": "tail", "GIT_CONFIG_GLOBAL": str(tmp_path / "config")}
    assert find_pager(environ, repository.path) == "tail"
    repository.git("config", "--file", str(tmp_path / "config"), "core.pager", "head -n 5")
    assert find_pager(environ, repository.path) == "head -n 5"
    assert find_pager({**environ, "GIT_PAGER": "sort"}, repository.path) == "sort"
    assert find_pager({**environ, "GIT_PAGER": "sort", "BYLINE_PAGER": "X=1 uniq"}, repository.path) == "X=1 uniq"
    assert find_pager({**environ, "GIT_PAGER": ""}, repository.path) is None


def test_a_repository_names_no_pager(repository: Scratch) -> None:
    """G1: its configuration comes with an archive that somebody made."""
    repository.git("config", "core.pager", "touch pwned")
    assert find_pager({"PATH": os.environ["PATH"], "PAGER": "tail"}, repository.path) == "tail"

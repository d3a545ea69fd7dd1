# SPDX-License-Identifier: Apache-2.0
"""A command that is forked and not started (`warm`) is the same command: or nothing that tests say with it would be worth anything."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from installed import PROGRAM, Installed
from warm import can_be_warm, run_warm

if TYPE_CHECKING:
    from scratch import Scratch


def test_what_is_forked_says_and_does_what_is_started_does(repository: Scratch) -> None:
    clone = Installed.create(repository)
    for words, data in (
        (["--version"], b""),
        (["status"], b""),
        (["blame", "--json", "nothing.py"], b""),
        (["no-such-command"], b""),
        (["prompt", "verify", "-"], b"\xff"),
        (["hook", "generic"], b"{"),
    ):
        started = subprocess.run([*PROGRAM, *words], cwd=clone.path, input=data, capture_output=True, check=False, timeout=60)
        forked = run_warm(words, cwd=clone.path, environ=os.environ, data=data)
        assert forked == (started.returncode, started.stdout, started.stderr), words


def test_what_one_is_given_and_how_it_ends_is_nothing_to_the_next(repository: Scratch) -> None:
    """Each has variables, a signal's end and standard input of its own, and what it runs has them from it."""
    clone = Installed.create(repository)
    tells = 'echo "$WORD:$BYLINE_WORD:$(cat)"; [ "$WORD" != last ] || kill -KILL $PPID'
    words = ["record", "--agent", "a", "--", "sh", "-c", tells]
    for given, data, ends in (
        ({"WORD": "first", "BYLINE_WORD": "x"}, b"in", (0, b"first:x:in\n")),
        ({}, b"", (0, b"::\n")),
        ({"WORD": "last"}, b"", (-signal.SIGKILL, b"last::\n")),
    ):
        environ = {**os.environ, **given}
        started = subprocess.run([*PROGRAM, *words], cwd=clone.path, env=environ, input=data, capture_output=True, check=False, timeout=60)
        forked = run_warm(words, cwd=clone.path, environ=environ, data=data)
        assert (forked, forked[:2]) == ((started.returncode, started.stdout, started.stderr), ends), given


@pytest.mark.parametrize("name", ["PYTHONWARNINGS", "LC_ALL", "TZ"])
def test_what_python_looks_at_when_it_starts_is_started(name: str) -> None:
    assert can_be_warm(os.environ)
    assert not can_be_warm({**os.environ, name: "other"})

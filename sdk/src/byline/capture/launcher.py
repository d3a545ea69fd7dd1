# SPDX-License-Identifier: Apache-2.0
"""The launcher: the file from which every installed script reads where Byline is, so that a Byline that moved is found again.

    $XDG_DATA_HOME/byline/launcher = <absolute path of the interpreter> LF <absolute path of capture/snapshot.py> LF

One file for all scripts of a user: a virtual environment that is made anew elsewhere, or for the next Python, leaves none of them
behind. Each start of `byline` looks whether both paths are still there, and if not writes its own (`mend_launcher`). Two
installations that both work do not take it from each other: the one that `byline init` was last called with has it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.places import data_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

LAUNCHER = "launcher"
MODE = 0o644  # whoever may write it says which program all hooks run


def launcher_file(environ: Mapping[str, str]) -> Path:
    """Return where the launcher is."""
    return data_dir(environ) / LAUNCHER


def format_launcher(python: str | Path) -> bytes:
    """Return the launcher that leads to the interpreter `python` and to this Byline."""
    return os.fsencode(f"{python}\n{Path(__file__).with_name('snapshot.py')}\n")


def interpreter(launcher: bytes) -> str:
    """Return the interpreter that `launcher` leads to."""
    return os.fsdecode(launcher.split(b"\n", 1)[0])


def is_working(launcher: bytes) -> bool:
    """Whether what `launcher` leads to is there: two looks at the disk."""
    python, snapshot, *_ = *launcher.split(b"\n"), b""
    return b"\0" not in launcher and os.access(python, os.X_OK) and os.path.exists(snapshot)  # noqa: PTH110 - bytes


def mend_launcher(environ: Mapping[str, str], python: str) -> None:
    """Let a launcher that leads nowhere lead here; one that works, and none at all, stay as they are. Never raises."""
    place = launcher_file(environ)
    with suppress(OSError):
        if is_working(place.read_bytes()) or not python:
            return
        draft = place.with_name(f".{LAUNCHER}.{os.getpid()}")
        draft.touch(mode=MODE, exist_ok=False)
        draft.write_bytes(format_launcher(python))
        draft.replace(place)

# SPDX-License-Identifier: Apache-2.0
"""What was spooled in a clone that cannot be seen from here: it waits until that clone is settled, wherever it stands then.

    <inbox>/astray/<id of the clone>/<name>.spool

One clone has many paths: it is moved, or mounted into a container whose hooks spool into the same home folder. A payload names the clone
in which its hook ran by its id (`<place>/id`, made with the folder), too. Where no such clone stands at the path that it names, and none
is being settled, the payload goes here: to whoever settles that clone next. After a day it is a loss, for the clone may be gone for good.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import make_private
from byline.capture.worktree import clone_id, find_worktree

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = "astray"
WAITS_NS: Final = 24 * 3600 * 10**9
GONE: Final = "an agent worked in a repository that is not here any more, or is mounted elsewhere"


def stands(top: str, clone: str) -> bool:
    """Whether a work tree of `clone` (empty: of any) is at `top`."""
    worktree = find_worktree(Path(os.path.realpath(top)))
    return worktree is not None and (not clone or clone_id(worktree.common_dir) == clone)


def has_astray(inbox: Path, clone: str | None = None) -> bool:
    """Whether something waits, or for `clone` alone."""
    return (inbox / FOLDER).is_dir() if clone is None else _is_id(clone) and (inbox / FOLDER / clone).is_dir()


def send_astray(inbox: Path, spooled: Path, clone: str) -> bool:
    """Let the file `spooled` of the inbox wait for `clone`; return whether it can, for it names one.

    Raises:
        OSError: It cannot be moved.
    """
    if not _is_id(clone):
        return False
    spooled.rename(make_private(make_private(inbox / FOLDER) / clone) / spooled.name)
    return True


def fetch_astray(inbox: Path, clone: str) -> None:
    """Put what waits for `clone` into the inbox again, but for what has the name of a newer file there. Hold the inbox.

    Raises:
        OSError: It cannot be moved.
    """
    if has_astray(inbox, clone):
        for path in _files(inbox / FOLDER / clone):
            if not (inbox / path.name).exists():
                path.rename(inbox / path.name)
        _tidy(inbox / FOLDER / clone)


def sweep_astray(inbox: Path, now: int) -> int:
    """Record what has waited for a day as lost, and remove it; return how much that was. Hold the inbox.

    Raises:
        OSError: It cannot be listed or removed.
    """
    count = 0
    for folder in [*(inbox / FOLDER).iterdir()] if has_astray(inbox) else ():
        for path in _files(folder):
            if now - (time := path.stat().st_mtime_ns) >= WAITS_NS:
                record_loss(inbox, Loss(code=LossCode.ASTRAY, message=GONE, source=path.stem, time=time))
                path.unlink()
                count += 1
        _tidy(folder)
    _tidy(inbox / FOLDER)
    return count


def _files(folder: Path) -> Iterator[Path]:
    yield from [folder / name for name in sorted(os.listdir(folder))]  # noqa: PTH208 - names only


def _tidy(folder: Path) -> None:
    with suppress(OSError):  # something still waits in it, or nothing ever did
        folder.rmdir()


def _is_id(clone: str) -> bool:
    return clone.isascii() and clone.replace("-", "").isalnum() and len(clone) <= 64

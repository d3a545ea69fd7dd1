# SPDX-License-Identifier: Apache-2.0
r"""Marks: what the git hooks leave in `<place>/marks/`, one file each, until they stand in the journal.

    byline.mark/1 NUL <hook> NUL <git dir> NUL <HEAD's id> NUL <ids of *_HEAD, by spaces> NUL <names of agent variables> NUL
    <"old new " for each rewritten commit> NUL end NUL

The hooks' shell text (`capture.spool`) writes a mark with one builtin `printf`; one that does not end with `end` is still being
written, or its hook was killed. The file's mtime is the mark's time, its name ends with `.mark`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from byline.capture.journal import append_mark
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import shared_dir, worktree_dir, worktree_name
from byline.core.edit import Hook, Mark
from byline.core.value import replace
from byline.errors import PayloadError

SCHEMA: Final = b"byline.mark/1"
STALE_NS: Final = 60 * 10**9


def list_marks(place: Path) -> tuple[tuple[int, Path], ...]:
    """Return (time, file) of the marks in `place` that are not in the journal yet, in order.

    Raises:
        OSError: The folder is there and cannot be read.
    """
    folder = place / "marks"
    entries = os.scandir(folder) if folder.is_dir() else ()
    found = [(entry.stat().st_mtime_ns, folder / entry.name) for entry in entries if entry.name.endswith(".mark")]
    return tuple(sorted(found, key=lambda item: (item[0], item[1].name)))


def agent_commits(marks: tuple[tuple[int, Path], ...]) -> tuple[Mark, ...]:
    """Return those of `marks` that are plain commits which an agent's command made, in order."""
    commits = []
    for time, path in marks:
        try:
            mark = _read(path, time)
        except (OSError, PayloadError):
            continue  # `settle_marks` says so
        if mark.by_agent and mark.hook is Hook.POST_COMMIT and mark.head and not mark.in_progress:
            commits.append(mark)
    return tuple(commits)


def settle_marks(place: Path, marks: tuple[tuple[int, Path], ...], *, now: int) -> int:
    """Move `marks` into the journal of `place`; return how many. Safe to repeat after a crash: the journal knows them by name and time.

    Raises:
        OSError: The journal cannot be written; the marks stay.
    """
    count = 0
    for time, path in marks:
        try:
            mark = _read(path, time)
        except FileNotFoundError:
            continue  # another settler was faster
        except PayloadError as error:
            if now - time < STALE_NS:
                continue  # perhaps it is being written
            record_loss(place, Loss(code=LossCode.TORN, message=str(error), source=path.name, time=time))
        else:
            append_mark(place, mark)
            count += 1
        path.unlink(missing_ok=True)
    return count


def _read(path: Path, time: int) -> Mark:
    """Return the mark in the file at `path`. It speaks of a work tree of the clone that holds it, also if that was moved since."""
    mark = parse_mark(path.read_bytes(), time=time, name=path.name.removesuffix(".mark"))
    common_dir, git_dir = shared_dir(path.parent.parent), Path(mark.worktree)
    if Path(worktree_name(common_dir, mark.worktree)).is_absolute():
        linked = f"worktrees/{git_dir.name}" if git_dir.parent.name == "worktrees" else "."
        return replace(mark, worktree=worktree_dir(common_dir, linked))
    return mark


def parse_mark(data: bytes, *, time: int, name: str) -> Mark:
    """Return the mark that a hook wrote at `time` into the file `name`.

    Raises:
        PayloadError: It is not a mark, or not a whole one.
    """
    fields = data.split(b"\0")
    if len(fields) != 9 or fields[0] != SCHEMA or fields[7:] != [b"end", b""]:
        raise PayloadError("not a whole mark of a git hook")
    hook, git_dir, head, progress, agents, pairs = (os.fsdecode(field) for field in fields[1:7])
    ids = pairs.split()
    try:
        return Mark(
            worktree=os.path.realpath(git_dir),
            hook=Hook(hook),
            head=_id(head) if head else None,
            in_progress=tuple(map(_id, progress.split())),
            rewritten=tuple(zip(map(_id, ids[::2]), map(_id, ids[1::2]), strict=True)),
            by_agent=bool(agents.strip()),
            time=time,
            name=name,
        )
    except ValueError as error:
        raise PayloadError(f"not a mark: {error}") from error


def _id(text: str) -> str:
    if len(text) not in (40, 64) or text.strip("0123456789abcdef"):
        raise ValueError("an object id")
    return text

# SPDX-License-Identifier: Apache-2.0
r"""Marks: what the git hooks leave in `<place>/marks/`, one file each, until they stand in the journal.

    byline.mark/1 NUL <hook> NUL <git dir> NUL <HEAD's id> NUL <ids of *_HEAD, by spaces> NUL <names of agent variables> NUL
    <"old new " for each rewritten commit> NUL <file of a delegation> NUL <file of a key> NUL end NUL

Of the two files one is named at most, by an absolute path: what the environment gave the committer to sign with. A key of the account
itself that is not there is not named, so that a mark out of a container is for whoever's account the clone is in. `HOME` among the
variables: there was none, so that nobody knows whose environment it was.

The hooks' shell text (`capture.git_hooks`) writes a mark with one builtin `printf`; one that does not end with `end` is still being
written, or its hook was killed. The file's mtime is the mark's time, its name ends with `.mark`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from byline.capture.disk import read_file
from byline.capture.journal import append_mark
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import shared_dir, worktree_dir, worktree_name
from byline.core.edit import Committer, Hook, Mark
from byline.core.lines import is_git_id
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
    files = (entry for entry in entries if entry.name.endswith(".mark") and entry.is_file(follow_symlinks=False))
    found = [(entry.stat(follow_symlinks=False).st_mtime_ns, folder / entry.name) for entry in files]
    return tuple(sorted(found, key=lambda item: (item[0], item[1].name)))


def plain_commits(marks: tuple[tuple[int, Path], ...]) -> tuple[Mark, ...]:
    """Return those of `marks` that are plain commits, in order: no merge, no pick, no rebase."""
    commits = []
    for time, path in marks:
        try:
            mark = _read(path, time)
        except (OSError, PayloadError):
            continue  # `settle_marks` says so
        if mark.hook is Hook.POST_COMMIT and mark.head and not mark.in_progress:
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
    account, data = path.lstat().st_uid, read_file(path)
    mark = parse_mark(b"" if data is None else data, time=time, name=path.name.removesuffix(".mark"))
    if account not in (os.getuid(), 0) and not _names_own(mark.committer, account):
        mark = replace(mark, by_agent=True)  # another account's, with no key of its own: nobody declares for it
    common_dir, git_dir = shared_dir(path.parent.parent), Path(mark.worktree)
    if Path(worktree_name(common_dir, mark.worktree)).is_absolute():
        linked = f"worktrees/{git_dir.name}" if git_dir.parent.name == "worktrees" else "."
        return replace(mark, worktree=worktree_dir(common_dir, linked))
    return mark


def _names_own(committer: Committer, account: int) -> bool:
    """Whether `committer` is named by a file of the `account` itself, as far as one can look: another's key is not for it to name."""
    named = committer.delegation or committer.key or ""
    try:
        return Path(named).is_absolute() and Path(named).stat().st_uid == account
    except OSError:  # then nobody here can sign with it
        return True


def parse_mark(data: bytes, *, time: int, name: str) -> Mark:
    """Return the mark that a hook wrote at `time` into the file `name`.

    Raises:
        PayloadError: It is not a mark, or not a whole one.
    """
    fields = data.split(b"\0")
    if len(fields) != 11 or fields[0] != SCHEMA or fields[9:] != [b"end", b""]:
        raise PayloadError("not a whole mark of a git hook")
    hook, git_dir, head, progress, agents, pairs, delegation, key = (os.fsdecode(field) for field in fields[1:9])
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
            committer=Committer(key=key or None, delegation=delegation or None),
        )
    except ValueError as error:
        raise PayloadError(f"not a mark: {error}") from error


def _id(text: str) -> str:
    if not is_git_id(text):
        raise ValueError("an object id")
    return text

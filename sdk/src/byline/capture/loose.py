# SPDX-License-Identifier: Apache-2.0
"""A folder without git: its edits are kept, and become a repository's when one is made there.

    $XDG_STATE_HOME/byline/loose/<32 hex of the SHA-256 of the folder's real path>/
        top        that path
        byline/    journal, contents, losses: as in a clone

Such a folder is a `WorkTree` whose git folder is the one above, so that whatever writes to a clone's journal writes to this one. Who
settles a clone asks whether edits of such folders lie in it now (`git init` there, or in a folder above or below): those move to its
journal, with their bytes. There are at most a hundred of these folders, the newest; one whose `top` is gone goes; none grows beyond
256 MB.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture.contents import Contents
from byline.capture.cut import locked
from byline.capture.disk import read_link_or_file
from byline.capture.journal import FILE, append_edit, format_event, read_events
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import make_private, prepare_repository, repository_dir
from byline.capture.worktree import WorkTree, route
from byline.core.edit import UNSEEN, Edit, Unseen
from byline.core.lines import blob_id
from byline.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from byline.capture.worktree import Routed

TOP: Final = "top"
MOST: Final = 100
MAX_BYTES: Final = 256_000_000


def make_loose(loose: Path, top: Path) -> WorkTree | None:
    """Return the folder `top` (a real path) as a work tree without git, kept in `loose`; None where it has no room left.

    Raises:
        OSError: It cannot be made.
    """
    folder = loose / hashlib.sha256(os.fsencode(top)).hexdigest()[:32]
    if not (folder / TOP).exists():
        make_private(folder)
        fresh = folder / f".{TOP}.{os.getpid()}"
        fresh.write_bytes(os.fsencode(top))
        fresh.rename(folder / TOP)  # whoever prunes meanwhile reads all of it or nothing
        _prune(loose)
    prepare_repository(folder)
    size = sum((Path(at) / name).stat().st_size for at, _, names in os.walk(folder) for name in names)
    return _tree(folder, top) if size < MAX_BYTES else None


def find_loose(git_dir: str) -> WorkTree | None:
    """Return the work tree without git that is kept at `git_dir`; None where that is no such place."""
    folder = Path(git_dir)
    if (folder / "HEAD").exists():
        return None
    try:
        return _tree(folder, Path(os.fsdecode((folder / TOP).read_bytes())))
    except OSError:
        return None


def is_loose(worktree: WorkTree) -> bool:
    """Whether `worktree` is a folder without git."""
    return find_loose(str(worktree.git_dir)) is not None


def adopt_edits(place: Path, loose: Path) -> int:
    """Move the edits that lie in the clone of `place` by now from the folders in `loose` to its journal; return how many.

    Raises:
        OSError: A journal cannot be read or written; what was moved is moved, and what is moved again is the same record.
    """
    return sum(_adopt(place, folder) for folder in loose_folders(loose))


def loose_folders(loose: Path) -> tuple[Path, ...]:
    """Return the folders in `loose` in which something is recorded.

    Raises:
        OSError: They cannot be listed.
    """
    return tuple(each for each in sorted(loose.iterdir()) if (repository_dir(each) / FILE).is_file()) if loose.is_dir() else ()


def near_folders(loose: Path, top: Path) -> tuple[WorkTree, ...]:
    """Return the work trees without git, kept in `loose`, that are the folder `top` (a real path), or lie above or below it.

    Raises:
        OSError: They cannot be listed.
    """
    found = (find_loose(str(each)) for each in loose_folders(loose))
    return tuple(each for each in found if each and (each.top == top or each.top in top.parents or top in each.top.parents))


def loose_edits(folder: Path) -> tuple[Edit, ...]:
    """Return what is recorded in the `folder`.

    Raises:
        OSError: It cannot be read.
    """
    return tuple(event for event in read_events(repository_dir(folder)).events if isinstance(event, Edit))


def strip_sessions(folder: Path, sessions: Container[str | None]) -> tuple[int, int]:
    """Take `sessions` out of what is kept in `folder`; return how many records and texts went.

    `sessions` are names. Which agent wrote what stands in a file now is still known, without the session. Texts go that no file holds and
    nobody else's record names: first, so that after a kill the same call does the rest.

    Raises:
        OSError: The journal or a text cannot be read, written or removed.
    """
    tree, theirs = find_loose(str(folder)), repository_dir(folder)
    with locked(theirs / FILE, alone=True):
        edits = loose_edits(folder)
        mine = [edit for edit in edits if edit.session in sessions]
        if tree is None or not mine:
            return 0, 0
        here = [read_link_or_file(tree.top / os.fsdecode(path)) for path in {edit.path for edit in mine}]
        kept = {blob for edit in edits if edit.session not in sessions for blob in (edit.before, edit.after)}
        kept |= {blob_id(data) for data in here if data is not None} | {None, UNSEEN}
        contents = Contents(theirs)
        texts = sum(contents.remove(blob) for blob in {blob for edit in mine for blob in (edit.before, edit.after)} - kept if blob)
        contents.sweep()
        for draft in theirs.glob(f".{FILE}.*"):  # of a process that was killed: only who holds the lock writes one
            draft.unlink()
        rest = [edit for edit in edits if edit.session not in sessions or edit.after in kept]
        _write(folder, [_nameless(edit, kept) if edit.session in sessions else edit for edit in rest])
        return len(mine), texts


def _nameless(edit: Edit, kept: Container[str | None]) -> Edit:
    before = edit.before if edit.before in kept else UNSEEN
    return replace(edit, session=None, call=None, name=f"edit.forgotten.{edit.after}", before=before)


def _write(folder: Path, edits: Iterable[Edit]) -> None:
    """Put a journal of `edits` in the place of that in `folder`: whoever waits to append to the old one looks again."""
    theirs = repository_dir(folder)
    fresh = theirs / f".{FILE}.{os.getpid()}"
    fresh.write_bytes(b"".join(format_event(edit, str(folder)) + b"\n" for edit in edits))
    fresh.chmod(0o600)
    fresh.rename(theirs / FILE)


def _adopt(place: Path, folder: Path) -> int:
    tree, theirs = find_loose(str(folder)), repository_dir(folder)
    if tree is None or theirs == place:
        return 0
    with locked(theirs / FILE, alone=True):
        edits = loose_edits(folder)
        routes: dict[bytes, Routed | None] = {}
        for path in {edit.path for edit in edits}:
            found = route(os.path.join(tree.top, os.fsdecode(path)), follow=False)  # noqa: PTH118 - text
            routes[path] = found if found and repository_dir(found.worktree.common_dir) == place else None
        rest = [edit for edit in edits if routes[edit.path] is None]
        if len(rest) == len(edits):
            return 0
        for edit in edits:
            if (routed := routes[edit.path]) is not None:
                _move(edit, Contents(theirs), routed)
        _write(folder, rest)
        needed = {blob for edit in rest for blob in (edit.before, edit.after) if blob}
        Contents(theirs).drop(needed, before=min((edit.time for edit in edits if routes[edit.path]), default=0) + 1)
        return len(edits) - len(rest)


def _move(edit: Edit, kept: Contents, routed: Routed) -> None:
    worktree = routed.worktree
    contents = Contents(prepare_repository(worktree.common_dir), worktree.algorithm)

    def put(blob: str) -> str | None:
        data = kept.get(blob)
        return contents.put(data) if data is not None else blob if worktree.algorithm == "sha1" else None

    before = edit.before if edit.before is None or isinstance(edit.before, Unseen) else put(edit.before) or UNSEEN
    after = None if edit.after is None else put(edit.after)
    if after is None and edit.after is not None:
        message = f"bytes that were not kept: {os.fsdecode(edit.path)}"
        record_loss(repository_dir(worktree.common_dir), Loss(code=LossCode.UNREADABLE, message=message, source=edit.name, time=edit.time))
        return
    moved = replace(edit, worktree=str(worktree.git_dir), path=routed.path, before=before, after=after)
    append_edit(repository_dir(worktree.common_dir), moved)


def _prune(loose: Path) -> None:
    """Remove the folders whose `top` is gone, and the oldest of more than a hundred."""
    kept = []
    for folder in loose.iterdir():
        tree = find_loose(str(folder))
        if tree is not None and tree.top.is_dir():
            kept.append((folder.stat().st_mtime_ns, folder))
        elif tree is not None:
            shutil.rmtree(folder, ignore_errors=True)
    for _, folder in sorted(kept)[:-MOST]:
        shutil.rmtree(folder, ignore_errors=True)


def _tree(folder: Path, top: Path) -> WorkTree:
    return WorkTree(top=top, git_dir=folder, common_dir=folder, algorithm="sha1")

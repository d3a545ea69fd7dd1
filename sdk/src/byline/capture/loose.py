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
from byline.capture.journal import FILE, append_edit, format_event, read_events
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import make_private, prepare_repository, repository_dir
from byline.capture.worktree import WorkTree, route
from byline.core.edit import UNSEEN, Edit, Unseen
from byline.core.value import replace

if TYPE_CHECKING:
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
    return sum(_adopt(place, folder) for folder in sorted(loose.iterdir()) if (repository_dir(folder) / FILE).is_file())


def _adopt(place: Path, folder: Path) -> int:
    tree, theirs = find_loose(str(folder)), repository_dir(folder)
    if tree is None or theirs == place:
        return 0
    with locked(theirs / FILE, alone=True):
        edits = [event for event in read_events(theirs).events if isinstance(event, Edit)]
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
        # Whoever waits to append to the old file looks again for the one at its place.
        fresh = theirs / f".{FILE}.{os.getpid()}"
        fresh.write_bytes(b"".join(format_event(edit, str(folder)) + b"\n" for edit in rest))
        fresh.chmod(0o600)
        fresh.rename(theirs / FILE)
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

# SPDX-License-Identifier: Apache-2.0
"""What an answer about a file rests on, as a value that is equal as long as nothing of it changed: a *stamp*.

The file, HEAD, the journal, and the places where git keeps refs. A ref that git writes is renamed into its folder, so that the
folder's time tells it. A stamp costs a few dozen `stat` calls and no process, so it can be taken for every request.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from byline.capture.places import repository_dir
from byline.capture.worktree import read_head

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.capture.worktree import Routed, WorkTree

Stamp: TypeAlias = tuple[object, ...]

FILES = ("packed-refs", "FETCH_HEAD", "refs/heads", "refs/byline", "reftable/tables.list", "shallow", "config")
FOLDERS = ("refs/remotes", "refs/byline/remotes")


def stamp_of(routed: Routed) -> Stamp:
    """Return the stamp of a file."""
    tree = routed.worktree
    head = (read_head(tree), _stat(tree.git_dir / "HEAD"), _stat(tree.git_dir / "logs/HEAD"))
    return *head, _stat(tree.top / os.fsdecode(routed.path)), _stat(tree.top / ".byline/trust.toml"), *_shared(tree)


def pending_stamp(place: Path, inbox: Path) -> Stamp:
    """Return the stamp of what hooks spooled: the user's inbox, and the marks of one clone."""
    return _stat(inbox), _stat(place / "marks")


def _shared(tree: WorkTree) -> Iterator[object]:
    common = tree.common_dir
    yield _stat(repository_dir(common) / "journal")
    yield from (_stat(common / name) for name in FILES)
    for name in FOLDERS:
        try:
            with os.scandir(common / name) as found:
                yield tuple(sorted((each.name, each.stat().st_mtime_ns) for each in found))
        except OSError:
            yield None


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

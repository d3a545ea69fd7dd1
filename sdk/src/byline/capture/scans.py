# SPDX-License-Identifier: Apache-2.0
"""Scans of work trees, as `capture.snapshot` makes them, for who has Python already: the reference door, and programs with the SDK."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.capture import snapshot
from byline.capture.ask_git import open_worktree
from byline.capture.places import repository_dir
from byline.capture.worktree import find_worktree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.capture.worktree import WorkTree


def with_submodules(folder: Path) -> Iterator[WorkTree]:
    """Yield the work tree that holds `folder`, then those of its submodules: a command may change what they hold, too.

    Raises:
        RepositoryError: Git cannot list the submodules.
    """
    worktree = find_worktree(folder)
    if worktree is None:
        return
    yield worktree
    if not (worktree.top / ".gitmodules").is_file():
        return
    with open_worktree(worktree) as repository:
        places = [worktree.top / os.fsdecode(path) for path in repository.submodules()]
    for place in places:
        if (place / ".git").exists() and not place.is_symlink():
            yield from with_submodules(place)


def scan_worktree(worktree: WorkTree, under: tuple[bytes, ...] = ()) -> tuple[dict[str, str], tuple[bytes, ...]]:
    """Return what a scan of `worktree` says (facts and `file` fields, see `capture.inbox`), and keep the bytes of what it lists.

    With `under`, only what lies in one of these folders.

    Raises:
        RepositoryError: Git cannot say what is changed.
    """
    with open_worktree(worktree) as repository:
        head = repository.head()
        listed = []
        for path in repository.status_paths():
            if under and not any(path.startswith(folder + b"/") for folder in under):
                continue
            entry = repository.entry(head, path) if head else None
            if entry is None or entry.mode.encode() != snapshot.SUBMODULE:
                listed.append((entry.oid.encode() if entry else snapshot.ABSENT, path))
    contents = repository_dir(worktree.common_dir) / "contents"
    files = snapshot.scan_files(os.fsencode(worktree.top), os.fsencode(contents), worktree.algorithm.encode(), listed)
    facts = {"top": str(worktree.top), "gitdir": str(worktree.git_dir), "common": str(worktree.common_dir)}
    return {**facts, "format": worktree.algorithm, "head": head or ""}, tuple(files)

# SPDX-License-Identifier: Apache-2.0
"""Scans of work trees, as `capture.snapshot` makes them, for who has Python already: the reference door, and programs with the SDK."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from byline.capture import snapshot
from byline.capture.ask_git import open_worktree
from byline.capture.contents import Contents
from byline.capture.loose import is_loose
from byline.capture.places import repository_dir
from byline.capture.windows import format_only
from byline.capture.worktree import clone_id, find_worktree, read_head
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from byline.capture.worktree import WorkTree

MOST_FILES: Final = 10_000
PASSED_BY: Final = (b".git", b".hg", b".svn", b".tox", b".venv", b"__pycache__", b"node_modules")


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
        RepositoryError: Git cannot say what is changed, or a folder without git has too many files.
    """
    head, listed = (None, _files(worktree)) if is_loose(worktree) else _changed(worktree)
    if under:
        listed = [(committed, path) for committed, path in listed if any(path.startswith(folder + b"/") for folder in under)]
    contents = repository_dir(worktree.common_dir) / "contents"
    files = snapshot.scan_files(os.fsencode(worktree.top), os.fsencode(contents), worktree.algorithm.encode(), listed)
    return _facts(worktree, head, under), tuple(files)


def list_files(worktree: WorkTree, files: Mapping[bytes, bytes | None]) -> tuple[dict[str, str], tuple[bytes, ...]]:
    """Return what a scan of `files` alone would say, of which the bytes are known; they are kept. Git is not asked.

    What HEAD has of them is not known: they are said to be as they are there, so that a file of which a later scan says nothing did
    not change.

    Raises:
        OSError: The bytes cannot be kept.
    """
    contents = Contents(repository_dir(worktree.common_dir), worktree.algorithm)
    states = {path: snapshot.ABSENT if data is None else contents.put(data).encode() for path, data in files.items()}
    listed = tuple(b"file=%s %s %s" % (state, state, path) for path, state in states.items())
    return _facts(worktree, read_head(worktree), tuple(files)), listed


def _facts(worktree: WorkTree, head: str | None, only: tuple[bytes, ...]) -> dict[str, str]:
    facts = {"top": str(worktree.top), "gitdir": str(worktree.git_dir), "common": str(worktree.common_dir)}
    facts |= {"clone": clone_id(worktree.common_dir), "format": worktree.algorithm, "head": head or ""}
    return facts | ({"only": format_only(only)} if only else {})


def _changed(worktree: WorkTree) -> tuple[str | None, list[tuple[bytes, bytes]]]:
    """Return HEAD, and (committed id or `-`, path) of what differs from it or is untracked."""
    with open_worktree(worktree) as repository:
        head = read_head(worktree) or repository.head()
        changes = repository.worktree_changes(head)
    files = [each for each in changes if snapshot.SUBMODULE.decode() not in {side.mode for side in (each.old, each.new) if side}]
    return head, [(each.old.oid.encode() if each.old else snapshot.ABSENT, each.path) for each in files]


def _files(folder: WorkTree) -> list[tuple[bytes, bytes]]:
    """Return the files in a folder without git, but for what is installed or cached there, Byline's own, and repositories below.

    Raises:
        RepositoryError: There are too many to look at them twice.
    """
    top, own = os.fsencode(folder.top), os.fsencode(folder.git_dir.parent.parent)
    found: list[tuple[bytes, bytes]] = []
    for at, folders, names in os.walk(top):
        below = {each: os.path.join(at, each) for each in folders if each not in PASSED_BY}  # noqa: PTH118 - bytes
        folders[:] = sorted(each for each, path in below.items() if path != own and not os.path.lexists(path + b"/.git"))
        found += [(snapshot.ABSENT, os.path.relpath(os.path.join(at, name), top)) for name in sorted(names)]  # noqa: PTH118 - bytes
        if len(found) > MOST_FILES:
            raise RepositoryError(f"more than {MOST_FILES} files in a folder without git", hint="name the paths to watch")
    return found

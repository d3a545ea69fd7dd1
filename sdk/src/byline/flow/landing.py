# SPDX-License-Identifier: Apache-2.0
"""The change between two commits, read from git's objects alone: what a gate judges and an approver sees.

Two trees are compared, never a merge base. No configuration, attribute, filter or working file has a part in it; an object that is
not here is an error (`RepositoryError`), never "unchanged".
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

from byline.core.change import MAX_TEXT, ChangedFile, cut_file
from byline.core.effect import REGULAR, FileState, Transition, effect_digest
from byline.core.trailers import names_agent
from byline.core.value import dataclass
from byline.git.objects import GITLINK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.verified import VerifiedApproval
    from byline.git.objects import TreeEntry
    from byline.git.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """The changed `files`, sorted by path, and the git ids (old, new) of each path's two versions; None is no file."""

    files: tuple[ChangedFile, ...]
    blobs: dict[bytes, tuple[str | None, str | None]]


def read_landing(repo: Repository, base: str | None, candidate: str) -> Landing:
    """Return what differs from `base` to `candidate` (commit ids; None: the empty tree), cut into units.

    Raises:
        RepositoryError: An object is not here.
    """
    files, blobs = [], {}
    changes = repo.tree_changes(base, candidate)
    sides = _read_sides(repo, [entry for each in changes for entry in (each.old, each.new)])
    for each, (old, before), (new, after) in zip(changes, sides, sides, strict=True):
        move = Transition(path=each.path, old=old, new=new)
        if move.old != move.new:
            files.append(cut_file(move, before, after))
            blobs[each.path] = (each.old.oid if each.old else None, each.new.oid if each.new else None)
    return Landing(files=tuple(sorted(files, key=lambda file: file.transition.path)), blobs=blobs)


def manifest_of(repo: Repository, commit: str) -> str:
    """Return the digest of the commit's whole tree: the effect of making it from nothing.

    Raises:
        RepositoryError: An object is not here.
    """
    listed = [*repo.list_tree(commit)]
    sides = _read_sides(repo, [entry for _, entry in listed])
    return effect_digest(Transition(path=path, old=None, new=state) for (path, _), (state, _) in zip(listed, sides, strict=True))


def landed_steps(repo: Repository, base: str, approvals: Iterable[VerifiedApproval]) -> frozenset[tuple[str, bytes]]:
    """Return the steps of `approvals` (statement, path) to which the commit `base` has come.

    Raises:
        RepositoryError: An object is not here.
    """

    @cache
    def state(path: bytes) -> FileState | None:
        return state_at(repo, base, path)

    moves = ((fact.digest, move) for fact in approvals for move in fact.approval.transitions)
    return frozenset((digest, move.path) for digest, move in moves if state(move.path) == move.new)


def state_at(repo: Repository, commit: str, path: bytes) -> FileState | None:
    """Return what the commit has at `path`; None is no file.

    Raises:
        RepositoryError: An object is not here.
    """
    return _state(repo, repo.entry(commit, path))


def read_regular(repo: Repository, commit: str, path: bytes) -> bytes | None:
    """Return the content of `path` in `commit` if it is a regular file and no symlink, submodule or executable.

    Raises:
        RepositoryError: An object is not here.
    """
    entry = repo.entry(commit, path)
    return repo.read_blob(entry.oid) if entry and entry.mode == REGULAR[0] else None


def named_commits(repo: Repository, commits: Sequence[str]) -> dict[str, frozenset[bytes]]:
    """Return those of `commits` whose author, committer or trailers name an agent or a bot, and the paths that they changed.

    Raises:
        RepositoryError: An object is not here.
    """
    return {
        info.id: frozenset(each.path for each in repo.tree_changes(info.parents[0] if info.parents else None, info.id))
        for info in repo.commit_infos(commits)
        if names_agent(info.author, info.committer, message=info.message)
    }


def _state(repo: Repository, entry: TreeEntry | None) -> FileState | None:
    return next(_read_sides(repo, [entry]))[0]


def _read_sides(repo: Repository, entries: Sequence[TreeEntry | None]) -> Iterator[tuple[FileState | None, bytes | None]]:
    """Yield the state of each of `entries`, and the content that is cut into lines; None where nothing is."""
    blobs = repo.read_blobs([entry.oid for entry in entries if entry and entry.mode != GITLINK])
    for entry in entries:
        if entry is None:
            yield None, None
            continue
        # A submodule's commit is somewhere else; its id is its content.
        content = entry.oid.encode() if entry.mode == GITLINK else next(blobs)
        is_text = entry.mode.startswith("100") and len(content) <= MAX_TEXT
        yield FileState(mode=_mode(entry.mode), sha256=hashlib.sha256(content).hexdigest()), content if is_text else None


def _mode(mode: str) -> str:
    # Old versions of git wrote group bits; only the owner's x means anything.
    return mode if not mode.startswith("100") else "100755" if int(mode, 8) & 0o100 else "100644"

# SPDX-License-Identifier: Apache-2.0
"""On which versions of its parents a version stands, and what a commit took away: git's objects alone, each asked for once.

The base of a path (rule 5) is the file whose very content it now has, for two files may swap their names; else git's rename source;
else the path itself. A symlink or a submodule can be a base too; lines have only those that are `REGULAR`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.diff import gaps
from byline.core.effect import REGULAR
from byline.core.lines import squeeze
from byline.core.value import dataclass
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.flow.texts import Texts
    from byline.git.objects import CommitInfo, FileChange, TreeEntry
    from byline.git.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The version of a file in parent number `parent` (commit `commit`) on which a new version stands."""

    parent: int
    commit: str
    path: bytes
    entry: TreeEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeChanges:
    """What differs between two commits: every change, by the path it leads to, and the paths that had each old content."""

    changes: tuple[FileChange, ...]
    by_path: dict[bytes, FileChange]
    places: dict[str, list[bytes]]


class Bases:
    """The bases of one clone. Not thread-safe."""

    def __init__(self, repo: Repository, texts: Texts) -> None:
        self._repo = repo
        self._texts = texts
        self._between: dict[tuple[str | None, str], TreeChanges] = {}
        self._lost: dict[str, dict[bytes, list[tuple[bytes, int, int]]]] = {}

    def standings(self, commit: str, path: bytes, blob: str | None) -> Iterator[Standing]:
        """Yield the base of `path` in each parent of `commit` that has one.

        Raises:
            RepositoryError: A parent is not here.
        """
        for number, parent in enumerate(self._repo.parents(commit)):
            before = self._base_path(parent, commit, path, blob)
            own = self._look(parent, commit).by_path.get(path)
            is_told = own is not None and before == (own.old_path or path)
            entry = own.old if own and is_told else self._repo.entry(parent, before)
            if entry:
                yield Standing(parent=number, commit=parent, path=before, entry=entry)

    def changes(self, old: str | None, new: str) -> tuple[FileChange, ...]:
        """Return what differs from commit `old` to commit `new`, renames found.

        Raises:
            RepositoryError: A commit is not here.
        """
        return self._look(old, new).changes

    def read_ahead(self, infos: Iterable[CommitInfo]) -> dict[str, tuple[FileChange, ...]]:
        """Return those of `infos` that have something that none of their parents has, with what plain commits changed.

        It is one question for all. What was known of other commits is forgotten. Where an object is missing, each commit is asked for
        on its own later.
        """
        parents = {info.id: info.parents for info in infos}
        self._between.clear()
        try:
            walked = dict(self._repo.walk_changes([*parents]))
        except RepositoryError:
            return dict.fromkeys(parents, ())
        for commit, changes in walked.items():
            if changes is not None:
                self._between[parents[commit][0] if parents[commit] else None, commit] = _tree_changes(changes)
        return {commit: changes or () for commit, changes in walked.items()}

    def lost(self, commit: str) -> dict[bytes, list[tuple[bytes, int, int]]]:
        """Return where each line (squeezed) that went away over `commit` stood: path, start and end of its place in the first parent.

        Raises:
            RepositoryError: The commit is not here.
        """
        if commit not in self._lost:
            self._lost[commit] = self._find_lost(commit)
        return self._lost[commit]

    def _find_lost(self, commit: str) -> dict[bytes, list[tuple[bytes, int, int]]]:
        places: dict[bytes, list[tuple[bytes, int, int]]] = {}
        parents = self._repo.parents(commit)
        for change in self.changes(parents[0], commit) if parents else ():
            old = self._texts.lines(change.old.oid) if change.old and change.old.mode in REGULAR else None
            if not (change.old and old):
                continue
            path = change.old_path or change.path
            new = self._repo.entry(commit, path)
            for gap in gaps(self._texts.matching(change.old.oid, new.oid) if new else (), len(old)):
                for i in range(gap.old.start, gap.old.end):
                    places.setdefault(squeeze(old[i]), []).append((path, gap.old.start, gap.old.end))
        return places

    def _look(self, old: str | None, new: str) -> TreeChanges:
        if (old, new) not in self._between:
            self._between[old, new] = _tree_changes(self._repo.changes(old, new))
        return self._between[old, new]

    def _base_path(self, parent: str, commit: str, path: bytes, blob: str | None) -> bytes:
        changes = self._look(parent, commit)
        own = changes.by_path.get(path)
        if own is None:
            return path
        same = changes.places.get(blob, []) if blob and self._texts.lines(blob) else []
        if same and path not in same:
            return own.old_path if own.old_path in same else same[0]
        return own.old_path or path


def _tree_changes(changes: tuple[FileChange, ...]) -> TreeChanges:
    stood = {each.old_path or each.path: each.old.oid for each in changes if each.old}
    places: dict[str, list[bytes]] = {}
    for path, oid in stood.items():
        places.setdefault(oid, []).append(path)
    return TreeChanges(changes=changes, by_path={each.path: each for each in changes}, places=places)

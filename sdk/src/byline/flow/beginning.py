# SPDX-License-Identifier: Apache-2.0
"""Where records begin: what is older than the first statement of every clone was made before anybody could record it.

Its lines are unknown without a look, so a history from before Byline is never walked.

    beginning = Beginning(repo, index)
    beginning.is_after(commit)              # whether nothing was recorded yet when `commit` was made
    beginning.is_known                      # whether there is any statement at all, once that was asked
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.errors import RepositoryError

if TYPE_CHECKING:
    from byline.git.repository import Repository
    from byline.log.index import EvidenceIndex


class Beginning:
    """The first statements of every clone, as `index` knew them when they were first asked for. Not thread-safe."""

    def __init__(self, repo: Repository, index: EvidenceIndex) -> None:
        self._repo = repo
        self._index = index
        self._starts: list[tuple[str, ...]] | None = None  # for each clone, the parents of the commit of its first statement
        self._old: set[str] = set()
        self.is_cut = False  # the commit of a first statement is not here

    def forget(self) -> None:
        """Look the first statements up anew."""
        self._starts = None
        self._old.clear()

    @property
    def is_known(self) -> bool:
        """Whether any statement is here before which something could be; `is_after` found out."""
        return bool(self._starts)

    def is_after(self, commit: str) -> bool:
        """Whether records begin after `commit`: it is older than the first statement of every clone."""
        if commit not in self._old and self._is_reached_by_all(commit):
            self._old.add(commit)
        if commit in self._old:
            self._old.update(self._repo.parents(commit))  # asked from the newest on, git is asked about the first only
        return commit in self._old

    def _is_reached_by_all(self, commit: str) -> bool:
        if self._starts is None:
            self._starts = [self._parents(start) for start in self._index.chain_starts()]
        return all(any(self._repo.reaches(parent, commit) for parent in parents) for parents in self._starts)

    def _parents(self, start: str) -> tuple[str, ...]:
        try:
            return self._repo.parents(start)
        except RepositoryError:  # nobody can say what came before a commit that is not here
            self.is_cut = True
            return ()

# SPDX-License-Identifier: Apache-2.0
"""Which of several claims of one content counts in one commit (rule 10a).

The same bytes may come to the same path more than once, by other hands. What counts is, of what is there,

    1   a claim made for the commit in question
    2   one made for the commit that last changed the path, seen from there
    3   one for a commit that this one was made from
    4   those whose bases are the versions on which the content stands there
    5   all

and of these the newest of each clone. A base is looked for among the claims that are older than the one that names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from byline.flow.bases import Bases
    from byline.flow.claims import Claims, Told
    from byline.flow.texts import Texts
    from byline.git.repository import Repository


class Choice:
    """Chooses among `claims`, with what git tells of commits and `made_from` of what each was made from. Not thread-safe."""

    def __init__(self, repo: Repository, texts: Texts, bases: Bases, claims: Claims, made_from: Callable[[str], Sequence[str]]) -> None:
        self._repo = repo
        self._texts = texts
        self._bases = bases
        self._claims = claims
        self._made_from = made_from
        self.is_cut = False  # git could not say

    def of(self, commit: str, path: bytes, blob: str, referrer: Told | None = None) -> tuple[Told, ...]:
        """Return the claims that count for the content `blob` at `path` of `commit`, where `referrer` names it as a base if given."""
        found = [each for each in self._claims.of(blob, path) if each.claim.segments or not self._texts.lines(blob)]
        if referrer:
            found = [each for each in found if each.is_older(referrer)]
        if len(found) > 1:
            found = _made_for(found, (commit,)) or self._of_touch(found, self.last_touch(commit, path), path) or found
        return self._claims.newest(found)

    def last_touch(self, commit: str, path: bytes) -> str:
        """Return the newest commit, `commit` or before, that changed `path`; `commit` where git cannot say."""
        try:
            return self._repo.last_touch(commit, path) or commit
        except RepositoryError:
            self.is_cut = True
            return commit

    def _of_touch(self, found: Sequence[Told], touched: str, path: bytes) -> list[Told]:
        return _made_for(found, (touched,)) or _made_for(found, self._made_from(touched)) or self._on_bases(found, touched, path)

    def _on_bases(self, found: Sequence[Told], commit: str, path: bytes) -> list[Told]:
        try:
            blobs = {standing.entry.oid for standing in self._bases.standings(commit, path, None)}
        except RepositoryError:
            self.is_cut = True
            return []
        return [each for each in found if {base.blob for base in each.claim.bases} == blobs]


def _made_for(found: Iterable[Told], commits: Iterable[str]) -> list[Told]:
    wanted = set(commits)
    return [each for each in found if each.statement.commit.id in wanted]

# SPDX-License-Identifier: Apache-2.0
"""Which commits a person means: `REV` is that commit, `A..B` what B has and A has not (HEAD where a side is left out)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline_cli.world import UsageError

if TYPE_CHECKING:
    from byline.git.repository import Repository


def commits_of(repo: Repository, word: str) -> list[str]:
    """Return the ids of the commits that `word` means, parents before children.

    Raises:
        UsageError: Three dots, which are no range of commits.
        RepositoryError: It names something that is no commit, or history was cut.
    """
    if "..." in word:
        raise UsageError(f"{word} is not a range", "A..B is what B has and A has not")
    base, dots, head = word.partition("..")
    if not dots:
        return [repo.commit_id(word)]
    return repo.commits_between(repo.commit_id(base or "HEAD"), repo.commit_id(head or "HEAD"))

# SPDX-License-Identifier: Apache-2.0
"""What the words after a command mean: paths as the repository knows them, and ranges of commits.

A..B     what B has and A has not      A..  ..B  with HEAD on the side that is left out
A...B    what B has since it left A
A        everything up to A
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from byline.git.repository import Repository
    from byline_cli.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The commits that `head` has and `base` (None: nothing) has not; both are ids."""

    base: str | None
    head: str


def parse_range(repo: Repository, word: str) -> Range:
    """Return the range that `word` means.

    Raises:
        RepositoryError: It names something that is no commit.
    """
    dots = "..." if "..." in word else ".."
    if dots not in word:
        return Range(base=None, head=repo.commit_id(word))
    base, head = (repo.commit_id(side or "HEAD") for side in word.split(dots, 1))
    return Range(base=repo.merge_base(base, head) if dots == "..." else base, head=head)


def commits_of(repo: Repository, word: str) -> list[str]:
    """Return the ids of the commits of a range, parents before children; a word without dots means that one commit.

    Raises:
        RepositoryError: It names something that is no commit, or history was cut.
    """
    meant = parse_range(repo, word)
    return repo.commits_between(meant.base, meant.head) if ".." in word else [meant.head]


def is_range(repo: Repository, word: str) -> bool:
    """Whether `word` means commits."""
    try:
        parse_range(repo, word)
    except RepositoryError:
        return False
    return True


def path_in(repo: Repository, world: World, word: str) -> bytes:
    """Return the file `word`, typed in the folder of the call, as the repository knows it.

    Raises:
        RepositoryError: It is outside of the work tree.
    """
    if repo.top is None:
        return os.fsencode(word)
    if not word or os.path.split(world.cwd / word)[1] in ("", ".", ".."):
        raise RepositoryError(f"{word or 'an empty name'} is no file", hint="name a file of the repository; git ls-files lists them")
    return _place(repo, world, word)


def scope_in(repo: Repository, world: World, word: str) -> bytes | None:
    """Return the file or folder `word`, typed in the folder of the call, as the repository knows it; None is the whole of it.

    Raises:
        RepositoryError: It is outside of the work tree.
    """
    if repo.top is None:
        return os.fsencode(os.path.normpath(word)) if os.path.normpath(word) != "." else None
    path = _place(repo, world, word)
    return None if path == b"." else path


def _place(repo: Repository, world: World, word: str) -> bytes:
    folder, name = os.path.split(world.cwd / word)
    path = os.path.relpath(f"{os.path.realpath(folder)}/{name}", repo.top)
    if f"{path}/".startswith(".." + os.sep):
        raise RepositoryError(f"{word} is outside of the work tree {repo.top}")
    if f"{path}/".lower().startswith(".git/"):
        raise RepositoryError(f"{word} is git's own, and no file of the repository")
    return os.fsencode(path)

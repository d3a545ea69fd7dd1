# SPDX-License-Identifier: Apache-2.0
"""What the words after a command mean: paths as the repository knows them, and ranges of commits.

A..B     what B has and A has not      A..  ..B  with HEAD on the side that is left out
A...B    what B has since it left A
A        everything up to A
"""

from __future__ import annotations

import os
from itertools import takewhile
from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
        return Range(base=None, head=_commit(repo, word))
    base, head = (_commit(repo, side or "HEAD") for side in word.split(dots, 1))
    return Range(base=repo.merge_base(base, head) if dots == "..." else base, head=head)


def commits_of(repo: Repository, word: str) -> list[str]:
    """Return the ids of the commits of a range, parents before children; a word without dots means that one commit.

    Raises:
        RepositoryError: It names something that is no commit, or history was cut.
    """
    meant = parse_range(repo, word)
    return repo.commits_between(meant.base, meant.head) if ".." in word else [meant.head]


def sort_words(repo: Repository, world: World, words: Sequence[str], paths: Sequence[str] | None) -> tuple[list[str], tuple[bytes, ...]]:
    """Return the revisions at the beginning of `words`, and what they are narrowed to: the rest of them and `paths` (after `--`).

    Raises:
        RepositoryError: A word means neither commits nor a file or folder that is here, or one outside of the work tree.
    """
    named = [*takewhile(lambda word: _is_range(repo, word), words)]
    rest = words[len(named) :]
    for word in rest:
        if paths is not None:
            parse_range(repo, word)
        if not _is_path(repo, world, word):
            raise RepositoryError(f"{word!r} is not a commit here, nor a file", hint="put -- before a path that is not here any more")
    scopes = [scope_in(repo, world, word) for word in (*rest, *(paths or ()))]
    return named, () if None in scopes else tuple(scope for scope in scopes if scope is not None)


def within(scopes: Sequence[bytes]) -> Callable[[bytes], bool]:
    """Return what says whether a path is one of `scopes` or under one of them; without scopes every path is."""
    return lambda path: not scopes or any(path == scope or path.startswith(scope + b"/") for scope in scopes)


def _is_range(repo: Repository, word: str) -> bool:
    try:
        parse_range(repo, word)
    except RepositoryError:
        return False
    return True


def _is_path(repo: Repository, world: World, word: str) -> bool:
    return os.path.lexists(world.cwd / word) if repo.top else ".." not in word


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


def _commit(repo: Repository, name: str) -> str:
    if name == "HEAD" and repo.head() is None:
        raise RepositoryError("nothing is committed here yet", hint="git commit, then ask again")
    return repo.commit_id(name)


def _place(repo: Repository, world: World, word: str) -> bytes:
    folder, name = os.path.split(world.cwd / word)
    path = os.path.relpath(f"{os.path.realpath(folder)}/{name}", repo.top)
    if f"{path}/".startswith(".." + os.sep):
        raise RepositoryError(f"{word} is outside of the work tree {repo.top}")
    if f"{path}/".lower().startswith(".git/"):
        raise RepositoryError(f"{word} is git's own, and no file of the repository")
    return os.fsencode(path)

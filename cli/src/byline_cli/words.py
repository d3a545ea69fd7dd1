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
from byline_cli.terminal import count, show_path
from byline_cli.world import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from byline.core.lines import LineRange
    from byline.flow.subject import Subject
    from byline.git.repository import Repository
    from byline_cli.world import World

RANGE_AND_PATHS = "A..B, or everything up to A (default HEAD); then files or folders"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The commits that `head` has and `base` (None: nothing) has not; both are ids."""

    base: str | None
    head: str


def commit_in(repo: Repository, name: str) -> str:
    """Return the id of the commit `name`.

    Raises:
        RepositoryError: It is none, or nothing is committed yet.
    """
    if name == "HEAD" and repo.head() is None:
        raise RepositoryError("nothing is committed here yet", hint="git commit, then ask again")
    return repo.commit_id(name)


def parse_range(repo: Repository, word: str) -> Range:
    """Return the range that `word` means.

    Raises:
        RepositoryError: It names something that is no commit.
    """
    dots = "..." if "..." in word else ".."
    if dots not in word:
        return Range(base=None, head=commit_in(repo, word))
    base, head = (commit_in(repo, side or "HEAD") for side in word.split(dots, 1))
    return Range(base=repo.merge_base(base, head) if dots == "..." else base, head=head)


def commits_of(repo: Repository, word: str) -> list[str]:
    """Return the ids of the commits of a range, parents before children; a word without dots means that one commit.

    Raises:
        RepositoryError: It names something that is no commit, or history was cut.
    """
    meant = parse_range(repo, word)
    return repo.commits_between(meant.base, meant.head) if ".." in word else [meant.head]


def rev_and_place(repo: Repository, world: World, options: Namespace, usage: str) -> tuple[str | None, str]:
    """Return the revision and the place in it that the words `[REV] [--] PLACE` name; without REV it is the file on disk, if there is one.

    Raises:
        UsageError: They are more or fewer, or two places.
    """
    words = [*options.words, *(options.paths or ())]
    if not words:
        raise UsageError("name what to look at", usage)
    if len(words) > 2 or len(options.paths or ()) > 1:
        raise UsageError(f"{words[-1]!r} is one word too many", usage)
    if len(words) == 2 and repo.top and _is_path(repo, world, words[0]) and not _is_range(repo, words[0]):
        raise UsageError(f"{words[0]!r} is a file and no commit: one file at a time", usage)
    return words[0] if len(words) == 2 else None if repo.top else "HEAD", words[-1]


def check_has(subject: Subject, lines: LineRange) -> None:
    """Check that `subject` has `lines`.

    Raises:
        RepositoryError: It has fewer, or none.
    """
    name, total = show_path(subject.path), len(subject.lines or ())
    if subject.lines is None:
        raise RepositoryError(f"{name} has no lines: it is not text, or too large", hint="byline show says who made it, commit by commit")
    if lines.last > total:
        raise RepositoryError(f"{name} has {count(total, 'line')}, and no line {lines.last}")


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


def range_and_scopes(repo: Repository, world: World, options: Namespace, usage: str) -> tuple[Range, tuple[bytes, ...]]:
    """Return the one range of commits that `[RANGE] [--] [PATH ...]` names (default HEAD), and what it is narrowed to.

    Raises:
        RepositoryError: As `sort_words`.
        UsageError: They name two ranges.
    """
    named, scopes = sort_words(repo, world, options.words, options.paths)
    if len(named) > 1:
        raise UsageError(f"{named[1]!r} is one range too many", usage)
    return parse_range(repo, named[0] if named else "HEAD"), scopes


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


def _place(repo: Repository, world: World, word: str) -> bytes:
    folder, name = os.path.split(world.cwd / word)
    path = os.path.relpath(f"{os.path.realpath(folder)}/{name}", repo.top)
    if f"{path}/".startswith(".." + os.sep):
        raise RepositoryError(f"{word} is outside of the work tree {repo.top}")
    if f"{path}/".lower().startswith(".git/"):
        raise RepositoryError(f"{word} is git's own, and no file of the repository")
    return os.fsencode(path)

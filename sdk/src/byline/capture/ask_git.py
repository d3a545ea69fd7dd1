# SPDX-License-Identifier: Apache-2.0
"""The few questions that capture asks git itself: what is ignored, what is changed, which policies others see."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.capture.policies import check_place, counting_policies, format_questions, policy_revisions
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.capture.worktree import WorkTree
    from byline.git.repository import Repository


def open_worktree(worktree: WorkTree) -> Repository:
    """Return git's view of `worktree`, whatever repository the environment of a git hook speaks of.

    Raises:
        RepositoryError: Git does not take it for a repository.
    """
    from byline.git.repository import open_repository

    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return open_repository(worktree.top, environ=environ)


def ignored_paths(worktree: WorkTree, paths: Sequence[bytes]) -> frozenset[bytes]:
    """Return those of `paths` that git ignores in `worktree`; none where git cannot say."""
    try:
        with open_worktree(worktree) as repository:
            return repository.ignored_paths(paths)
    except RepositoryError:
        return frozenset()


def worktree_revisions(worktree: WorkTree) -> tuple[str, ...]:
    """Return the revisions of `worktree` whose policies may count.

    Raises:
        RepositoryError: Its git folder cannot be read.
    """
    try:
        return policy_revisions(str(worktree.common_dir))
    except OSError as error:
        raise RepositoryError(f"cannot read {worktree.common_dir}: {error.strerror}") from error


def ask_policies(worktree: WorkTree) -> bytes:
    """Return what git says of the commit and the policy of each of `policy_revisions`, for `policies.base_policies`.

    Raises:
        RepositoryError: There is no git, or it takes too long.
        PolicyError: In the place of the policy is something that is no file.
    """
    from byline.git.process import Git, git_environment

    check_place(str(worktree.top))
    asked = format_questions(worktree_revisions(worktree))
    git = Git(git_environment(os.environ, keep_place=False), worktree.top)
    return git.outcome("cat-file", "--batch", data=asked)[1]  # where there is no upstream git ends with that question


def read_policies(worktree: WorkTree) -> dict[bytes, tuple[str, ...]]:
    """Return the policies that count in `worktree`, each with the revisions that have it.

    Raises:
        RepositoryError: There is no git, or it takes too long.
        PolicyError: In the place of the policy is something that is no file.
        ValueError: Git did not answer for all of them.
    """
    names, found = worktree_revisions(worktree), dict[bytes, tuple[str, ...]]()
    for number, policy in counting_policies(ask_policies(worktree)):
        found[policy] = (*found.get(policy, ()), names[number])
    return found

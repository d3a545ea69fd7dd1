# SPDX-License-Identifier: Apache-2.0
"""The few questions that capture asks git itself: what is ignored, what is changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

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

# SPDX-License-Identifier: Apache-2.0
"""Which trees of evidence a repository has, and in which state they are: all that a reader needs whose answer is kept already."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.git.remotes import REMOTE_REFS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.git.repository import Repository

REF = "refs/byline/evidence"


def evidence_trees(repository: Repository) -> dict[str, str]:
    """Return every tree of evidence here: name of the ref to id, this clone's and those of its remotes.

    Raises:
        RepositoryError: Git cannot list refs.
    """
    refs = repository.refs_under("refs/byline")
    return {name: oid for name, oid in refs.items() if name == REF or (name.startswith(REMOTE_REFS) and name.endswith("/evidence"))}


def fingerprint(trees: Iterable[str]) -> str:
    """Return what tells the evidence in `trees` (ids) from any other."""
    return hashlib.sha256(" ".join(sorted(set(trees))).encode()).hexdigest()

# SPDX-License-Identifier: Apache-2.0
"""Which trees of evidence a repository has, and in which state they are: all that a reader needs whose answer is kept already."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.errors import RepositoryError
from byline.git.remotes import REMOTE_REFS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.git.repository import Repository

REF = "refs/byline/evidence"


def evidence_trees(repository: Repository) -> dict[str, str]:
    """Return every tree of evidence here: name of the ref to id, this clone's and those of its remotes.

    Whoever may push to a remote can put anything there; what is no tree is no evidence, and keeps nobody from reading the rest.

    Raises:
        RepositoryError: Git cannot list refs, or this clone's own leads to no tree.
    """
    refs = repository.trees_under("refs/byline")
    if REF in refs and refs[REF] is None:
        raise RepositoryError(f"{REF} leads to no evidence", hint=f"git update-ref -d {REF}; then git fetch has what the remote has")
    named = (name for name in refs if name == REF or (name.startswith(REMOTE_REFS) and name.endswith("/evidence")))
    return {name: oid for name in named if (oid := refs[name])}


def fingerprint(trees: Iterable[str]) -> str:
    """Return what tells the evidence in `trees` (ids) from any other."""
    return hashlib.sha256(" ".join(sorted(set(trees))).encode()).hexdigest()

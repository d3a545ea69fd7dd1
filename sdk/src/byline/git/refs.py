# SPDX-License-Identifier: Apache-2.0
"""Refs by full name, changed only by compare-and-swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.git.process import git_error

if TYPE_CHECKING:
    from byline.git.process import Git

_NOT_THERE = ""

# What git says when the ref is not at the old value, or when another process holds it at this moment.
_LOST = ("but expected", "reference already exists", "reference is missing", "unable to resolve reference", ".lock': File exists")


def refs_under(git: Git, prefix: str) -> dict[str, str]:
    """Return the refs named `prefix` or under it: full name to object id.

    Raises:
        RepositoryError: Git cannot list them.
    """
    out = git.run("for-each-ref", "--format=%(objectname) %(refname)", prefix.rstrip("/"))
    pairs = (line.partition(" ") for line in out.decode("utf-8", "surrogateescape").splitlines())
    return {name: oid for oid, _, name in pairs}


def update_ref(git: Git, name: str, new: str, old: str | None) -> bool:
    """Point `name` at `new` if it is at `old` (None: is not there); return whether it was.

    Raises:
        RepositoryError: Git cannot write it, for another reason than that somebody else did.
    """
    code, _, message = git.outcome("update-ref", "--no-deref", name, new, old or _NOT_THERE)
    if code == 0:
        return True
    if any(lost in message for lost in _LOST):
        return False
    raise git_error("update-ref", message)

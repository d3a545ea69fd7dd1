# SPDX-License-Identifier: Apache-2.0
"""Refs by full name, changed only by compare-and-swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.git.process import git_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.git.process import Git

_NOT_THERE = ""

# What git says when the ref is not at the old value, or when another process holds it at this moment.
_LOST = ("but expected", "reference already exists", "reference is missing", "unable to resolve reference", ".lock': File exists")


def refs_under(git: Git, prefix: str) -> dict[str, str]:
    """Return the refs named `prefix` or under it: full name to object id.

    Raises:
        RepositoryError: Git cannot list them.
    """
    return dict(_list_refs(git, "%(objectname) %(refname)", prefix))


def trees_under(git: Git, prefix: str) -> dict[str, str | None]:
    """Return the refs named `prefix` or under it: full name to the id of its tree, None where it leads to something else.

    Raises:
        RepositoryError: Git cannot list them, or an object is not here.
    """
    found = _list_refs(git, "%(objectname),%(objecttype) %(refname)", prefix)
    return {name: told.removesuffix(",tree") if told.endswith(",tree") else None for name, told in found}


def _list_refs(git: Git, form: str, prefix: str) -> Iterator[tuple[str, str]]:
    out = git.run("for-each-ref", f"--format={form}", prefix.rstrip("/"))
    for line in out.decode("utf-8", "surrogateescape").split("\n")[:-1]:  # a name may hold what else ends a line in Unicode
        told, _, name = line.partition(" ")
        yield name, told


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

# SPDX-License-Identifier: Apache-2.0
"""Notes: a text for each commit, under a ref of their own, whatever folders git has sorted them into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.lines import is_git_id
from byline.errors import RepositoryError
from byline.git.objects import parse_listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.git.process import Git


def list_notes(git: Git, ref: str) -> dict[str, str]:
    """Return the notes under `ref`: the id of what each is about, and that of its text.

    Raises:
        RepositoryError: Git cannot read them.
    """
    code, out, message = git.outcome("ls-tree", "-r", "-z", "--full-tree", ref)
    if code:
        if git.run("for-each-ref", "--format=%(refname)", ref).split():
            raise RepositoryError(f"{ref} cannot be read: {message}")
        return {}
    named = ((path.replace(b"/", b"").decode("ascii", "replace"), entry.oid) for path, entry in parse_listing(out))
    return {name: oid for name, oid in named if is_git_id(name)}


def write_notes(git: Git, ref: str, notes: Mapping[str, bytes], message: str) -> None:
    """Add `notes` (by commit id) under `ref` in one commit of the user's, over what it holds; all of them or none.

    Raises:
        RepositoryError: Git cannot write them, or somebody else wrote at the same time.
    """
    tip = git.run("for-each-ref", "--format=%(objectname)", ref).strip()
    text = message.encode()
    out = [
        b"commit %b\ncommitter %b\n" % (ref.encode(), git.run("var", "GIT_COMMITTER_IDENT").strip()),
        b"data %d\n%b\n" % (len(text), text),
    ]
    out += [b"from %b\n" % tip] if tip else []
    for commit, note in notes.items():
        out += [b"N inline %b\ndata %d\n" % (commit.encode(), len(note)), note, b"\n"]
    git.run("fast-import", "--quiet", "--done", data=b"".join([*out, b"done\n"]))

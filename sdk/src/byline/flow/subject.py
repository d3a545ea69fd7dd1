# SPDX-License-Identifier: Apache-2.0
"""Which text is asked about: a file of a commit, the bytes on disk, or what an editor holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.effect import REGULAR
from byline.core.lines import MAX_TEXT, blob_id, text_lines
from byline.core.value import dataclass
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from byline.git.repository import Repository

WORKTREE = "worktree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The content `blob` at `path` of `commit`, or of the work tree whose HEAD is `commit` (None: unborn).

    `lines` is None for what has no lines to speak of: binary content, a symlink, a submodule, more than 5 MB.
    """

    path: bytes
    blob: str
    lines: tuple[bytes, ...] | None
    commit: str | None
    is_committed: bool

    @property
    def revision(self) -> str:
        """The commit's id, or `worktree`."""
        return self.commit if self.is_committed and self.commit else WORKTREE


def find_subject(repo: Repository, rev: str | None, path: bytes, *, text: bytes | None = None) -> Subject:
    """Return the text at `path` of `rev`; None is the work tree, or `text` if that is what an editor holds.

    Raises:
        RepositoryError: There is no such commit, or no such file in it.
    """
    if rev is None:
        return _on_disk(repo, path, text)
    commit = repo.commit_id(rev)
    entry = repo.entry(commit, path)
    if entry is None:
        raise RepositoryError(f"{_name(path)} is not in {commit[:12]}", hint=f"git ls-tree -r --name-only {commit[:12]} lists its files")
    data = next(repo.read_small_blobs([entry.oid], MAX_TEXT)) if entry.mode in REGULAR else None
    if data is None and entry.mode in REGULAR:
        repo.blob_size(entry.oid)  # too large; what is not here is an error
    return Subject(path=path, blob=entry.oid, lines=text_lines(data), commit=commit, is_committed=True)


def _on_disk(repo: Repository, path: bytes, text: bytes | None) -> Subject:
    data = repo.worktree_file(path) if text is None else text
    if data is None:
        hint = "git ls-files lists the files; a folder has no lines"
        raise RepositoryError(f"there is no file {_name(path)} in the work tree", hint=hint)
    has_lines = text is not None or not repo.is_link(path)
    lines = text_lines(data) if has_lines else None
    return Subject(path=path, blob=blob_id(data, repo.algorithm), lines=lines, commit=repo.head(), is_committed=False)


def _name(path: bytes) -> str:
    return repr(path.decode(errors="replace"))

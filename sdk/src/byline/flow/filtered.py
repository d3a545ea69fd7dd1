# SPDX-License-Identifier: Apache-2.0
"""Text behind filters: what an agent wrote is on disk, and what git commits is other text (`filter`, `working-tree-encoding`).

    with as_committed(versions, info, paths, worktree):        # the journal's versions of such paths, as git would commit them
        claims = claim_commit(versions, info.id, maker)

The journal's versions go through git itself, as they did at `git add`, and are folded once more, each over the one before: what an edit
changed in the text that git commits is its writer's. This runs the programs that the user's own configuration names, so it is done
where the user commits, with their key and their journal, and by the attester alone: never to read, verify or judge.

Where a filter fails, its text cannot be told and stays unknown. A file in Git LFS is no text (and its filter stores what it cleans).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from byline.attribute.carry import carry
from byline.attribute.rows import to_rows
from byline.attribute.state import MAX_VERSIONS, Seen
from byline.core.attribution import UNKNOWN
from byline.core.lines import blob_id
from byline.core.value import replace
from byline.core.version import Version
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.flow.versions import Versions
    from byline.git.objects import CommitInfo

LFS = b"lfs"


@contextmanager
def as_committed(versions: Versions, info: CommitInfo, paths: Sequence[bytes], worktree: str) -> Iterator[None]:
    """Let `versions` know the journal of `worktree` for those of `paths` that a filter stands before as git would commit it.

    Raises:
        RepositoryError: Git cannot say which they are.
    """
    state = versions.state
    filters = versions.repo.filtered_paths(path for path in paths if _is_other(versions, info, path, state.seen(worktree, path)))
    cleaned = {(worktree, path): _clean(versions, info, path, worktree) for path in filters if LFS not in filters[path]}
    if cleaned:
        versions.set_state(replace(state, versions={**state.versions, **cleaned}))
    yield
    versions.set_state(state)


def _is_other(versions: Versions, info: CommitInfo, path: bytes, seen: Sequence[Seen]) -> bool:
    """Whether somebody wrote the file at `path`, and other bytes than any that were on disk are committed."""
    entry = versions.repo.entry(info.id, path) if any(each.writer.is_known for each in seen) else None
    return entry is not None and entry.oid not in {each.blob for each in seen}


def _clean(versions: Versions, info: CommitInfo, path: bytes, worktree: str) -> tuple[Seen, ...]:
    """Return the journal's versions of `path` as git would commit them; as they were on disk if it cannot be told."""
    seen = versions.state.seen(worktree, path)
    try:
        blobs = _commit_all(versions, path, [each.blob for each in seen if each.blob])
    except RepositoryError:
        return seen
    nothing = Version(path=path, blob=None, lines=(), bylines=())
    base = (versions.committed(info.parents[0], path) if info.parents else None) or nothing
    last, out = base, list[Seen]()
    for number, each in enumerate(seen):
        blob = blobs.get(each.blob or "", each.blob)
        lines = versions.lines(blob) if blob else ()
        if lines is None and blob not in blobs.values():
            return seen  # a version is missing: what was changed in it would be given to the next writer
        if blob == base.blob:
            last = base
        elif blob != last.blob:
            is_first = number == 0 and len(seen) == MAX_VERSIONS  # others came before it
            bylines = carry(last, lines or (), UNKNOWN if is_first else each.writer).bylines
            last = Version(path=path, blob=blob, lines=lines or (), bylines=bylines)
        elif out:
            continue  # the edit changed nothing that is committed
        out.append(Seen(blob=blob, rows=to_rows(last.bylines), writer=each.writer))
    return tuple(out)


def _commit_all(versions: Versions, path: bytes, blobs: Sequence[str]) -> dict[str, str]:
    """Return for each of `blobs`, bytes that were on disk, the blob that git would commit; what git has already is that."""
    kept = {blob: data for blob in blobs if (data := versions.texts.on_disk(blob)) is not None}
    cleaned = versions.repo.unsafe_clean(path, kept.values())
    out: dict[str, str] = {}
    for blob, data in zip(kept, cleaned, strict=True):
        out[blob] = blob_id(data, versions.repo.algorithm)
        versions.texts.add(out[blob], data)
    return out

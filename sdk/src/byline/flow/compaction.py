# SPDX-License-Identifier: Apache-2.0
"""Compaction: the journal and the contents let go of what no pending line needs, and every answer stays what it was.

    compact(workshop, at=time.time_ns())            # -> Compacted(records=1_048_576, contents=2_310, files=12), None if nothing was due

What is folded is in the state, so its records are needed no more: a journal of `MAX_JOURNAL` bytes is cut down to the last `KEPT_JOURNAL`
that are folded (they tell a change that is reported twice, and who asks why) and to all that are not. In the state, a file's versions
are needed as long as something of it is *pending*:

    a line of it was seen in the last 30 days         a reset or a rebase may throw it away, and the reflog bring it back
    it differs from HEAD in its work tree             uncommitted
    a stash changes it                                `git stash pop` deletes the only ref
    a commit of this clone without statement does     not yet attested

What else was written is in commits with statements, and claims speak for it. A content is needed if the state or a record that is not
folded names it, or if it was put within the last hour: its record may be on the way.

The steps, under the clone's lock, none of which a kill can spoil: 1. the state without what is not needed becomes the kept state,
durable, and the state; 2. the journal is cut, under the lock of those who append; 3. when the clone is free again, contents are removed.
No agent and no git command waits for any of it: the attester does it when everything is signed and sent. What could not be read and was
kept aside in the inbox goes with what is as old, and so do losses. `byline.keepDays` in git's configuration is another number of days
than 30.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.contents import Contents
from byline.capture.cut import LENGTH, format_cut, journal_end, locked, read_cut
from byline.capture.inbox import drop_aside
from byline.capture.journal import read_events
from byline.capture.losses import FILE as LOSSES
from byline.capture.losses import Loss, LossCode, parse_loss, record_loss
from byline.capture.worktree import top_of
from byline.core.edit import Edit
from byline.core.value import dataclass, replace
from byline.errors import RepositoryError
from byline.flow.pending import JOURNAL, MAX_JOURNAL, STATE, folded_bytes
from byline.flow.progress import KEPT, load_progress, save_progress
from byline.flow.workshop import hold, write_atomic
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from byline.attribute.state import Seen
    from byline.flow.progress import Progress
    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository

    Key = tuple[str, bytes]

HOUR = 3600 * 10**9
DAY = 24 * HOUR
PATIENCE = 1.0  # seconds for the lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many folded bytes of the journal are too many and how many stay; for how long (nanoseconds) what was seen or put stays."""

    max_journal: int = MAX_JOURNAL
    kept_journal: int = 1024 * 1024
    seen: int = 30 * DAY
    put: int = HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What went: bytes of records, contents, and the versions of so many files."""

    records: int
    contents: int
    files: int


def compact(workshop: Workshop, *, at: int, limits: Limits | None = None) -> Compacted | None:
    """Let go of what nothing pending needs at the time `at` (nanoseconds), if there is much of it and nobody else holds the clone.

    Raises:
        RepositoryError: Git cannot say what is pending here.
        OSError: The disk is full or not writable; what is needed is still there.
    """
    allowed = limits or Limits()
    place = workshop.place
    if folded_bytes(place) <= allowed.max_journal:
        return None
    with hold(place, seconds=PATIENCE) as is_held:
        progress = load_progress(place)
        if not is_held or progress.cursor > journal_end(place / JOURNAL):  # it is another journal
            return None
        contents = Contents(place, workshop.repo.algorithm)
        idle = _idle(workshop, progress, contents, before=at - allowed.seen)
        progress = replace(progress, state=progress.state.without(idle))
        save_kept(place, progress)
        records = cut_journal(place, progress.cursor - allowed.kept_journal, at=at)
        needed = _needed(place, progress)
    # The clone is free again: what anybody needs from now on is young.
    _sweep(place, before=at - allowed.put)
    drop_aside(workshop.inbox, before=at - allowed.seen)
    dropped = contents.drop(needed, before=at - allowed.put)
    return Compacted(records=records, contents=dropped, files=len(idle))


def save_kept(place: Path, progress: Progress) -> None:
    """Write `progress` as what is left of all that was recorded before, and as the state; durable when this returns.

    Raises:
        OSError: It cannot be written.
    """
    for name in (KEPT, STATE):
        save_progress(place, progress, name=name)
    _sync(place)


def cut_journal(place: Path, upto: int, *, at: int) -> int:
    """Take the records before about byte number `upto` out of the journal; return how many bytes went. What was torn is a loss."""
    torn = read_events(place).torn
    with locked(place / JOURNAL, alone=True) as handle, os.fdopen(os.dup(handle), "rb") as journal:
        skipped, begin = read_cut(journal)
        if upto <= begin + LENGTH:
            return 0
        journal.seek(upto - 1 - skipped)
        journal.readline()  # to the start of a record
        size = journal.tell()
        write_atomic(place / JOURNAL, format_cut(size + skipped) + journal.read())
    for each in torn:
        if each.offset < size:
            message = f"a record of {each.size} bytes that cannot be read"
            record_loss(place, Loss(code=LossCode.TORN, message=message, source=JOURNAL, time=at))
    return size + skipped - begin


def drop_losses(folder: Path, *, before: int) -> None:
    """Take the losses from before the time `before` (nanoseconds) out of `folder`: nobody can do anything about them any more.

    Raises:
        OSError: The folder cannot be read or written; what was recorded is still there.
    """
    with locked(folder / LOSSES, alone=True) as handle:
        lines = os.pread(handle, os.fstat(handle).st_size, 0).splitlines(keepends=True)
        kept = [line for line in lines if parse_loss(line).time >= before]
        if len(kept) < len(lines):
            write_atomic(folder / LOSSES, b"".join(kept))


def _needed(place: Path, progress: Progress) -> frozenset[str]:
    """Return the contents that what is folded and what is not yet name."""
    state = progress.state
    folded = (each.blob for seen in state.versions.values() for each in seen)
    lost = (each.blob for places in state.lost.values() for each in places)
    edits = (each for each in read_events(place, progress.cursor).events if isinstance(each, Edit))
    waiting = (blob for edit in edits for blob in (edit.before, edit.after))
    return frozenset(blob for blob in (*folded, *lost, *waiting) if blob)


def _idle(workshop: Workshop, progress: Progress, contents: Contents, *, before: int) -> frozenset[Key]:
    """Return the work trees and paths of which nothing was seen since `before`, and nothing is pending."""
    old = {key for key, seen in progress.state.versions.items() if 0 < _put_at(contents, seen) < before}
    if not old:
        return frozenset()
    committed = {*_stashed(workshop.repo), *_unattested(workshop, progress)}
    changed = {worktree: _uncommitted(workshop, worktree) for worktree in {worktree for worktree, _ in old}}
    return frozenset((worktree, path) for worktree, path in old if path not in committed and not changed[worktree](path))


def _put_at(contents: Contents, seen: Iterable[Seen]) -> int:
    """Return when one of the versions was last put, 0 where none of them is kept: then there is nothing to gain."""
    return max((contents.put_at(each.blob) or 0 for each in seen if each.blob), default=0)


def _uncommitted(workshop: Workshop, worktree: str) -> Callable[[bytes], bool]:
    """Return what tells whether a path of `worktree` differs from its HEAD; where nobody can say, each of them does."""
    paths: frozenset[bytes] | None = None
    try:
        with open_repository(worktree_top(workshop, Path(worktree))) as repo:
            if os.path.realpath(repo.git_dir) == worktree:
                paths = frozenset(repo.status_paths())
    except (RepositoryError, OSError):
        paths = None if os.path.lexists(worktree) else frozenset()  # what was removed holds nothing
    return lambda path: paths is None or path in paths


def worktree_top(workshop: Workshop, git_dir: Path) -> Path:
    """Return the top of the work tree whose git directory is `git_dir`, if git would make it there."""
    if str(git_dir) == workshop.worktree and workshop.repo.top:
        return workshop.repo.top
    return top_of(git_dir) or git_dir.parent


def _stashed(repo: Repository) -> Iterator[bytes]:
    for stash in repo.stashes():
        base, _, *untracked = repo.parents(stash)
        for old, new in ((base, stash), *((None, each) for each in untracked)):
            yield from _paths(repo, old, new)


def _unattested(workshop: Workshop, progress: Progress) -> Iterator[bytes]:
    """Yield what the commits of this clone changed that no statement is about."""
    with EvidenceIndex(workshop.cache) as index:
        index.refresh(EvidenceRef(workshop.repo))
        for commit in workshop.repo.unpushed_commits(without=progress.start or ()):
            if not index.is_recorded(commit):
                yield from _paths(workshop.repo, next(iter(workshop.repo.parents(commit)), None), commit)


def _paths(repo: Repository, old: str | None, new: str) -> Iterator[bytes]:
    return (each.path for each in repo.tree_changes(old, new))


def _sweep(place: Path, *, before: int) -> None:
    """Remove what a process that was killed had begun to write in the place of a file (`write_atomic`)."""
    for each in place.glob(".*.*"):
        if each.suffix[1:].isdigit() and each.stat().st_mtime_ns < before:
            each.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

# SPDX-License-Identifier: Apache-2.0
"""How far the journal is folded: `<place>/state.json`, rebuildable.

    {"schema": "byline.progress/1", "cursor": 1234, "start": ["<commit id>", ...]}      LF
    <byline.attribute.state as JSON>                                                    LF

`cursor` is the byte of the journal up to which the second line is folded; the first line alone tells whether anything is pending.
`start` are the commits that were there when recording began: what they reach is not this clone's to attest. A file that does not
read, or that is of an older version, is as good as none. Work trees are named as in the journal: a repository may be moved.

`<place>/kept.json` is the same file as it was when the journal was last cut (`flow.compaction`). Of what was recorded before, it
is all that is left, should the other be gone: whoever changes these formats reads the old ones too.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from byline.attribute.state import State, format_state, parse_state
from byline.capture.places import shared_dir, worktree_dir, worktree_name
from byline.core.edit import Mark
from byline.core.value import dataclass, field
from byline.errors import MalformedError, RepositoryError
from byline.flow.pending import SCHEMA, STATE, is_pending, parse_head
from byline.flow.workshop import Workshop, hold, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from byline.capture.journal import Reading
    from byline.core.edit import Event
    from byline.flow.versions import Versions
    from byline.git.repository import Repository

KEPT = "kept.json"
READER_SECONDS = 0.2  # a reader waits so long for the lock, then reads without writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The journal up to byte `cursor`, folded; `start` is None before anything was."""

    cursor: int = 0
    start: tuple[str, ...] | None = None
    state: State = field(default_factory=State)


def load_progress(place: Path) -> Progress:
    """Return how far the journal in `place` is folded; from the beginning if nothing says."""
    return _load(place, STATE) or _load(place, KEPT) or Progress()


def read_on(place: Path, progress: Progress) -> tuple[Progress, Reading]:
    """Return what the journal in `place` holds beyond `progress`, and from where on that is.

    Raises:
        OSError: The journal is there and cannot be read.
    """
    from byline.capture.journal import read_events

    reading = read_events(place, progress.cursor)
    if reading.begin > progress.cursor:  # it was cut since `progress` was loaded
        progress = load_progress(place)
        reading = read_events(place, progress.cursor)
    return (Progress(start=progress.start) if reading.cursor < progress.cursor else progress), reading  # it is another journal


def save_progress(place: Path, progress: Progress, *, name: str = STATE) -> None:
    """Write how far the journal is folded.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    head = {"schema": SCHEMA, "cursor": progress.cursor, "start": None if progress.start is None else list(progress.start)}
    body = format_state(progress.state.renamed(partial(worktree_name, shared_dir(place))))
    write_atomic(place / name, b"\n".join((*(json.dumps(each, separators=(",", ":")).encode() for each in (head, body)), b"")))


def _load(place: Path, name: str) -> Progress | None:
    try:
        head, body = (place / name).read_bytes().split(b"\n", 1)
        cursor, start = parse_head(head)
        state = parse_state(json.loads(body)).renamed(partial(worktree_dir, shared_dir(place)))
    except (OSError, ValueError, MalformedError, RecursionError):
        return None
    return Progress(cursor=cursor, start=start, state=state)


def fold_events(state: State, events: Iterable[Event], versions: Versions) -> State:
    """Return `state` after `events`; `versions` answers for what is committed, and knows the state as it goes on."""
    from byline.attribute.fold import fold

    for event in events:
        versions.set_state(state)
        state = fold(state, event, versions)
    versions.set_state(state)
    return state


def take_up(workshop: Workshop, versions: Versions) -> None:
    """Let `versions` know all that is recorded, and write down how far it is folded where that is nobody else's to do.

    Commits wait for the attester, so nothing is written over a mark, nor while somebody holds the lock of the clone.
    """
    if not is_pending(workshop):
        versions.load_state_with(lambda: load_progress(workshop.place).state)
        return
    from byline.capture.clone import settle_repository

    try:
        with hold(workshop.place, seconds=READER_SECONDS) as is_held:
            if is_held:
                settle_repository(workshop.place, workshop.inbox)
            _read(workshop, versions, keeps=is_held)
    except OSError:  # a disk that is full or not writable: the answer needs neither
        _read(workshop, versions, keeps=False)


def _read(workshop: Workshop, versions: Versions, *, keeps: bool) -> None:
    progress, reading = read_on(workshop.place, load_progress(workshop.place))
    state = fold_events(progress.state, reading.events, versions)
    if keeps and reading.cursor != progress.cursor and not any(isinstance(event, Mark) for event in reading.events):
        start = find_start(workshop.repo, reading.events) if progress.start is None else progress.start
        save_progress(workshop.place, Progress(cursor=reading.cursor, start=start, state=state))


def find_start(repo: Repository, events: Sequence[Event]) -> tuple[str, ...] | None:
    """Return the commits from before the first thing recorded, None while nothing is."""
    if not events:
        return None
    first = events[0]
    before: tuple[str, ...] = (first.head,) if first.head else ()
    if isinstance(first, Mark) and first.head:
        try:
            before = repo.parents(first.head)
        except RepositoryError:  # thrown away since: what it stood on is among the branches, or gone too
            before = ()
    made = {event.head for event in events if isinstance(event, Mark)} | {repo.head()}
    others = (tip for tip in repo.refs_under("refs/heads").values() if tip not in made)
    return tuple(dict.fromkeys((*before, *others)))

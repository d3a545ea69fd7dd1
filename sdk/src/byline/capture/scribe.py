# SPDX-License-Identifier: Apache-2.0
"""Writes what was settled into the journals it belongs to, each change once.

A `Scribe` serves one run of settle, under the inbox's lock. The same change may arrive twice: two configurations of one agent call two
hooks, or a run was killed between the journal's record and the removal of the spooled file. So an edit with the name of a recent
record, or with the session, call, path and bytes of one, is not written again; after a crash all records count as recent. Where the
payloads of an agent have no id of the call, an edit that says of a file what the last record of it said, of the same session, is none;
nor is one that a proxy heard of an agent whose hook told it, or the other way round.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from byline.capture.contents import MAX_CONTENT, Contents
from byline.capture.elsewhere import note_elsewhere
from byline.capture.journal import append_edit, read_events, read_recent
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import prepare_repository, repository_dir
from byline.capture.worktree import head_moved_at, read_head, read_in_progress
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import UNSEEN, Edit, Unseen
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.capture.worktree import WorkTree
    from byline.core.attribution import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What is known of an edit before it is written: who (None: nobody claims it), when and by which call.

    `head` is the commit that it was made on, `UNSEEN` where that is HEAD as it is, if that did not move since.
    """

    by: Author | None
    session: str | None
    call: str | None
    time: int
    name: str
    channel: Channel = Channel.HOOK
    evidence: Evidence = Evidence.OBSERVED
    on_behalf_of: str | None = None
    head: str | Unseen | None = UNSEEN
    tool: str | None = None


class Scribe:
    """The writer of one run. For one thread.

    `count` tells how many edits it wrote, `losses` how many losses it recorded, `refused` why a clone's folder took something no more.
    """

    def __init__(self, inbox: Path, *, after_crash: bool = False) -> None:
        self._inbox = inbox
        self._after_crash = after_crash
        self._recent: dict[Path, dict[tuple[str, bytes], list[Edit]]] = {}  # of each clone by work tree and path
        self.count = 0
        self.losses = 0
        self.refused: dict[Path, OSError] = {}

    def keep(self, worktree: WorkTree, data: bytes | None, occasion: Occasion, path: bytes) -> str | None:
        """Keep `data` among the contents of `worktree`'s clone and return its blob id; None for no data.

        Raises:
            OSError: It cannot be written.
        """
        if data is None:
            return None
        if len(data) > MAX_CONTENT:
            self.lose(LossCode.OVERSIZED, f"{len(data)} bytes: {os.fsdecode(path)}", occasion, worktree)
        with self._watched(worktree):
            return Contents(prepare_repository(worktree.common_dir), worktree.algorithm).put(data)

    def read(self, worktree: WorkTree, blob: str) -> bytes | None:
        """Return the bytes that `worktree`'s clone keeps by the name `blob`, None where it does not."""
        return Contents(repository_dir(worktree.common_dir), worktree.algorithm).get(blob)

    def write(self, worktree: WorkTree, path: bytes, sides: tuple[str | Unseen | None, str | None], occasion: Occasion) -> None:
        """Append the edit of `path` from `sides[0]` to `sides[1]`, if it is one and not written yet.

        Raises:
            OSError: The journal cannot be written.
        """
        before, after = sides
        if before == after:
            return
        head, known = occasion.head, False
        if isinstance(head, Unseen):
            known = head_moved_at(worktree) <= occasion.time
            head = read_head(worktree) if known else None
        edit = Edit(
            worktree=str(worktree.git_dir),
            path=path,
            before=before,
            after=after,
            by=occasion.by,
            evidence=occasion.evidence if occasion.by else Evidence.UNKNOWN,
            channel=occasion.channel,
            session=occasion.session,
            call=occasion.call,
            tool=occasion.tool,
            head=head,
            in_progress=read_in_progress(worktree) if known else (),
            time=occasion.time,
            seq=0,
            name=occasion.name,
            on_behalf_of=occasion.on_behalf_of if occasion.by else None,
        )
        if is_told(edit, self.recent(worktree, path)):
            return
        with self._watched(worktree):
            append_edit(prepare_repository(worktree.common_dir), edit)
        self._known(worktree).setdefault((edit.worktree, path), []).append(edit)
        self.count += 1

    def recent(self, worktree: WorkTree, path: bytes) -> Sequence[Edit]:
        """Return the last edits of `path` in `worktree`, those of this run included.

        Raises:
            OSError: The journal cannot be read.
        """
        return self._known(worktree).get((str(worktree.git_dir), path), ())

    def sightings(self, worktree: WorkTree) -> set[bytes]:
        """Return the paths in `worktree` of the last edits that nobody claims.

        Raises:
            OSError: As `recent`.
        """
        known = self._known(worktree).items()
        return {path for (tree, path), edits in known if tree == str(worktree.git_dir) and any(edit.by is None for edit in edits)}

    def _known(self, worktree: WorkTree) -> dict[tuple[str, bytes], list[Edit]]:
        place = repository_dir(worktree.common_dir)
        if place not in self._recent:
            found = self._recent[place] = {}
            for edit in _read_recent(place, whole=self._after_crash):
                found.setdefault((edit.worktree, edit.path), []).append(edit)
        return self._recent[place]

    @contextmanager
    def _watched(self, worktree: WorkTree) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.refused.setdefault(repository_dir(worktree.common_dir), error)
            note_elsewhere(worktree, self._inbox, "byline")
            raise

    def lose(self, code: LossCode, message: str, occasion: Occasion, worktree: WorkTree | None = None) -> None:
        """Record a loss: beside the journal of `worktree`'s clone, or in the inbox."""
        folder = self._inbox if worktree is None else repository_dir(worktree.common_dir)
        record_loss(folder, Loss(code=code, message=message, source=occasion.name, time=occasion.time))
        self.losses += 1


def _read_recent(place: Path, *, whole: bool) -> Iterator[Edit]:
    for event in read_events(place).events if whole else read_recent(place):
        if isinstance(event, Edit):
            yield event


def is_told(edit: Edit, recent: Sequence[Edit]) -> bool:
    """Whether one of `recent` tells of what `edit` tells of."""
    return any(_same(edit, old) for old in recent) or _repeats(edit, recent)


def _same(edit: Edit, old: Edit) -> bool:
    if (edit.worktree, edit.path) != (old.worktree, old.path):
        return False
    if (edit.time, edit.name) == (old.time, old.name):
        return True
    return edit.call is not None and (edit.session, edit.call, edit.after, edit.by) == (old.session, old.call, old.after, old.by)


def _repeats(edit: Edit, recent: Sequence[Edit]) -> bool:
    """Whether `edit` leaves its file as the last of `recent` left it, began where that did, and is another word for it.

    That is so of an agent whose calls have no ids, and where a proxy heard what a hook tells: each knows the agent by more or less.
    """
    here = (old for old in reversed(recent) if (old.worktree, old.path) == (edit.worktree, edit.path))
    last = next(here, None)
    if last is None or edit.session is None or not (isinstance(edit.by, Agent) and isinstance(last.by, Agent)):
        return False
    is_heard_twice = last.channel is not edit.channel and Channel.PROXY in (last.channel, edit.channel)
    is_its_own = last.by.name == edit.by.name if is_heard_twice else edit.call is None and last.by == edit.by
    return is_its_own and (last.session, last.after) == (edit.session, edit.after) and edit.before in (UNSEEN, last.before)

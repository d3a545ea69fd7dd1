# SPDX-License-Identifier: Apache-2.0
"""The journal, event by event: what each work tree holds and whose lines they are.

`fold` takes one event. A sighting *settles* what nobody recorded (rule 3): the bytes are HEAD's, or an earlier version's, or
they are compared with the last version and with HEAD, and what is left is searched for (rule 7) and else unknown. An edit
*writes* (rule 4): what its "before" shows that the journal did not know is settled first. A mark tells from which commits a
commit was made.

>>> from byline.attribute.state import State
>>> State().seen("/w/.git", b"a.py")
()
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from byline.attribute.carry import carry
from byline.attribute.match import Draft
from byline.attribute.rows import expand, to_rows
from byline.attribute.search import Ground, Target, search, search_copies
from byline.attribute.state import Lost, Seen, State
from byline.core.attribution import UNATTRIBUTED, owner_of
from byline.core.edit import UNSEEN, Edit, Event, Hook
from byline.core.value import replace
from byline.core.version import Block, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.ports import Sources


def fold(state: State, event: Event, sources: Sources) -> State:
    """Return `state` after `event`."""
    if isinstance(event, Edit):
        if event.before is not UNSEEN:
            state = settle(state, replace(event, after=event.before), sources)
        return settle(state, event, sources) if event.by is None else _write(state, event, sources)
    if event.head:
        state = state.with_made_from(event.head, event.in_progress)
    if event.head and event.hook is not Hook.POST_MERGE:  # a fast-forward runs it too: others made what HEAD is now
        state = state.with_marked(event.head, event.worktree)
    if event.head and event.hook is Hook.POST_COMMIT and (event.by_agent or event.committer.delegation):
        state = state.with_agents(event.head)
    for old, new in event.rewritten:
        state = state.with_marked(new, event.worktree).with_made_from(new, (old,))
    return state


def settle(state: State, edit: Edit, sources: Sources) -> State:
    """Return `state` after the bytes `edit.after` were found at the path, by nobody's record (rule 3)."""
    seen = state.seen(edit.worktree, edit.path)
    if seen and seen[-1].blob == edit.after:
        return state
    if edit.after is None:
        return state.with_seen(edit.worktree, edit.path, Seen(blob=None)) if seen else state
    head = sources.committed(edit.head, edit.path) if edit.head else None
    lines = sources.lines(edit.after)
    if head and head.blob == edit.after:
        found = Seen(blob=edit.after, rows=to_rows(head.bylines))
    elif lines is None:
        found = Seen(blob=edit.after)
    elif exact := [each for each in seen if each.blob == edit.after]:
        found = replace(exact[-1], writer=Seen(blob=None).writer)
    else:
        found = _compare(state, edit, sources, head, lines)
    return state.with_seen(edit.worktree, edit.path, found)


def _compare(state: State, edit: Edit, sources: Sources, head: Version | None, lines: tuple[bytes, ...]) -> Seen:
    last = _last(state, edit, sources)
    grounds = [Ground.of(version, lines) for version in (last, head) if version]
    draft = Draft(lines)
    for ground in grounds:
        draft.take_base(None, ground.bylines(), ground.matching)
    target = Target(path=edit.path, blob=edit.after or "", made_from=edit.in_progress, worktree=edit.worktree)
    search(draft, target, grounds, state, sources)
    return Seen(blob=edit.after, rows=to_rows(draft.close()))


def _write(state: State, edit: Edit, sources: Sources) -> State:
    """Rule 4: `edit.by` made the bytes `edit.after` of the last version."""
    if edit.by is None:
        return state
    if not state.seen(edit.worktree, edit.path) and edit.head and (head := sources.committed(edit.head, edit.path)):
        state = state.with_seen(edit.worktree, edit.path, Seen(blob=head.blob, rows=to_rows(head.bylines)))
    seen = state.seen(edit.worktree, edit.path)
    writer = owner_of(edit.by, evidence=edit.evidence, channel=edit.channel, session=edit.session, on_behalf_of=edit.on_behalf_of)
    if seen and seen[-1].blob == edit.after:
        return state
    old = _last(state, edit, sources) or Version(path=edit.path, blob=None, lines=(), bylines=())
    lines = (sources.lines(edit.after) if edit.after else None) or ()
    copies = partial(search_copies, worktree=edit.worktree, state=state, sources=sources)
    written = carry(old, lines, writer, tuple(_recent(state, edit.worktree, sources)), copies)
    state = state.with_seen(edit.worktree, edit.path, Seen(blob=edit.after, rows=to_rows(written.bylines), writer=writer))
    if not old.blob:
        return state
    gone = [Lost(blob=old.blob, start=each.start, rows=to_rows(old.bylines[each.start : each.end])) for each in written.gone]
    return state.with_lost(edit.worktree, gone) if gone else state


def _last(state: State, edit: Edit, sources: Sources) -> Version | None:
    """The newest version of the path that is text."""
    seen = state.seen(edit.worktree, edit.path)
    if not seen or not seen[-1].blob:
        return None
    lines = sources.lines(seen[-1].blob)
    if lines is None:
        return None
    bylines = seen[-1].bylines if seen[-1].count == len(lines) else (UNATTRIBUTED,) * len(lines)
    return Version(path=edit.path, blob=seen[-1].blob, lines=lines, bylines=bylines)


def _recent(state: State, worktree: str, sources: Sources) -> Iterator[Block]:
    for lost in state.lost.get(worktree, ()):
        bylines = expand(lost.rows)
        lines = (sources.lines(lost.blob) or ())[lost.start : lost.start + len(bylines)]
        if len(lines) == len(bylines):
            yield Block(lines=lines, bylines=bylines)

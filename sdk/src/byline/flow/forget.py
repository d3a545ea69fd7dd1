# SPDX-License-Identifier: Apache-2.0
"""forget: what sessions left on this machine goes, and what was signed stays.

    chosen = choose(workshop, Wish(session="6e46bda4"))              # which sessions, and what they left; nothing is changed
    forget(workshop, chosen, at=time.time_ns())                      # -> Forgotten(records=12, contents=7, payloads=1)

A session leaves its agent's payloads (those that could not be read, and those that wait for a command to end), records in the journal,
texts among the contents, and its id in the folded state. All of it goes but for

    texts that git has, and those that stand in a work tree now       git, or anybody who looks at the file, has them anyway
    who wrote a line that is not committed yet                        the agent and its model, without the session: it stays an agent's
    a keyed hash of each line whose text goes (`flow.forgotten`)      so that no committer declares it to be theirs
    statements                                                        they hold no text; `byline ledger erase` is for them

The steps, each of which may be the last before a kill, and the same wish again does the rest: 0. each file that a session touched is
looked at as it is now, and everything is folded and attested as ever; then, under the clone's lock: 1. the hashes are kept, durable;
2. the state is written without the sessions; 3. texts go, and 4. payloads; 5. their records are blanked, and the journal keeps its length.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.contents import Contents
from byline.capture.cut import locked, read_cut
from byline.capture.disk import read_link_or_file
from byline.capture.inbox import list_arrivals
from byline.capture.journal import FILE, now_ns, parse_event, read_events
from byline.capture.places import shared_dir
from byline.capture.refusals import FILE as REFUSALS
from byline.capture.refusals import read_line
from byline.capture.scribe import Occasion, Scribe
from byline.capture.worktree import find_worktree
from byline.core.attribution import Agent, Tool
from byline.core.edit import UNSEEN, Edit, Unseen
from byline.core.lines import has_word, hash_lines
from byline.core.value import dataclass, replace
from byline.errors import MalformedError, RepositoryError
from byline.flow.attest import attest_pending
from byline.flow.claiming import WRITTEN
from byline.flow.compaction import save_kept, worktree_top
from byline.flow.forgotten import FILE as FORGOTTEN
from byline.flow.forgotten import add_forgotten
from byline.flow.pending import STATE
from byline.flow.progress import KEPT, load_progress
from byline.flow.texts import Texts
from byline.flow.workshop import hold, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from byline.attribute.rows import Rows
    from byline.attribute.state import Lost, Seen, State
    from byline.core.attribution import Byline, Owner
    from byline.flow.workshop import Workshop

    Key = tuple[str, bytes]

PATIENCE = 10.0  # seconds for the lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Whose traces shall go: of the session whose id begins so, of an agent, of what ended before a time (nanoseconds), of all."""

    session: str | None = None
    agent: str | None = None
    before: int | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a wish comes to: `sessions` by id (None: what names none), each with its agent, and what they left in `files`."""

    sessions: Mapping[str | None, str]
    records: int
    texts: int
    payloads: tuple[Path, ...]
    files: frozenset[tuple[str, bytes]]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to forget."""
        return not self.sessions and not self.payloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What went."""

    records: int
    texts: int
    payloads: int


def choose(workshop: Workshop, wish: Wish) -> Chosen:
    """Return what `wish` is about, after all that waits is settled.

    Raises:
        RepositoryError: Another attester is at work, or git cannot say.
        OSError: What is kept here cannot be read.
    """
    _take_up(workshop)
    edits, state = _edits(workshop.place), load_progress(workshop.place).state
    sessions: dict[str | None, str] = {
        name: agent for name, agent in _sessions(edits, state).items() if _is_wanted(name, agent, wish, edits)
    }
    if wish.everything and any(each.session is None for each in edits):
        sessions[None] = "what names no session"
    mine = [each for each in edits if each.session in sessions]
    return Chosen(
        sessions=sessions,
        records=len(mine),
        texts=len(_doomed(workshop, state, edits, sessions)),
        payloads=tuple(_payloads(workshop.inbox, wish, sessions)),
        files=frozenset((each.worktree, each.path) for each in mine).union(_touched(state, sessions)),
    )


def forget(workshop: Workshop, chosen: Chosen) -> Forgotten:
    """Forget what was `chosen`; what is left by a kill goes the next time.

    Raises:
        RepositoryError: Another attester is at work, or git cannot say.
        OSError: Something cannot be written or removed: the rest is there.
    """
    sessions = chosen.sessions
    # 0.
    for key in sorted(chosen.files):
        _sight(workshop, *key)
    _take_up(workshop)
    place = workshop.place
    with hold(place, seconds=PATIENCE) as is_held:
        if not is_held:
            raise _busy()
        _sweep(place)
        progress, edits = load_progress(place), _edits(place)
        doomed = _doomed(workshop, progress.state, edits, sessions)
        # 1.
        add_forgotten(place, _hashes(workshop, progress.state, edits, sessions, doomed))
        # 2.
        save_kept(place, replace(progress, state=_without(progress.state, sessions, doomed)))
        # 3.
        contents = Contents(place, workshop.repo.algorithm)
        texts = sum(contents.remove(blob) for blob in sorted(doomed))
        # 4.
        for path in chosen.payloads:
            path.unlink(missing_ok=True)
        # 5.
        records = _blank(place, sessions, upto=progress.cursor) + _blank_refusals(place, sessions)
    return Forgotten(records=records, texts=texts, payloads=len(chosen.payloads))


def _take_up(workshop: Workshop) -> None:
    if attest_pending(workshop, seconds=PATIENCE, sweeps=False).busy:
        raise _busy()


def _busy() -> RepositoryError:
    return RepositoryError("another attester is at work here", hint="once more, in a moment")


def _edits(place: Path) -> list[Edit]:
    return [each for each in read_events(place).events if isinstance(each, Edit)]


def _sessions(edits: Iterable[Edit], state: State) -> dict[str, str]:
    """Return the agent, or the kind of writer, of each session that the journal or the state names."""
    found: dict[str, str] = {}
    for edit in edits:
        if edit.session:
            found[edit.session] = getattr(edit.by, "name", None) or found.get(edit.session, "nobody")
    for owner in _owners(state):
        if owner.session:
            found.setdefault(owner.session, owner.agent.name if owner.agent else str(owner.origin))
    return found


def _owners(state: State) -> Iterator[Owner]:
    """Yield whom the state names on its own word: what a statement says is signed, and stays."""
    for seen in state.versions.values():
        for each in seen:
            yield each.writer
            yield from _unsigned(each.rows)
    for places in state.lost.values():
        for lost in places:
            yield from _unsigned(lost.rows)


def _unsigned(rows: Rows) -> Iterator[Owner]:
    for _, byline in rows:
        if byline.statement is None:
            yield byline.owner
            yield from [byline.owner.earlier] if byline.owner.earlier else []


def _is_wanted(name: str, agent: str, wish: Wish, edits: Iterable[Edit]) -> bool:
    if wish.session is not None:
        return name.startswith(wish.session)
    if wish.before is not None:
        # Of a session without a record only the state is left: it is older than every record.
        times = [each.time for each in edits]
        last = max((each.time for each in edits if each.session == name), default=min(times, default=0))
        return last < wish.before
    return wish.everything or agent == wish.agent


def _payloads(inbox: Path, wish: Wish, sessions: Iterable[str | None]) -> Iterator[Path]:
    """Yield what agents' hooks left in the inbox of one of `sessions`; what could not be read tells its session in its bytes, if at all."""
    names = [name.encode() for name in (*sessions, wish.session) if name]
    aside = inbox / "aside"
    for path in sorted(aside.iterdir()) if aside.is_dir() else ():
        is_old = wish.before is not None and path.stat().st_mtime_ns < wish.before
        if wish.everything or is_old or _holds(path, names):
            yield path
    yield from (each.path for each in list_arrivals(inbox) if _holds(each.path, names))


def _holds(path: Path, names: Iterable[bytes]) -> bool:
    data = path.read_bytes()
    return any(name in data for name in names)


def _touched(state: State, sessions: Mapping[str | None, str]) -> Iterator[Key]:
    for key, seen in state.versions.items():
        if any(owner.session in sessions for each in seen for owner in (each.writer, *_unsigned(each.rows))):
            yield key


def _sight(workshop: Workshop, git_dir: str, path: bytes) -> None:
    """Record what the file is now, so that who wrote its lines is known without any text from before."""
    top = worktree_top(workshop, Path(git_dir))
    worktree = find_worktree(top) if top.is_dir() else None
    if worktree is None or str(worktree.git_dir) != git_dir:
        return
    scribe, occasion = Scribe(workshop.inbox), Occasion(by=None, session=None, call=None, time=now_ns(), name="edit.forget")
    after = scribe.keep(worktree, read_link_or_file(Path(os.fsdecode(os.path.join(os.fsencode(top), path)))), occasion, path)  # noqa: PTH118 - bytes
    scribe.write(worktree, path, (UNSEEN, after), occasion)


def _doomed(workshop: Workshop, state: State, edits: Iterable[Edit], sessions: Mapping[str | None, str]) -> frozenset[str]:
    """Return the texts that go: those of the sessions which git does not have, no work tree holds, and nobody else's record names."""
    mine: set[str | None] = set()
    others = {seen[-1].blob for (tree, _), seen in state.versions.items() if seen and os.path.lexists(tree)}
    for edit in edits:
        sides = [each for each in (edit.before, edit.after) if not isinstance(each, Unseen)]
        (mine if edit.session in sessions else others).update(sides)
    for key in _touched(state, sessions):
        mine.update(each.blob for each in state.versions[key])
    for places in state.lost.values():
        mine.update(each.blob for each in places if any(owner.session in sessions for owner in _unsigned(each.rows)))
    return frozenset(each for each in mine - others if each and not workshop.repo.has_object(each))


def _hashes(
    workshop: Workshop, state: State, edits: Iterable[Edit], sessions: Mapping[str | None, str], doomed: frozenset[str]
) -> Iterator[bytes]:
    """Yield the hash of each line with a word that a session brought into a text that goes."""
    texts = Texts(workshop.repo, workshop.place, workshop.identity.line_key)

    def hashed(lines: Iterable[bytes]) -> Iterator[bytes]:
        yield from hash_lines([line for line in lines if has_word(line)], workshop.identity.line_key)

    for edit in edits:
        if edit.session in sessions and isinstance(edit.by, Agent | Tool) and edit.after in doomed:
            before = texts.lines(edit.before) if isinstance(edit.before, str) and not isinstance(edit.before, Unseen) else ()
            yield from hashed(Counter(texts.lines(edit.after) or ()) - Counter(before or ()))
    for seen in (each for several in state.versions.values() for each in several if each.blob in doomed):
        lines = texts.lines(seen.blob or "") or ()
        yield from hashed(line for line, byline in zip(lines, seen.bylines, strict=False) if _is_written(byline.owner, sessions))


def _is_written(owner: Owner, sessions: Mapping[str | None, str]) -> bool:
    return owner.session in sessions and owner.origin in WRITTEN


def _without(state: State, sessions: Mapping[str | None, str], doomed: frozenset[str]) -> State:
    def rows(given: Rows) -> Rows:
        return tuple((number, _nameless(byline, sessions)) for number, byline in given)

    def seen(each: Seen) -> Seen:
        return replace(each, rows=rows(each.rows), writer=_strip(each.writer, sessions))

    def lost(each: Lost) -> Lost:
        return replace(each, rows=rows(each.rows))

    return replace(
        state,
        versions={
            key: kept
            for key, several in state.versions.items()
            if (kept := tuple(seen(each) for each in several if each.blob not in doomed))
        },
        lost={tree: tuple(lost(each) for each in places if each.blob not in doomed) for tree, places in state.lost.items()},
    )


def _nameless(byline: Byline, sessions: Mapping[str | None, str]) -> Byline:
    return replace(byline, owner=_strip(byline.owner, sessions)) if byline.statement is None else byline


def _strip(owner: Owner, sessions: Mapping[str | None, str]) -> Owner:
    earlier = _strip(owner.earlier, sessions) if owner.earlier else None
    return replace(owner, session=None if owner.session in sessions else owner.session, earlier=earlier)


def _sweep(place: Path) -> None:
    """Remove what a process that was killed had begun to write in the place of these files: only who holds the lock writes them."""
    for name in (FILE, STATE, KEPT, FORGOTTEN):
        for each in place.glob(f".{name}.*"):
            each.unlink()


def _blank(place: Path, sessions: Mapping[str | None, str], *, upto: int) -> int:
    """Put empty lines in the place of the sessions' records before byte number `upto`; return how many."""
    common_dir, count = shared_dir(place), 0
    with locked(place / FILE, alone=True) as handle, os.fdopen(os.dup(handle), "rb") as journal:
        skipped, _ = read_cut(journal)
        journal.seek(0)
        lines = journal.read().split(b"\n")
        at = skipped
        for number, line in enumerate(lines):
            if at < upto and _is_of(line, common_dir, sessions):
                lines[number] = b"\n" * len(line)
                count += 1
            at += len(line) + 1
        if count:
            write_atomic(place / FILE, b"\n".join(lines))
    return count


def _blank_refusals(place: Path, sessions: Mapping[str | None, str]) -> int:
    """Put empty lines in the place of what the sessions were refused; return how many. No statement waits for them any more."""
    if not (place / REFUSALS).exists():
        return 0
    with locked(place / REFUSALS, alone=True) as handle:
        lines = os.pread(handle, os.fstat(handle).st_size, 0).split(b"\n")
        theirs = [number for number, line in enumerate(lines) if (found := read_line(line)) and found.session in sessions]
        for number in theirs:
            lines[number] = b"\n" * len(lines[number])
        if theirs:
            write_atomic(place / REFUSALS, b"\n".join(lines))
    return len(theirs)


def _is_of(line: bytes, common_dir: str, sessions: Mapping[str | None, str]) -> bool:
    try:
        event = parse_event(line, common_dir)
    except MalformedError:
        return False
    return isinstance(event, Edit) and event.session in sessions

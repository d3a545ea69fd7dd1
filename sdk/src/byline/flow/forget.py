# SPDX-License-Identifier: Apache-2.0
"""forget: what sessions left on this machine goes, and what was signed stays.

    chosen = choose(workshop, Wish(session="6e46bda4"))              # which sessions, and what they left; nothing is changed
    forget(workshop, chosen)                                         # -> Forgotten(records=12, texts=7, payloads=1)

A session leaves payloads in the inbox (`flow.wishes`), records in the journal, texts among the contents, prompts (`capture.prompts`),
and its id in the folded state; and records and texts of folders without git (`capture.loose`), wherever they are. All of it goes but for

    texts that git has, and those that stand in a work tree now       git, or anybody who looks at the file, has them anyway
    who wrote a line that is not committed yet                        the agent and its model, without the session: it stays an agent's
    a keyed hash of each line whose text goes (`flow.forgotten`)      so that no committer declares it to be theirs
    statements, also those that wait to be sent                       they hold no text; `byline ledger erase` is for them

Without its key nobody opens what a statement committed to. The steps, each of which may be the last before a kill, and the same wish again
does the rest: 0. each file that a session touched is looked at as it is now, everything is folded and attested as ever, and folders without
git are done with; then, under the clone's lock: 1. the hashes are kept, durable; 2. the state is written without the sessions; 3. texts and
prompts go, and 4. payloads; 5. their records are blanked, and the journal keeps its length.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.clock import now_ns
from byline.capture.contents import Contents
from byline.capture.cut import locked, read_cut
from byline.capture.disk import read_link_or_file
from byline.capture.journal import FILE, parse_event, read_events
from byline.capture.loose import loose_edits, loose_folders, strip_sessions
from byline.capture.places import shared_dir
from byline.capture.prompts import FILE as PROMPTS
from byline.capture.prompts import read_prompts
from byline.capture.refusals import FILE as REFUSALS
from byline.capture.refusals import read_line
from byline.capture.scribe import Occasion, Scribe
from byline.capture.worktree import find_worktree
from byline.core.attribution import Agent, Tool
from byline.core.edit import UNSEEN, Edit, Unseen
from byline.core.lines import has_word, hash_lines
from byline.core.value import replace
from byline.errors import MalformedError, RepositoryError
from byline.flow.attest import attest_pending
from byline.flow.claiming import WRITTEN
from byline.flow.compaction import save_kept, worktree_top
from byline.flow.forgotten import FILE as FORGOTTEN
from byline.flow.forgotten import add_forgotten
from byline.flow.pending import STATE
from byline.flow.progress import KEPT, load_progress
from byline.flow.prompts import drop_prompts
from byline.flow.texts import Texts
from byline.flow.wishes import Chosen, Forgotten, left_payloads, named_sessions, wanted_sessions
from byline.flow.workshop import hold, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from byline.attribute.rows import Rows
    from byline.attribute.state import Lost, Seen, State
    from byline.core.attribution import Byline, Owner
    from byline.flow.wishes import Wish
    from byline.flow.workshop import Workshop

    Key = tuple[str, bytes]

PATIENCE = 10.0  # seconds for the lock


def choose(workshop: Workshop, wish: Wish) -> Chosen:
    """Return what `wish` is about, after all that waits is settled.

    Raises:
        RepositoryError: Another attester is at work, or git cannot say.
        OSError: What is kept here cannot be read.
    """
    _take_up(workshop)
    edits, state = _edits(workshop.place), load_progress(workshop.place).state
    loose = [edit for folder in loose_folders(workshop.inbox.parent / "loose") for edit in loose_edits(folder)]
    asked = [each.prompt for each in read_prompts(workshop.place)]
    known = (
        named_sessions(loose if wish.session else ()) | {each.session: each.agent for each in asked} | named_sessions(edits, _owners(state))
    )
    sessions = wanted_sessions(known, wish, (*edits, *asked))
    mine = [each for each in edits if each.session in sessions]
    return Chosen(
        sessions=sessions,
        records=len(mine) + sum(each.session in sessions for each in loose if each.session),
        texts=len(_doomed(workshop, state, edits, sessions)),
        prompts=sum(each.session in sessions for each in asked),
        payloads=tuple(left_payloads(workshop.inbox, wish, sessions)),
        files=frozenset((each.worktree, each.path) for each in mine).union(_touched(state, sessions)),
    )


def forget(workshop: Workshop, chosen: Chosen) -> Forgotten:
    """Forget what was `chosen`; what is left by a kill goes the next time.

    Raises:
        RepositoryError: Another attester is at work, or git cannot say.
        OSError: Something cannot be written or removed: the rest is there.
    """
    sessions = chosen.sessions
    named = frozenset(name for name in sessions if name)
    # 0.
    for key in sorted(chosen.files):
        _sight(workshop, *key)
    _take_up(workshop)
    loose = [strip_sessions(folder, named) for folder in loose_folders(workshop.inbox.parent / "loose")]
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
        contents.sweep()
        prompts = drop_prompts(place, sessions)
        # 4.
        for path in chosen.payloads:
            path.unlink(missing_ok=True)
        # 5.
        records = _blank(place, sessions, upto=progress.cursor) + _blank_refusals(place, sessions)
    records += sum(each for each, _ in loose)
    texts += sum(each for _, each in loose)
    return Forgotten(records=records, texts=texts, prompts=prompts, payloads=len(chosen.payloads))


def _take_up(workshop: Workshop) -> None:
    done = attest_pending(workshop, seconds=PATIENCE, sweeps=False)
    if done.busy:
        raise _busy()
    if done.left:  # what was recorded since is needed to claim it
        commit, why = done.left[0].commit[:7], done.left[0].why
        raise RepositoryError(f"commit {commit} is not signed yet: {why}", hint=f"byline attest {commit} signs it with your own key")


def _busy() -> RepositoryError:
    return RepositoryError("another attester is at work here", hint="once more, in a moment")


def _edits(place: Path) -> list[Edit]:
    return [each for each in read_events(place).events if isinstance(each, Edit)]


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
    after = scribe.keep(worktree, read_link_or_file(worktree.file(path)), occasion, path)
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
    for name in (FILE, STATE, KEPT, FORGOTTEN, PROMPTS):
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

# SPDX-License-Identifier: Apache-2.0
"""Settle: what hooks spooled becomes records in the journals of the repositories it belongs to.

1. The marks of the clone that asks are listed first: a payload that was spooled before a mark is then surely seen, too.
2. The inbox is locked; what was cut off is reported.
3. Each payload is read by its agent's adapter, in the order of (time, name). What cannot be read is put aside.
4. Each named file is routed to the work tree that holds **it**, wherever the hook ran. Outside any work tree, inside `.git`, ignored
   by git: no record. git is asked about ignored files only, once for each batch and work tree.
5. Its bytes before and after are found (`capture.file_edits`), kept, and an edit is appended to that clone's journal.
6. A command's edits are what changed in its window (`capture.command_edits`). The scan before it waits for the one after, for a day.
7. What an agent committed inside a window is settled before the commit's mark: the attester does not wait for the command's end. Of other
   clones than the one that asks, the marks inside the windows that are settled here and now are read: after that it would be too late.
8. The spooled file is removed. Killed before that, the next run finds the record written and does not write it again.

A full disk stops nothing but the payloads at hand: they stay in the inbox. The clone whose folder took no more of them keeps its marks,
too: attested without what an agent said, its lines would be declared a person's.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture import snapshot
from byline.capture.agents import FileText, Kind, Observed, acts_for
from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.agents.program import program_of, windows_around
from byline.capture.ask_git import ignored_paths
from byline.capture.clone import Settled
from byline.capture.command_edits import Window, holds, innermost, pair_scans, settle_commit, settle_window
from byline.capture.disk import read_tail
from byline.capture.file_edits import settle_file
from byline.capture.inbox import Arrival, Spooled, list_arrivals, lock_inbox, put_aside, read_arrival, sweep_torn
from byline.capture.journal import now_ns
from byline.capture.loose import find_loose
from byline.capture.losses import LossCode
from byline.capture.marks import agent_commits, list_marks
from byline.capture.places import repository_dir
from byline.capture.scribe import Occasion, Scribe
from byline.capture.sightings import note_seen
from byline.capture.windows import Scan, parse_states
from byline.capture.worktree import Moved, WorkTree, find_moved, find_worktree, is_gits_own, route
from byline.core.edit import UNSEEN
from byline.core.value import replace
from byline.errors import MalformedError, PayloadError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from byline.core.edit import Mark

BATCH_FILES = 200
BATCH_BYTES = 64 * 1024 * 1024
WINDOW_NS = 24 * 3600 * 10**9
NEAR_NS = 10 * 10**9  # hooks that an agent calls for one event are this near to each other


def settle_inbox(inbox: Path, *, now: int | None = None, commits: tuple[Mark, ...] = (), moved: tuple[str, str] | None = None) -> Settled:
    """Settle what all hooks of this user spooled into `inbox`; `commits` are those that agents made and nobody attested yet.

    `moved` tells of a clone that was moved since the last time: where its git folder was, and where it is.

    Raises:
        OSError: The inbox cannot be locked or listed.
    """
    if not inbox.is_dir():
        return Settled()
    at = now_ns() if now is None else now
    with lock_inbox(inbox) as died:
        torn = sweep_torn(inbox, at)
        run = _Run(inbox, at, after_crash=died, moved=moved)
        run.settle(list_arrivals(inbox), commits)
        note_seen(inbox.parent, run.seen)
        return Settled(edits=run.scribe.count, losses=run.scribe.losses + torn, left=run.left, refused=run.scribe.refused)


class _Run:
    """One run over the inbox, under its lock."""

    def __init__(self, inbox: Path, now: int, *, after_crash: bool, moved: tuple[str, str] | None) -> None:
        self._inbox = inbox
        self._now = now
        self._clone = moved
        self._transcript: tuple[str, bytes] | None = None
        self.scribe = Scribe(inbox, after_crash=after_crash)
        self.left = 0
        self.seen: dict[str, int] = {}

    def settle(self, arrivals: tuple[Arrival, ...], commits: tuple[Mark, ...]) -> None:
        scans = dict(self._read_scans(arrival for arrival in arrivals if arrival.is_scan))
        windows = pair_scans(scans.values())
        for mark in sorted({*commits, *self._list_commits(windows)}, key=lambda mark: (mark.time, mark.name)):
            self._settle_arrivals(tuple(arrival for arrival in arrivals if arrival.time <= mark.time), scans, windows)
            arrivals = tuple(arrival for arrival in arrivals if arrival.time > mark.time)
            self._settle_commit(mark, windows)
        self._settle_arrivals(arrivals, scans, windows)

    def _list_commits(self, windows: tuple[Window, ...]) -> Iterator[Mark]:
        """Yield what agents committed inside the `windows` that this run takes away, in whichever clone: its own run comes too late."""
        closed = [window for window in windows if window.closing]
        for place in {repository_dir(tree.common_dir) for tree in map(self._find_worktree, (each.opening for each in closed)) if tree}:
            with suppress(OSError):  # a clone that cannot be read is told of by who works in it
                yield from (mark for mark in agent_commits(list_marks(place)) if any(holds(window, mark) for window in closed))

    def _find_worktree(self, scan: Scan) -> WorkTree | None:
        moved = find_moved(scan.top, scan.worktree, self._clone)
        return moved.worktree if moved else find_loose(scan.worktree) or find_worktree(Path(scan.top))

    def _settle_arrivals(self, arrivals: tuple[Arrival, ...], scans: Mapping[str, Scan], windows: tuple[Window, ...]) -> None:
        for batch in _batches(arrivals):
            payloads = [(arrival, self._read_payload(arrival)) for arrival in batch if not arrival.is_scan]
            told = {arrival.name: read for arrival, read in payloads if read is not None}
            ignored = _find_ignored((file.path, moved) for observed, moved in told.values() for file in observed.files)
            for arrival in batch:
                with _Attempt(self, arrival):
                    if arrival.name in told:
                        if not _is_in_a_window(arrival, told[arrival.name][0], windows):
                            self._settle_files(arrival, *told[arrival.name], ignored)
                        arrival.path.unlink()
                    elif arrival.name in scans:
                        self._settle_scan(arrival, scans[arrival.name], windows)

    def _read_scans(self, arrivals: Iterable[Arrival]) -> Iterator[tuple[str, Scan]]:
        for arrival in arrivals:
            with _Attempt(self, arrival):
                spooled = read_arrival(arrival)
                yield arrival.name, _scan(arrival, spooled, self._parse(arrival, spooled))

    def _read_payload(self, arrival: Arrival) -> tuple[Observed, Moved | None] | None:
        with _Attempt(self, arrival):
            spooled = read_arrival(arrival)
            top, git_dir = spooled.facts.get("top"), spooled.facts.get("gitdir")
            observed = self._parse(arrival, spooled)
            if observed.kind is Kind.CLOSES and not (top or observed.only):
                observed = replace(observed, kind=Kind.NOTHING)  # its command ran outside every work tree
            return observed, find_moved(top, git_dir, self._clone) if top and git_dir else None
        return None

    def _parse(self, arrival: Arrival, spooled: Spooled) -> Observed:
        observed = find_adapter(spooled.agent).parse_payload(spooled.payload, spooled.facts)
        if (name := observed.agent.name) in AGENTS:
            self.seen[name] = max(arrival.time, self.seen.get(name, 0))
        return replace(observed, on_behalf_of=acts_for(spooled.facts), inside=(*windows_around(spooled.facts), *observed.inside))

    def _settle_files(self, arrival: Arrival, observed: Observed, moved: Moved | None, ignored: frozenset[str]) -> None:
        occasion = self._occasion(arrival, observed)
        files = observed.files
        if observed.kind is Kind.CLOSES and observed.only:  # no window around it: the disk is all there is
            files = tuple(FileText(path=path, before=UNSEEN, after=None) for path in observed.only)
        elif observed.kind is Kind.CLOSES:
            self.scribe.lose(LossCode.FAILED, "a command ended and no beginning of it was seen", occasion)
        for number, file in enumerate(files):
            routed = None if file.path in ignored else route(file.path, moved)
            if routed is not None:
                settle_file(self.scribe, routed, file, replace(occasion, name=f"{occasion.name}:{number}"))
            elif is_gits_own(file.path):
                self.scribe.lose(LossCode.REFUSED, "an edit inside a .git folder", occasion)

    def _settle_scan(self, arrival: Arrival, scan: Scan, windows: tuple[Window, ...]) -> None:
        """Settle the windows that `scan` closes and remove their first scans; `scan` itself is removed unless it opens one."""
        closed = [window for window in windows if window.closing is scan]
        if not closed and scan.observed.kind is Kind.CLOSES:
            self._settle_files(arrival, scan.observed, None, frozenset())
        for window in closed:
            worktree = self._find_worktree(scan)
            if worktree is not None:
                rivals = [other for other in windows if other is not window and (other.closing or not _is_abandoned(other.opening))]
                occasion = replace(self._occasion(arrival, window.opening.observed), time=scan.time)
                settle_window(self.scribe, worktree, window, rivals, occasion)
                if scan.observed.kind is Kind.CLOSES:
                    self._settle_elsewhere(window, occasion)
        for window in closed:
            (self._inbox / f"{window.opening.name}.spool").unlink(missing_ok=True)
        opens = [window for window in windows if window.opening is scan]
        if opens and (opens[0].closing is not None or self._now - scan.time < WINDOW_NS):
            return
        if opens:
            self.scribe.lose(LossCode.FAILED, "a command began and no end of it was seen", self._occasion(arrival, scan.observed))
        arrival.path.unlink()

    def _settle_elsewhere(self, window: Window, occasion: Occasion) -> None:
        """Settle the files that a call names in other work trees than the one that was scanned: what stands there is all there is."""
        opening = window.opening
        ignored = _find_ignored((path, None) for path in opening.observed.only)
        for path in opening.observed.only:
            routed = None if path in ignored else route(path)
            if routed is not None and str(routed.worktree.git_dir) != opening.worktree:
                settle_file(self.scribe, routed, FileText(path=path, before=UNSEEN, after=None), occasion)

    def _settle_commit(self, mark: Mark, windows: tuple[Window, ...]) -> None:
        around = [window.opening for window in innermost(each for each in windows if holds(each, mark))]
        at_work = [opening for opening in around if not _is_abandoned(opening)] or around
        worktree = self._find_worktree(at_work[0]) if at_work else None
        if worktree is None:
            return  # made in no window: nobody's
        occasion = self._occasion(mark, at_work[0].observed)
        try:
            settle_commit(self.scribe, worktree, at_work, mark, replace(occasion, time=mark.time - 1))
        except (OSError, RepositoryError) as error:
            self.scribe.lose(LossCode.FAILED, f"a commit inside a command: {error}", occasion, worktree)

    def _occasion(self, source: Arrival | Mark, observed: Observed) -> Occasion:
        by = replace(observed.agent, model=self._model(observed))
        return Occasion(
            by=by,
            session=observed.session,
            call=observed.call,
            tool=observed.tool,
            channel=observed.channel,
            time=source.time,
            name=source.name,
            on_behalf_of=observed.on_behalf_of,
        )

    def _model(self, observed: Observed) -> str | None:
        find_model = None if observed.agent.model or observed.transcript is None else find_adapter(observed.agent.name).find_model
        if observed.transcript is None or find_model is None:
            return observed.agent.model
        if self._transcript is None or self._transcript[0] != observed.transcript:
            self._transcript = observed.transcript, read_tail(Path(observed.transcript).expanduser()) or b""
        return find_model(self._transcript[1], observed)

    def put_aside(self, arrival: Arrival, error: MalformedError) -> None:
        """Keep a payload that cannot be read, and say so."""
        occasion = Occasion(by=None, session=None, call=None, time=arrival.time, name=arrival.name)
        self.scribe.lose(LossCode.MALFORMED, str(error), occasion)
        put_aside(self._inbox, arrival)

    def leave(self, arrival: Arrival, error: OSError) -> None:
        """Leave a payload for the next run; the first of a run is a loss, as the others wait for the same thing."""
        self.left += 1
        if self.left == 1:
            occasion = Occasion(by=None, session=None, call=None, time=arrival.time, name=arrival.name)
            self.scribe.lose(LossCode.FAILED, f"cannot settle for now: {error.strerror}", occasion)


class _Attempt:
    """A block in which a malformed payload is put aside and one whose edit cannot be written stays."""

    def __init__(self, run: _Run, arrival: Arrival) -> None:
        self._run = run
        self._arrival = arrival

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, MalformedError):
            self._run.put_aside(self._arrival, error)
        elif isinstance(error, OSError):
            self._run.leave(self._arrival, error)
        return isinstance(error, MalformedError | OSError)


def _is_abandoned(opening: Scan) -> bool:
    """Whether the program that opened a window ended without a word: what others do since is theirs."""
    if opening.process is not None:
        return snapshot.is_gone(os.fsencode(opening.process))
    pid = program_of(opening.observed)
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # it is another user's
        return False
    return False


def _is_in_a_window(arrival: Arrival, observed: Observed, windows: Iterable[Window]) -> bool:
    """Whether `observed` is the end of a call that scans tell of, too: another agent's hook was called beside its own."""
    seen = ((window, window.opening.observed) for window in windows if observed.kind is Kind.CLOSES and window.opening.time < arrival.time)
    return any(
        (by.agent.name, by.session, by.call, by.only) == (observed.agent.name, observed.session, observed.call, observed.only)
        and (window.closing is None or arrival.time <= window.closing.time + NEAR_NS)
        for window, by in seen
    )


def _scan(arrival: Arrival, spooled: Spooled, observed: Observed) -> Scan:
    facts = spooled.facts
    if not {"top", "gitdir", "head"} <= facts.keys():
        raise PayloadError("a scan that does not say of what")
    return Scan(
        name=arrival.name,
        time=arrival.time,
        top=facts["top"],
        worktree=facts["gitdir"],
        head=facts["head"] or None,
        files=parse_states(spooled.files),
        process=facts.get("process") or None,
        observed=observed,
    )


def _batches(arrivals: tuple[Arrival, ...]) -> Iterator[list[Arrival]]:
    batch: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        batch.append(arrival)
        size += arrival.size
        if len(batch) == BATCH_FILES or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _find_ignored(paths: Iterable[tuple[str, Moved | None]]) -> frozenset[str]:
    """Return those of `paths` that git ignores; where git cannot say, none is."""
    trees: dict[WorkTree, dict[bytes, str]] = {}
    for path, moved in dict(paths).items():
        routed = route(path, moved)
        if routed is not None:
            trees.setdefault(routed.worktree, {})[routed.path] = path
    ignored: set[str] = set()
    for worktree, named in trees.items():
        ignored |= {named[path] for path in ignored_paths(worktree, tuple(named))}
    return frozenset(ignored)

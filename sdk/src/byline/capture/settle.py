# SPDX-License-Identifier: Apache-2.0
"""Settle: what hooks spooled becomes records in the journals of the repositories it belongs to.

1. The marks of the clone that asks are listed first: a payload that was spooled before a mark is then surely seen, too.
2. The inbox is locked; what was cut off is reported.
3. Each payload is read by its agent's adapter (`capture.reading`), in the order of (time, name). What cannot be read is put aside.
4. Each named file is routed to the work tree that holds **it**, wherever the hook ran. Outside any work tree, inside `.git`, ignored
   by git: no record. git is asked about ignored files only, once for each batch and work tree. What was spooled in a clone that is
   not to be seen from here waits for it (`capture.astray`).
5. Its bytes before and after are found (`capture.file_edits`), kept, and an edit is appended to that clone's journal.
6. A command's edits are what changed in its window (`capture.command_edits`). The scan before it waits for the one after, or
   until nobody is left who would make that (`capture.abandoned`).
7. A prompt is kept where the person wants that (`capture.prompts`), in the clone in which the hook ran.
8. What was committed inside a window, by whomever, is settled before the commit's mark: the attester does not wait for the command's
   end. Of other clones than the one that asks, the marks inside the windows that are settled here and now are read: after that it would
   be too late.
9. The spooled file is removed. Killed before that, the next run finds the record written and does not write it again.

A full disk stops nothing but the payloads at hand: they stay in the inbox. The clone whose folder took no more of them keeps its marks,
too: attested without what an agent said, its lines would be declared a person's.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.abandoned import STILL_RUNS, end_scan, has_ended, have_ended, is_abandoned
from byline.capture.agents import FileText, Kind, Observed
from byline.capture.ask_git import ignored_paths
from byline.capture.astray import fetch_astray, sweep_astray
from byline.capture.clock import now_ns
from byline.capture.clone import Settled
from byline.capture.command_edits import NEAR_NS, Window, holds, innermost, is_named, named_here, pair_scans, settle_commit, settle_window
from byline.capture.file_edits import settle_file
from byline.capture.inbox import Arrival, list_arrivals, lock_inbox, put_aside, sweep_torn
from byline.capture.losses import LossCode
from byline.capture.marks import list_marks, plain_commits
from byline.capture.places import repository_dir
from byline.capture.prompts import NO_ROOM, commits_prompts, keep_prompt
from byline.capture.reading import Reader, Told
from byline.capture.scribe import Occasion, Scribe
from byline.capture.sightings import note_seen
from byline.capture.worktree import Clone, Moved, WorkTree, find_worktree, is_gits_own, route
from byline.core.edit import UNSEEN
from byline.core.value import replace
from byline.errors import MalformedError, PayloadError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from byline.capture.windows import Scan
    from byline.core.edit import Mark

BATCH_FILES = 200
BATCH_BYTES = 64 * 1024 * 1024
UNSEEN_END = "a command began and no end of it was seen: what changed since is its agent's"
WINDOW_NS = 24 * 3600 * 10**9


def settle_inbox(inbox: Path, *, now: int | None = None, commits: tuple[Mark, ...] = (), here: Clone | None = None) -> Settled:
    """Settle what all hooks of this user spooled into `inbox`; `commits` are those that agents made and nobody attested yet.

    `here` is the clone that asks: what was spooled in it is its, whatever path it had there.

    Raises:
        OSError: The inbox cannot be locked or listed.
    """
    if not inbox.is_dir():
        return Settled()
    at = now_ns() if now is None else now
    with lock_inbox(inbox) as died:
        if here:
            fetch_astray(inbox, here.id)
        lost = sweep_torn(inbox, at) + sweep_astray(inbox, at)
        run = _Run(inbox, at, after_crash=died, here=here)
        run.settle(list_arrivals(inbox), commits)
        note_seen(inbox.parent, run.reader.seen)
        return Settled(edits=run.scribe.count, losses=run.scribe.losses + lost, left=run.left, refused=run.scribe.refused)


class _Run:
    """One run over the inbox, under its lock."""

    def __init__(self, inbox: Path, now: int, *, after_crash: bool, here: Clone | None) -> None:
        self._inbox = inbox
        self._now = now
        self.scribe = Scribe(inbox, after_crash=after_crash)
        self.reader = Reader(inbox, self.scribe, here)
        self.left = 0

    def settle(self, arrivals: tuple[Arrival, ...], commits: tuple[Mark, ...]) -> None:
        told = {arrival.name: arrival for arrival in arrivals}
        scans = dict(self._read_scans(arrival for arrival in arrivals if arrival.is_scan))
        windows = tuple(self._end_abandoned(window, commits) for window in pair_scans(scans.values()))
        for mark in sorted({*commits, *self._list_commits(windows)}, key=lambda mark: (mark.time, mark.name)):
            self._settle_arrivals(tuple(arrival for arrival in arrivals if arrival.time <= mark.time), scans, windows)
            arrivals = tuple(arrival for arrival in arrivals if arrival.time > mark.time)
            self._settle_commit(mark, windows)
        self._settle_arrivals(arrivals, scans, windows)
        for window in (each for each in windows if each.is_abandoned and each.closing):
            with self._attempt(told[window.opening.name]):
                self._settle_abandoned(told[window.opening.name], window, windows)

    def _end_abandoned(self, window: Window, commits: tuple[Mark, ...]) -> Window:
        """Return `window`, closed by a scan of now where nobody will close it any more.

        A call whose end no event tells is over, too, once a person commits: what they do from then on is theirs. What a command left
        running keeps its window open, whoever else is gone.
        """
        opening = window.opening
        is_over = not opening.observed.ends and any(holds(window, mark) and not mark.by_agent for mark in commits)
        is_over = have_ended(window.left) if window.left else is_over
        if window.closing or not (is_over or self._is_expired(opening) or is_abandoned(opening)):
            return window
        closing = None
        if is_over or self._is_expired(opening) or (has_ended(opening) and not window.left):
            with suppress(OSError, RepositoryError):  # it stays open for the next run
                worktree = self.reader.find_worktree(opening)
                closing = end_scan(opening, worktree) if worktree else None
        return replace(window, closing=closing, is_abandoned=True)

    def _is_expired(self, opening: Scan) -> bool:
        return self._now - opening.time >= WINDOW_NS

    def _list_commits(self, windows: tuple[Window, ...]) -> Iterator[Mark]:
        """Yield what was committed inside the `windows` that this run takes away, in whichever clone: its own run comes too late."""
        closed = [window for window in windows if window.closing]
        trees = filter(None, (self.reader.find_worktree(each.opening) for each in closed))
        for place in {repository_dir(tree.common_dir) for tree in trees}:
            with suppress(OSError):  # a clone that cannot be read is told of by who works in it
                yield from (mark for mark in plain_commits(list_marks(place)) if any(holds(window, mark) for window in closed))

    def _settle_arrivals(self, arrivals: tuple[Arrival, ...], scans: Mapping[str, Scan], windows: tuple[Window, ...]) -> None:
        for batch in _batches(arrivals):
            payloads = [(arrival, self._read_payload(arrival)) for arrival in batch if not arrival.is_scan]
            told = {arrival.name: read for arrival, read in payloads if read is not None}
            ignored = _find_ignored((file.path, each.moved) for each in told.values() for file in each.observed.files)
            for arrival in batch:
                with self._attempt(arrival):
                    if arrival.name in told:
                        self._settle_told(arrival, told[arrival.name], windows, ignored)
                        arrival.path.unlink()
                    elif arrival.name in scans:
                        self._settle_scan(arrival, scans[arrival.name], windows)

    def _read_scans(self, arrivals: Iterable[Arrival]) -> Iterator[tuple[str, Scan]]:
        for arrival in arrivals:
            with self._attempt(arrival):
                scan = self.reader.read_scan(arrival)
                if scan is not None:
                    yield arrival.name, scan

    def _read_payload(self, arrival: Arrival) -> Told | None:
        with self._attempt(arrival):
            return self.reader.read_payload(arrival)
        return None

    def _settle_told(self, arrival: Arrival, told: Told, windows: tuple[Window, ...], ignored: frozenset[str]) -> None:
        if told.observed.prompt is not None:
            self._settle_prompt(arrival, told, told.observed.prompt)
        elif not _is_in_a_window(arrival, told.observed, windows):
            self._settle_files(arrival, told.observed, told.moved, ignored)

    def _settle_prompt(self, arrival: Arrival, told: Told, text: str) -> None:
        """Keep what an agent was asked for, where the person wants that; an agent that calls its hook to go on asks for nothing."""
        worktree = told.moved.worktree if told.moved else find_worktree(Path(told.top)) if told.top else None
        if worktree is None or not text.strip() or not commits_prompts(worktree):
            return
        observed = told.observed
        if observed.session is None:
            raise PayloadError("a prompt that names no session")
        if not keep_prompt(worktree, text, agent=observed.agent.name, session=observed.session, time=arrival.time, name=arrival.name):
            self.scribe.lose(LossCode.OVERSIZED, NO_ROOM, self.reader.occasion(arrival, observed), worktree)

    def _settle_files(self, arrival: Arrival, observed: Observed, moved: Moved | None, ignored: frozenset[str]) -> None:
        occasion = self.reader.occasion(arrival, observed)
        files = observed.files
        if observed.kind is Kind.CLOSES and observed.only:  # no window around it: the disk is all there is
            files = tuple(FileText(path=path, before=UNSEEN, after=None) for path in observed.only)
        elif observed.kind is Kind.CLOSES:
            self.scribe.lose(LossCode.UNENDED, "a command ended and no beginning of it was seen", occasion)
        for number, file in enumerate(files):
            routed = None if file.path in ignored else route(file.path, moved)
            if routed is not None:
                settle_file(self.scribe, routed, file, replace(occasion, name=f"{occasion.name}:{number}"))
            elif is_gits_own(file.path):
                self.scribe.lose(LossCode.REFUSED, "an edit inside a .git folder", occasion)

    def _settle_scan(self, arrival: Arrival, scan: Scan, windows: tuple[Window, ...]) -> None:
        """Settle the windows that `scan` closes and remove their first scans; `scan` itself is removed unless it opens one."""
        closed = [window for window in windows if window.closing is scan]
        goes_on = any(window.told is scan and window.closing is not scan for window in windows)
        if not (closed or goes_on) and scan.observed.kind is Kind.CLOSES:
            self._settle_files(arrival, scan.observed, None, frozenset())
        for window in closed:
            worktree = self.reader.find_worktree(scan)
            if worktree is not None:
                rivals = [other for other in windows if other is not window and not other.is_abandoned]
                occasion = replace(self.reader.occasion(arrival, window.opening.observed), time=scan.time)
                settle_window(self.scribe, worktree, window, rivals, occasion)
                if scan.observed.kind is Kind.CLOSES:
                    self._settle_elsewhere(window, occasion)
                if window.left & scan.orphans:
                    self.scribe.lose(LossCode.LEFT_RUNNING, STILL_RUNS, occasion, worktree)
        for window in closed:
            self._remove_scans(window)
        if goes_on:
            return  # what closes its window removes it, too
        opens = [window for window in windows if window.opening is scan]
        if opens and (opens[0].closing is not None or self._now - scan.time < WINDOW_NS):
            return
        if opens:
            self.scribe.lose(
                LossCode.UNENDED,
                "a command began and no end of it was seen",
                self.reader.occasion(arrival, scan.observed),
                self.reader.find_worktree(scan),
            )
        arrival.path.unlink()

    def _settle_abandoned(self, arrival: Arrival, window: Window, windows: tuple[Window, ...]) -> None:
        """Settle a window that was closed for want of anybody who would: what others told of is theirs, and written by now."""
        worktree, count = self.reader.find_worktree(window.opening), self.scribe.count
        occasion = self.reader.occasion(arrival, window.opening.observed)
        occasion = replace(occasion, time=window.closing.time if window.closing else self._now)
        if worktree is not None:
            rivals = [other for other in windows if other is not window and (other.is_abandoned or not other.closing)]
            settle_window(self.scribe, worktree, window, rivals, occasion)
        if window.opening.observed.ends and (self.scribe.count > count or self._is_expired(window.opening)):
            self.scribe.lose(LossCode.UNENDED, UNSEEN_END, occasion, worktree)
        self._remove_scans(window)

    def _remove_scans(self, window: Window) -> None:
        """Remove what began `window`, and what told of its end too early; what closes it may begin another."""
        for scan in filter(None, (window.told, window.opening)):
            if scan is window.opening or scan.observed.kind is Kind.CLOSES:
                (self._inbox / f"{scan.name}.spool").unlink(missing_ok=True)

    def _settle_elsewhere(self, window: Window, occasion: Occasion) -> None:
        """Settle the files that a call names in other work trees than the one that was scanned: what stands there is all there is."""
        opening = window.opening
        ignored = _find_ignored((path, None) for path in opening.observed.only)
        for path in opening.observed.only:
            routed = None if path in ignored else route(path)
            if routed is not None and str(routed.worktree.git_dir) != opening.worktree:
                settle_file(self.scribe, routed, FileText(path=path, before=UNSEEN, after=None), occasion)

    def _settle_commit(self, mark: Mark, windows: tuple[Window, ...]) -> None:
        around = innermost(window for window in windows if holds(window, mark))
        at_work = [window.opening for window in around if not window.is_abandoned]
        # What is at work settles first: the rest is of who was killed.
        for openings in (*_beside(at_work), *_beside([window.opening for window in around if window.is_abandoned])):
            worktree = self.reader.find_worktree(openings[0]) if openings else None
            if worktree is None:
                continue  # made in no window: nobody's
            occasion = replace(self.reader.occasion(mark, openings[0].observed), name=f"{mark.name}:{openings[0].name}", time=mark.time - 1)
            try:
                settle_commit(self.scribe, worktree, openings, mark, occasion)
            except (OSError, RepositoryError) as error:
                self.scribe.lose(LossCode.FAILED, f"a commit inside a command: {error}", occasion, worktree)

    @contextmanager
    def _attempt(self, arrival: Arrival) -> Iterator[None]:
        """Put a malformed payload aside, and leave one whose edit cannot be written for the next run: of a run the first is a loss."""
        occasion = Occasion(by=None, session=None, call=None, time=arrival.time, name=arrival.name)
        try:
            yield
        except MalformedError as error:
            self.scribe.lose(LossCode.MALFORMED, str(error), occasion)
            put_aside(self._inbox, arrival)
        except OSError as error:
            if not arrival.path.exists():
                return  # a watch has taken it back
            self.left += 1
            if self.left == 1:  # the others wait for the same thing
                self.scribe.lose(LossCode.FAILED, f"cannot settle for now: {error.strerror}", occasion)


def _beside(openings: list[Scan]) -> Iterable[list[Scan]]:
    """Return `openings`, apart where all of them name files: calls that name others had no hand in what these changed."""
    named = [named_here(opening) for opening in openings]
    apart: list[list[int]] = []
    for number in range(len(openings)):
        near = [group for group in apart if any(_meet(named[number], named[other]) for other in group)]
        apart = [*(group for group in apart if group not in near), sorted(sum(near, [number]))]
    return ([openings[number] for number in group] for group in apart)


def _meet(some: frozenset[bytes] | None, others: frozenset[bytes] | None) -> bool:
    """Whether a file may be named by both."""
    return some is None or others is None or any(is_named(path, others) for path in some) or any(is_named(path, some) for path in others)


def _is_in_a_window(arrival: Arrival, observed: Observed, windows: Iterable[Window]) -> bool:
    """Whether `observed` is the end of a call that scans tell of, too: another agent's hook was called beside its own."""
    seen = ((window, window.opening.observed) for window in windows if observed.kind is Kind.CLOSES and window.opening.time < arrival.time)
    return any(
        (by.agent.name, by.session, by.call, by.only) == (observed.agent.name, observed.session, observed.call, observed.only)
        and (window.closing is None or arrival.time <= window.closing.time + NEAR_NS)
        for window, by in seen
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

# SPDX-License-Identifier: Apache-2.0
"""Edits of commands that name no file: what changed in a window between two scans, and whose it is.

The scan before a command opens its window; the scan after the same call closes it, or else the agent's coming to rest (a command that
failed or was interrupted has no event of its own), or, of a command whose end no event tells, the session's next, or the inbox's being
settled after a person's commit. A command that left something running in the work tree (`cmd &`) has not ended: its window is closed by
the first scan of its session at which that has, or by the agent's coming to rest. A change is

1. no edit, as far as edits in the window tell of it (an agent's own Write while its command ran): what was changed before each of them,
   and after the last, is one. A program that said there that a person made it tells nothing: the agent may have started it;
2. the agents' (one name, or `a or b`), with the calls of all, no session, and a loss, if a window of another agent or session saw it,
   too: never nobody's, for what is nobody's a person may declare (another sub-agent's of the same session: the session's; another
   call's of one session: both calls' and the session's);
3. the window's agent's, otherwise: also what a person typed meanwhile. The strict side: a hook cannot tell hands apart.

A command may commit what it wrote, or a person while it runs. The scan after it does not list such a file any more, and the commit is
attested before that scan comes. So a commit that was made inside a window is looked at by itself: what it changed against its parent
(amended: against the commit it replaces) and the first scan is the command's; made in several windows it is all theirs, as rule 2 says.
Merges, picks and what came by a pull are not.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from byline.capture.agents import Kind
from byline.capture.ask_git import open_worktree
from byline.capture.disk import read_link_or_file
from byline.capture.losses import LossCode
from byline.capture.windows import ABSENT, find_changes, overlaps, side_of
from byline.capture.worktree import route
from byline.core.attribution import Agent, Channel, Person
from byline.core.edit import Unseen
from byline.core.lines import blob_id, split_lines
from byline.core.value import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from byline.capture.scribe import Occasion, Scribe
    from byline.capture.windows import Change, Scan
    from byline.capture.worktree import WorkTree
    from byline.core.edit import Edit, Mark

    _Sides = tuple[str | Unseen | None, str | None]

NEAR_NS = 10 * 10**9  # what hooks tell of one moment is this near to each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A command's window; `closing` is None while the command runs, or nobody is left to end it (`capture.abandoned`).

    `left` is what the command left running (`Scan.orphans`), and `told` the scan at which it was said to have ended nevertheless.
    """

    opening: Scan
    closing: Scan | None
    left: frozenset[str] = frozenset()
    told: Scan | None = None
    is_abandoned: bool = False


def pair_scans(scans: Iterable[Scan]) -> tuple[Window, ...]:
    """Return the windows that `scans`, in order of time, open and close.

    The end of a call closes the last of its beginnings: calls without ids follow one another, and two hooks may tell of one call.
    """
    scans = tuple(scans)
    ends: dict[str, Scan] = {}
    running: dict[str, Scan] = {}
    for scan in scans:
        if scan.observed.kind is Kind.OPENS:
            running[scan.name] = scan
        elif scan.observed.kind is Kind.CLOSES:
            opening = next((each for each in reversed(running.values()) if _closes(scan, each)), None)
            if opening is not None:
                ends[opening.name] = scan
                del running[opening.name]
    for number, scan in enumerate(scans):
        if scan.name in running:
            rest = next((later for later in scans[number + 1 :] if later.observed.kind is not Kind.CLOSES and _closes(later, scan)), None)
            ends |= {scan.name: rest} if rest else {}
    return tuple(_with_rest(scan, ends.get(scan.name), scans) for scan in scans if scan.observed.kind is Kind.OPENS)


def _with_rest(opening: Scan, closing: Scan | None, scans: Sequence[Scan]) -> Window:
    """Return the window of `opening` that `closing` ends, or a later one of `scans` where it left something running."""
    left = closing.orphans - opening.orphans if closing else frozenset()
    if closing is None or not left:
        return Window(opening=opening, closing=closing)
    later = scans[scans.index(closing) :]
    end = next((scan for scan in later if _rests(scan, opening) or (_is_next_to(scan, opening) and not left & scan.orphans)), None)
    return Window(opening=opening, closing=end, left=left, told=closing)


def _is_next_to(scan: Scan, opening: Scan) -> bool:
    said, asked = scan.observed, opening.observed
    return (scan.worktree, said.agent.name, said.session) == (opening.worktree, asked.agent.name, asked.session)


def settle_window(scribe: Scribe, worktree: WorkTree, window: Window, rivals: Iterable[Window], occasion: Occasion) -> None:
    """Write the edits of the closed `window` as `occasion` tells; `rivals` are the other windows of this time.

    Raises:
        OSError: The contents or the journal cannot be written.
    """
    opening, closing = window.opening, window.closing
    if closing is None:
        return
    named = named_here(window.opening)
    rivals = [rival for rival in rivals if _is_rival(rival, opening, closing)]
    for number, change in enumerate(find_changes(opening, closing)):
        if is_named(change.path, named):
            _settle_change(scribe, worktree, change, (opening, rivals), replace(occasion, name=f"{occasion.name}:{number}"))


def holds(window: Window, mark: Mark) -> bool:
    """Whether the commit of `mark` was made in `window`."""
    opened, closed = window.opening.time, window.closing
    return window.opening.worktree == mark.worktree and opened < mark.time and (closed is None or mark.time <= closed.time)


def innermost(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Return those of `windows` in which no other of them was opened."""
    windows = tuple(windows)
    outer = {name for window in windows for name in window.opening.observed.inside}
    return tuple(window for window in windows if window.opening.observed.window not in outer)


def settle_commit(scribe: Scribe, worktree: WorkTree, openings: Sequence[Scan], mark: Mark, occasion: Occasion) -> None:
    """Write the edits that the commit of `mark` holds and that were made since the first of `openings`, as `occasion` tells.

    It was made in the windows of all of them: beside another call, or while something runs in the background. Calls that name files may
    have changed these only.

    Raises:
        RepositoryError: The commit cannot be read.
        OSError: The contents or the journal cannot be written.
    """
    opening, named = openings[0], [named_here(each) for each in openings]
    either = None if None in named else frozenset().union(*filter(None, named))
    occasion = _share(scribe, worktree, openings, f"a commit in two commands at once: {mark.head}", occasion)
    with open_worktree(worktree) as repository:
        parents = repository.parents(mark.head or "")
        amends = opening.head is not None and repository.parents(opening.head) == parents
        base = opening.head if amends else next(iter(parents), None)
        occasion = replace(occasion, head=base)
        for number, change in enumerate(repository.tree_changes(base, mark.head or "") if len(parents) < 2 else ()):
            if "160000" in {side.mode for side in (change.old, change.new) if side} or not is_named(change.path, either):
                continue
            seen = opening.files.get(change.path)
            if seen and not mark.by_agent and seen.state == _state_now(worktree, change.path):
                continue  # a person committed a part of it: the command wrote nothing there
            before = side_of(seen.state) if seen else (change.old.oid if change.old else None)
            after = scribe.keep(worktree, repository.read_blob(change.new.oid), occasion, change.path) if change.new else None
            inside = _edits_inside(scribe, worktree, change.path, (opening, occasion.time), before)
            for sides, time in _untold((before, after), occasion.time, inside):
                scribe.write(worktree, change.path, sides, replace(occasion, time=time, name=f"{occasion.name}:{number}"))


def _settle_change(scribe: Scribe, worktree: WorkTree, change: Change, window: tuple[Scan, Iterable[Window]], occasion: Occasion) -> None:
    opening, rivals = window
    path = change.path
    after = change.after
    if isinstance(after, Unseen):  # too large for the scan, or HEAD moved: what stands there now is the nearest that can be said
        after = scribe.keep(worktree, _read(worktree, path), occasion, path)
    inside = _edits_inside(scribe, worktree, path, (opening, occasion.time), change.before)
    untold = _untold((change.before, after), occasion.time, inside)
    if not untold:
        return
    saw = [rival for rival in rivals if _saw(rival, change)]
    openings = [opening, *(rival.opening for rival in saw)]
    occasion = _share(scribe, worktree, openings, f"two commands at once: {os.fsdecode(path)}", occasion)
    for sides, time in untold:
        scribe.write(worktree, path, sides, replace(occasion, time=time))


def _read(worktree: WorkTree, path: bytes) -> bytes | None:
    return read_link_or_file(worktree.file(path))


def _state_now(worktree: WorkTree, path: bytes) -> str:
    """Return what a scan would say of the file at `path`."""
    data = _read(worktree, path)
    return ABSENT if data is None else blob_id(data, worktree.algorithm)


def _share(scribe: Scribe, worktree: WorkTree, openings: Sequence[Scan], what: str, occasion: Occasion) -> Occasion:
    """Return `occasion`, which tells of the first of `openings`, as that of all the calls; two runs at once are a loss, too: `what`."""
    if len(openings) == 1:
        return occasion
    said = [opening.observed for opening in openings]
    calls, sessions = {each.call for each in said}, {each.session for each in said}
    call = None if calls == {None} else ",".join(sorted(each or "?" for each in calls))
    occasion = replace(occasion, tool=None, call=call)
    runs = set(map(_run_of, openings))
    if len(runs) == 1:  # calls of one session side by side, or sub-agents of one run: theirs, though not one call's
        return replace(occasion, session=sessions.pop() if len(sessions) == 1 else runs.pop()[1])
    agents = {each.agent for each in said}
    either = agents.pop() if len(agents) == 1 else Agent(name=" or ".join(sorted({agent.name for agent in agents})))
    scribe.lose(LossCode.AMBIGUOUS, what, occasion, worktree)
    return replace(occasion, by=either, session=None)


def _closes(scan: Scan, opening: Scan) -> bool:
    said, asked = scan.observed, opening.observed
    if scan.worktree != opening.worktree or said.agent.name != asked.agent.name:
        return False
    if said.kind is Kind.CLOSES:
        if (said.session, said.call, said.window) != (asked.session, asked.call, asked.window):
            return False
        return said.call is not None or said.only == asked.only  # calls without ids are told apart by the files that they name
    if said.kind is Kind.OPENS:
        return not asked.ends and said.session == asked.session
    return _rests(scan, opening)


def _rests(scan: Scan, opening: Scan) -> bool:
    # A main session that rests has no sub-agent at work, whose session is `<session>/<agent>`.
    said, asked = scan.observed, opening.observed
    is_here = (scan.worktree, said.agent.name) == (opening.worktree, asked.agent.name)
    return is_here and said.kind is Kind.STOPS and f"{asked.session}/".startswith(f"{said.session}/")


def _is_rival(rival: Window, opening: Scan, closing: Scan) -> bool:
    mine, other = opening.observed, rival.opening.observed
    if other.window in mine.inside or mine.window in other.inside:
        return False  # a call inside a call: what the inner one saw is its own, and the outer one's is the rest
    # Where calls need not end, as those that hooks tell of, one that was denied would share all that its session does later.
    is_same_hand = other.window is None and (mine.agent.name, mine.session) == (other.agent.name, other.session)
    return not is_same_hand and overlaps(opening, closing, rival.opening, rival.closing)


def _run_of(scan: Scan) -> tuple[str, str | None]:
    session = scan.observed.session
    return scan.observed.agent.name, None if session is None else session.partition("/")[0]


def _saw(rival: Window, change: Change) -> bool:
    if not is_named(change.path, named_here(rival.opening)):
        return False
    if rival.closing is not None:
        return any(other.path == change.path for other in find_changes(rival.opening, rival.closing))
    known = rival.opening.files.get(change.path)
    return known is None or known.state != change.after


def _edits_inside(scribe: Scribe, worktree: WorkTree, path: bytes, times: tuple[Scan, int], before: str | Unseen | None) -> list[Edit]:
    """Return the edits of `path` that were told of and made between a first scan and a time; the scan found the file as `before`.

    A report comes after the deed: what is told inside may have been found already. And a scan is written after it looked: what another
    session told just before may have been made since.
    """
    opening, closed = times
    near = (edit for edit in scribe.recent(worktree, path) if opening.time - NEAR_NS < edit.time <= closed)
    agents = (edit for edit in near if edit.channel is not Channel.GENERIC or not isinstance(edit.by, Person))
    told = sorted(agents, key=lambda edit: (edit.time, edit.name))
    inside = [edit for edit in told if edit.time > opening.time]
    if isinstance(before, Unseen) or (inside and inside[0].before == before):
        return inside
    earlier = [edit for edit in told if edit.time <= opening.time and edit.session != opening.observed.session]
    since = len(earlier)
    while since and (earlier[since - 1].before == before or _is_found(scribe, worktree, earlier[since - 1], before) is False):
        since -= 1
    if since < len(earlier):
        return earlier[since:] + inside
    are_found = [_is_found(scribe, worktree, edit, before) for edit in inside]
    end = are_found.index(True) if True in are_found else 0
    while end < len(inside) and are_found[end]:
        end += 1
    return inside[end:]


def _is_found(scribe: Scribe, worktree: WorkTree, edit: Edit, at: str | None) -> bool | None:
    """Whether the file `at` has what `edit` made of it: the lines that it added, and none that it took away; None where nobody can tell."""
    if edit.after == at:
        return True
    texts = [_count_lines(scribe, worktree, side) for side in (edit.before, edit.after, at)]
    if None in texts:
        return None
    old, new, here = (text or Counter() for text in texts)
    changed = [line for line in old.keys() | new.keys() if old[line] != new[line]]
    if not changed:
        return None
    return all(here[line] >= new[line] if new[line] > old[line] else here[line] <= new[line] for line in changed)


def _count_lines(scribe: Scribe, worktree: WorkTree, side: str | Unseen | None) -> Counter[bytes] | None:
    """Return how often each line stands in one side of an edit, None where that was not kept."""
    if isinstance(side, Unseen):
        return None
    data = b"" if side is None else scribe.read(worktree, side)
    return None if data is None else Counter(split_lines(data))


def _untold(sides: _Sides, time: int, inside: Iterable[Edit]) -> list[tuple[_Sides, int]]:
    """Return what of the change `sides`, seen at `time`, the edits `inside` its window do not tell: before each, and after the last."""
    before, after = sides
    untold: list[tuple[_Sides, int]] = []
    for edit in inside:
        if not isinstance(before, Unseen) and not isinstance(edit.before, Unseen):
            untold.append(((before, edit.before), edit.time - 1))
        before = edit.after
    untold.append(((before, after), time))
    return [(each, at) for each, at in untold if each[0] != each[1]]


def is_named(path: bytes, named: frozenset[bytes] | None) -> bool:
    """Whether `path` is one of `named` or lies in one; None names all."""
    while named is not None and path and path not in named:
        path = path.rpartition(b"/")[0]
    return named is None or bool(path)


def named_here(opening: Scan) -> frozenset[bytes] | None:
    """Return the paths of its own work tree that the call of `opening` is limited to, None where any may change."""
    if opening.only:
        return frozenset(opening.only)
    only = opening.observed.only
    found = filter(None, map(route, only))
    here = frozenset(routed.path for routed in found if str(routed.worktree.git_dir) == opening.worktree)
    return here if only else None

# SPDX-License-Identifier: Apache-2.0
"""What changed while a command ran: two scans compared, purely.

A *window* is the time between the scan before a command and the scan after it, in one work tree. A scan lists the files that are dirty
or untracked, each with the id of its bytes; a file that it does not list is as HEAD has it. Hence, for a path:

    before   as the first scan says; not listed there: as HEAD had it, if HEAD did not move
    after    as the second scan says; not listed there: as HEAD has it (restored), no file (an untracked one, deleted)

Where HEAD moved in between (the command committed, or checked out another branch), a path that the second scan does not list is left
out: what was checked out was not written by the command, and a commit is looked at by itself (`capture.command_edits`).

When two windows overlap, a change that both saw could be either's: `overlaps` tells, `capture.command_edits` decides.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.core.edit import UNSEEN, Unseen
from byline.core.value import dataclass
from byline.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from byline.capture.agents import Observed
    from byline.capture.inbox import Spooled

ABSENT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """One listed file: `state` is a blob id, `-` (no file) or `~...` (not read: only equality counts); `committed` HEAD's id or `-`."""

    state: str
    committed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a scan of the work tree `worktree` (its git folder; `top` its top, `clone` its clone's id) saw at `time`.

    `observed` is the payload that came with it, `process` the agent's that called the hook, None where the system does not tell;
    `orphans` are what works in the tree and outlived who started it (both as `capture.snapshot` names them). `only` are the files and
    folders that were looked at, by their paths in the work tree; empty: all.
    """

    name: str
    time: int
    top: str
    worktree: str
    clone: str = ""
    head: str | None
    files: Mapping[bytes, FileState]
    observed: Observed
    process: str | None = None
    orphans: frozenset[str] = frozenset()
    only: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A path that changed in a window. A side is a blob id, None (no file) or `UNSEEN`; after a file too large to read it is `UNSEEN`."""

    path: bytes
    before: str | Unseen | None
    after: str | Unseen | None


def parse_states(files: tuple[bytes, ...]) -> dict[bytes, FileState]:
    """Return the listed files of a scan by path.

    Raises:
        PayloadError: A field that no scan writes.
    """
    states = {}
    for field in files:
        words = field.split(b" ", 2)
        if len(words) != 3 or not all(word.isascii() for word in words[:2]):
            raise PayloadError("not a scan of a work tree")
        states[words[2]] = FileState(state=words[0].decode(), committed=words[1].decode())
    return states


def format_only(paths: Iterable[bytes]) -> str:
    """Return `paths`, none of which holds an empty name, as one fact of a scan.

    >>> parse_only(format_only([b"a.py", b"src/b"]))
    (b'a.py', b'src/b')
    """
    return os.fsdecode(b"//".join(paths))


def parse_only(fact: str) -> tuple[bytes, ...]:
    """Return the paths of which `format_only` made `fact`."""
    return tuple(os.fsencode(fact).split(b"//")) if fact else ()


def read_scan(name: str, time: int, spooled: Spooled, observed: Observed) -> Scan:
    """Return the scan that stands in front of a payload.

    Raises:
        PayloadError: There is none, or not a whole one.
    """
    facts = spooled.facts
    if not {"top", "gitdir", "head"} <= facts.keys():
        raise PayloadError("a scan that does not say of what")
    return Scan(
        name=name,
        time=time,
        top=facts["top"],
        worktree=facts["gitdir"],
        clone=facts.get("clone", ""),
        head=facts["head"] or None,
        files=parse_states(spooled.files),
        process=facts.get("process") or None,
        orphans=frozenset(facts.get("orphans", "").split()),
        only=parse_only(facts.get("only", "")),
        observed=observed,
    )


def find_changes(opening: Scan, closing: Scan) -> tuple[Change, ...]:
    """Return what changed between two scans of one work tree, by path."""
    same_head = opening.head == closing.head
    changes = []
    for path in sorted(opening.files.keys() | closing.files.keys()):
        old, new = opening.files.get(path), closing.files.get(path)
        if new is None and not same_head:
            continue
        if old is not None and new is not None and old.state == new.state:
            continue
        before = side_of(old.state) if old else _committed(new, same_head=same_head)
        after = side_of(new.state) if new else _committed(old, same_head=same_head)
        if isinstance(before, Unseen) or before != after:
            changes.append(Change(path=path, before=before, after=after))
    return tuple(changes)


def overlaps(opening: Scan, closing: Scan, other_opening: Scan, other_closing: Scan | None) -> bool:
    """Whether two windows of one work tree share time; a window without its end is still open."""
    ends_before = other_closing is not None and other_closing.time <= opening.time
    return opening.worktree == other_opening.worktree and other_opening.time < closing.time and not ends_before


def _committed(listed: FileState | None, *, same_head: bool) -> str | Unseen | None:
    if listed is None or not same_head:
        return UNSEEN
    return side_of(listed.committed)


def side_of(state: str) -> str | Unseen | None:
    """Return a scan's `state` as a side of an edit."""
    if state == ABSENT:
        return None
    return UNSEEN if state.startswith("~") else state

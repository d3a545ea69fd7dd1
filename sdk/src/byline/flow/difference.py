# SPDX-License-Identifier: Apache-2.0
"""What differs between two states of a repository, line by line, with whose text came, whose went away, and who took it.

    for file in read_differences(workshop, resolver, "<id>", WORKTREE):      # or another id, or INDEX
        {file.new[j]: byline for j, byline in file.came.items()}         # what came, and whose it is
        {file.old[i]: byline for i, byline in file.went.items()}         # what went away, whose it was; file.hands: who took it

Two versions are compared as a gate compares them: `core.diff` finds the lines, and what is not the same byte for byte, its end
included, went away and came; text that only changed its white space came with its old owner. Whose the lines are is what blame says
of either side, who took them away what claims and the journal say (`flow.removals`). Renames are git's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.change import kept_lines, raw_lines
from byline.core.diff import ABSENT
from byline.core.effect import REGULAR
from byline.core.lines import MAX_TEXT, blob_id, is_binary
from byline.core.value import dataclass
from byline.flow.removals import Removals
from byline.flow.subject import WORKTREE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from byline.core.attribution import Byline, Owner
    from byline.core.finding import FindingCode
    from byline.flow.resolve import Resolver
    from byline.flow.workshop import Workshop
    from byline.git.objects import FileChange, TreeEntry

INDEX = "index"
ON_DISK = "0"  # the id of what no object holds yet is made of it


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDifference:
    """One changed path. `has_lines` is false where a side is no text; then nothing else is said.

    `old` and `new` are the lines with their ends; `kept` has for each new line the old line that it is, or `ABSENT`. `came` says whose a
    line is that came, `went` whose one was that went away, and `hands` who took it, where that is known; all by number from 0.
    """

    change: FileChange
    has_lines: bool = False
    old: tuple[bytes, ...] = ()
    new: tuple[bytes, ...] = ()
    kept: tuple[int, ...] = ()
    came: dict[int, Byline]
    went: dict[int, Byline]
    hands: dict[int, Owner]
    findings: frozenset[FindingCode] = frozenset()


def read_differences(
    workshop: Workshop, resolver: Resolver, old: str | None, new: str, *, wants: Callable[[bytes], bool] = lambda _: True
) -> Iterator[FileDifference]:
    """Yield what differs from the commit `old` (an id; None: nothing) to `new` (another's, `WORKTREE`, `INDEX`), path by path, as `wants`.

    Raises:
        RepositoryError: An object is not here, or there is no work tree.
    """
    repo = workshop.repo
    found = repo.worktree_changes(old) if new == WORKTREE else repo.staged_changes(base=old) if new == INDEX else repo.changes(old, new)
    changes = [each for each in sorted(found, key=lambda each: each.path) if wants(each.path) or (each.old_path and wants(each.old_path))]
    filtered = repo.filtered_paths([each.path for each in changes]) if new == WORKTREE else frozenset()
    comparing = _Comparing(workshop, resolver, old, new)
    for change in changes:
        if change.path in filtered:
            yield FileDifference(change=change, came={}, went={}, hands={})
        elif difference := comparing.compare(change):
            yield difference


class _Comparing:
    """One comparison of two states."""

    def __init__(self, workshop: Workshop, resolver: Resolver, old: str | None, new: str) -> None:
        self._workshop, self._repo, self._resolver = workshop, workshop.repo, resolver
        self._old, self._new = old, new
        self._is_pending = new in (WORKTREE, INDEX)
        self._head = self._repo.head() if self._is_pending else new
        self._removals = Removals(resolver.versions, resolver.index, old, self._head)

    def compare(self, change: FileChange) -> FileDifference | None:
        """Return what differs, None where nothing does: the file was only touched."""
        if change.is_unmerged:
            return FileDifference(change=change, came={}, went={}, hands={})
        sides = [side for side in (change.old, change.new) if side]
        before, after = self._read(change.path, change.old), self._read(change.path, change.new)
        if before == after and len({side.mode for side in sides}) == 1 and change.old_path is None:
            return None
        if any(side.mode not in REGULAR for side in sides) or any(data is None or is_binary(data) for data in (before, after)):
            return FileDifference(change=change, came={}, went={}, hands={})
        return self._cut(change, before or b"", after or b"")

    def _cut(self, change: FileChange, before: bytes, after: bytes) -> FileDifference:
        kept = tuple(kept_lines(before, after))
        old, new = tuple(raw_lines(before)), tuple(raw_lines(after))
        stays = set(kept)
        gone = [i for i in range(len(old)) if i not in stays]
        fresh = [j for j, i in enumerate(kept) if i == ABSENT]
        findings: set[FindingCode] = set()
        went, came = {}, {}
        if gone and self._old:
            resolved = self._resolver.resolve(self._old, change.old_path or change.path)
            findings.update(resolved.findings)
            went = {i: resolved.bylines[i] for i in gone}
        if fresh:
            is_pending = self._is_pending
            resolved = self._resolver.resolve(None if is_pending else self._new, change.path, text=after if is_pending else None)
            findings.update(resolved.findings)
            came = {j: resolved.bylines[j] for j in fresh}
        hands = self._hands(change, len(old)) if gone else {}
        return FileDifference(
            change=change,
            has_lines=True,
            old=old,
            new=new,
            kept=kept,
            came=came,
            went=went,
            hands={i: hands[i] for i in gone if i in hands and hands[i].is_known},
            findings=frozenset(findings),
        )

    def _hands(self, change: FileChange, count: int) -> dict[int, Owner]:
        if change.old is None:
            return {}
        path = change.old_path or change.path
        if not self._is_pending:
            target = (change.path, change.new.oid if change.new else None)
            return self._removals.committed((path, change.old.oid), target, count)[0]
        entry = self._repo.entry(self._head, path) if self._head else None
        hands, places = self._removals.committed((path, change.old.oid), (path, entry.oid if entry else None), count)
        if entry:
            told = self._removals.recorded(self._workshop.worktree, path, entry.oid, self._content_id(change))
            hands |= {place: hand for place, hand in zip(places, told, strict=False) if place != ABSENT and hand.is_known}
        return hands

    def _content_id(self, change: FileChange) -> str | None:
        if change.new is None or change.new.oid.strip(ON_DISK):
            return change.new.oid if change.new else None
        data = self._repo.worktree_file(change.path)
        return None if data is None else blob_id(data, self._repo.algorithm)

    def _read(self, path: bytes, entry: TreeEntry | None) -> bytes | None:
        """Return the content of a side, empty where there is none; None if it is too large or no file."""
        if entry is None:
            return b""
        if entry.mode not in REGULAR:
            return None
        if entry.oid.strip(ON_DISK):
            return self._repo.read_blob_within(entry.oid, MAX_TEXT)
        data = self._repo.worktree_file(path)
        if data is not None and self._repo.settings.get("core.autocrlf") in ("true", "input"):
            data = data.replace(b"\r\n", b"\n")  # as git would take it in
        return data if data is not None and len(data) <= MAX_TEXT else None

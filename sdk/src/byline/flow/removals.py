# SPDX-License-Identifier: Apache-2.0
"""Who took lines away between two versions of a file, as far as claims and the journal say.

The newer version is followed back along its claims, over the commits that lie between: where a claim says that a line of its base was
removed, and that line came from the older version unchanged, its hand is the answer. Text that is not committed is followed through the
journal. What no claim and no record tells is unknown; git's objects alone tell that a line is gone, not who took it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.attribute.hands import removal_hands
from byline.core.claim import Copied
from byline.core.diff import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.core.attribution import Owner
    from byline.flow.claims import Told
    from byline.flow.versions import Versions
    from byline.log.index import EvidenceIndex

Key = tuple[str, bytes, str | None]  # commit, path, blob (None: the commit took the file away)


class Removals:
    """The removals between the commits `base` (None: before the first) and `head` of one clone."""

    def __init__(self, versions: Versions, index: EvidenceIndex, base: str | None, head: str | None) -> None:
        self._versions = versions
        self._index = index
        self._head = head
        self._between = frozenset(versions.repo.newest_commits(base, head)) if head and base != head else frozenset()

    def committed(self, old: tuple[bytes, str], new: tuple[bytes, str | None], count: int) -> tuple[dict[int, Owner], list[int]]:
        """Return who removed lines of `old` (path and blob, of `count` lines) on the way to `new`, which is head's.

        With it comes, for each line of `new`, the line of `old` that it is, as claims tell, or `ABSENT`.
        """
        path, blob = new
        if self._head is None:
            return {}, []
        touched = self._head if blob else self._versions.repo.last_touch(self._head, path) or self._head
        start = (touched, path, blob)
        hands: dict[int, Owner] = {}
        places: dict[Key, list[int]] = {}
        for key, told in self._walk(start, old).items():
            if told is None:
                places[key] = [*range(count)] if key[1:] == old else []
                continue
            bases = [places.get(base, []) for base in _bases(told)]
            places[key] = list(_copied(told, bases))
            for gone in told.claim.removed:
                hands |= {place: gone.hand for place in bases[gone.base][gone.lines.start : gone.lines.end] if place != ABSENT}
        return hands, places[start]

    def recorded(self, worktree: str, path: bytes, blob: str, after: str | None) -> tuple[Owner, ...]:
        """Return who removed each line of head's version `blob` of `path` on the way to the content `after`, as the journal saw it."""
        lines = self._versions.lines(blob) or ()
        return removal_hands(lines, blob, after, self._versions.state.seen(worktree, path), self._versions.lines)

    def _walk(self, start: Key, old: tuple[bytes, str]) -> dict[Key, Told | None]:
        """Return the versions from `start` back to `old` or the edge, each after all that it stands on, with the claim that counts."""
        done: dict[Key, Told | None] = {}
        begun: dict[Key, Told | None] = {}
        stack = [start]
        while stack:
            key = stack[-1]
            if key not in begun:
                begun[key] = self._told(key, old)
                stack += (base for base in _bases(begun[key]) if base not in begun)
            else:
                done.setdefault(stack.pop(), begun[key])
        return done

    def _told(self, key: Key, old: tuple[bytes, str]) -> Told | None:
        commit, path, blob = key
        if (path, blob) == old or commit not in self._between:
            return None
        if blob is not None:
            return next(iter(self._versions.choice.of(commit, path, blob)), None)
        rows = (row for row in self._index.claims_of(commit, path) if row.blob is None)
        return next((told for row in rows for told in self._versions.claims.in_statement(row.statement) if told.claim.path == path), None)


def _bases(told: Told | None) -> list[Key]:
    return [told.base_key(base) for base in told.claim.bases] if told else []


def _copied(told: Told, bases: Sequence[Sequence[int]]) -> Iterator[int]:
    for segment in told.claim.segments:
        known = bases[segment.base][segment.start : segment.start + segment.count] if isinstance(segment, Copied) else []
        yield from known
        yield from [ABSENT] * (segment.count - len(known))

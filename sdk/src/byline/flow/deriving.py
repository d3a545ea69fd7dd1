# SPDX-License-Identifier: Apache-2.0
"""A committed version that no claim explains, derived: rules 5 to 8 over git's objects, the journal and what claims know.

    derived = derive(versions, commit, path, blob, worktree=None)
    derived.draft.places[0]         # (0, 3): its first line is line 3 of its base number 0
    derived.draft.close()           # one byline for each line

What stands in a base is asked for there; the journal has a say only where this clone made the commit.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from byline.attribute.match import Draft
from byline.attribute.search import Ground, Target, search
from byline.core.attribution import UNATTRIBUTED
from byline.core.effect import REGULAR
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.core.attribution import Byline
    from byline.flow.bases import Standing
    from byline.flow.versions import Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """An unclaimed version: its draft, the bases that it stands on, and of those that are text the matching, by number."""

    draft: Draft
    standings: tuple[Standing, ...]
    matchings: dict[int, tuple[int, ...]]


def derive(versions: Versions, commit: str, path: bytes, blob: str, *, worktree: str | None, is_recipe: bool = False) -> Derived:
    """Return what rules 5 to 8 say of the text `blob` at `path` of `commit`; `worktree` is the one whose journal may know it.

    A recipe names the places in the bases and not whose the lines are there, so nobody is asked.

    Raises:
        RepositoryError: A parent is not here.
    """
    draft = Draft(versions.lines(blob) or ())
    standings = tuple(versions.bases.standings(commit, path, blob))
    matchings: dict[int, tuple[int, ...]] = {}
    grounds = []
    for number, lines, matching in match_bases(versions, standings, blob):
        bylines = cache(partial(_bylines, versions, standings[number], len(lines)))
        ground = Ground(lines=lines, bylines=bylines, matching=matching)
        draft.take_base(number, (UNATTRIBUTED,) * len(lines) if is_recipe else ground.bylines(), matching)
        matchings[number] = matching
        grounds.append(ground)
    target = Target(
        path=path,
        blob=blob,
        old_paths=tuple(standing.path for standing in standings),
        commit=commit,
        made_from=versions.made_from(commit),
        worktree=worktree,
    )
    search(draft, target, grounds, versions.state, versions)
    return Derived(draft=draft, standings=standings, matchings=matchings)


def match_bases(versions: Versions, standings: Sequence[Standing], blob: str) -> Iterator[tuple[int, tuple[bytes, ...], tuple[int, ...]]]:
    """Yield of each base that is text its number, its lines, and which of them each line of the text `blob` is."""
    for number, standing in enumerate(standings):
        lines = versions.lines(standing.entry.oid) if standing.entry.mode in REGULAR else None
        if lines is not None:
            yield number, lines, versions.texts.matching(standing.entry.oid, blob)


def _bylines(versions: Versions, standing: Standing, count: int) -> tuple[Byline, ...]:
    version = versions.committed(standing.commit, standing.path)
    return version.bylines if version else (UNATTRIBUTED,) * count

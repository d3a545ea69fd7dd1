# SPDX-License-Identifier: Apache-2.0
"""The notes of git-ai (`core.git_ai`) in a repository: read all that are there, and write those of what Byline knows.

A note that git-ai or anybody else wrote is left as it is unless told to write over it: it may say what nobody else knows. All notes of
one call are one commit under `refs/notes/ai`, in the user's name, and none if somebody else wrote there meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import Origin
from byline.core.git_ai import MAX_BYTES, REF, can_name, format_note, is_ours, parse_note, prompts_of
from byline.core.hearsay import Doubt, Hearsay, Reading
from byline.core.value import dataclass
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from byline.flow.exporting import Exported
    from byline.git.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesReport:
    """The commits of which a note was `written`, and those whose note of somebody else's was `kept`; the paths that none can name."""

    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unnamed: tuple[bytes, ...] = ()


def read_ai_notes(repo: Repository, commits: Container[str] | None = None) -> Reading:
    """Return what the notes say of `commits` (ids; None: of all).

    Raises:
        RepositoryError: Git cannot read them.
    """
    there = repo.list_notes(REF)
    listed = [(commit, blob) for commit, blob in sorted(there.items()) if commits is None or commit in commits]
    hearsay: list[Hearsay] = []
    doubts: list[Doubt] = []
    prompts: dict[str, object] = {}
    for data in repo.read_small_blobs([*there.values()], MAX_BYTES):
        prompts |= prompts_of(data or b"")
    for (commit, _), data in zip(listed, repo.read_small_blobs([blob for _, blob in listed], MAX_BYTES), strict=True):
        where = f"note on {commit[:12]}"
        try:
            found = parse_note(data or b"", commit, prompts=prompts)
        except MalformedError as error:
            doubts.append(Doubt(where=where, why=str(error)))
        else:
            hearsay += found.hearsay
            doubts += [Doubt(where=f"{where}, {each.where}", why=each.why) for each in found.doubts]
    return Reading(hearsay=tuple(hearsay), doubts=tuple(doubts))


def write_ai_notes(repo: Repository, told: Iterable[Exported], *, version: str, force: bool = False) -> NotesReport:
    """Write a note for each commit of `told` of which something is known; over notes of others only with `force`.

    Raises:
        RepositoryError: Git cannot write them, or somebody else wrote at the same time.
    """
    there = repo.list_notes(REF)
    notes: dict[str, bytes] = {}
    kept: list[str] = []
    unnamed: set[bytes] = set()
    for each in told:
        known = [said for said in each.hearsay if said.origin is not Origin.UNKNOWN]
        unnamed.update(said.path for said in known if not can_name(said.path))
        named = [said for said in known if can_name(said.path)]
        old = next(repo.read_small_blobs([there[each.commit]], MAX_BYTES)) if each.commit in there else None
        note = format_note(each.commit, named, version=version)
        if each.commit in there and not force and not is_ours(old or b""):
            kept.append(each.commit)
        elif named and note != old:
            notes[each.commit] = note
    if notes:
        repo.write_notes(REF, notes, f"byline: who wrote what, {len(notes)} commits\n")
    return NotesReport(written=tuple(notes), kept=tuple(kept), unnamed=tuple(sorted(unnamed)))

# SPDX-License-Identifier: Apache-2.0
"""The lines that a commit brought: those of its files that no base of a file explains, as they stand in the commit, and whose they are.

    for part in read_parts(versions, commit):
        part.path, part.lines, part.byline          # adjacent lines of one owner

What only moved to another column is not brought, as in a claim; what was moved from elsewhere is, with the owner that it keeps.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.attribute.match import Draft
from byline.core.attribution import UNATTRIBUTED, Byline, spans
from byline.core.effect import REGULAR
from byline.core.lines import LineRange
from byline.core.value import dataclass
from byline.flow.claiming import changed_paths
from byline.flow.deriving import match_bases

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.flow.bases import Standing
    from byline.flow.versions import Versions
    from byline.git.objects import TreeEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A text file of a commit: its `lines`, the bases on which it stands, and where in which of them each line is (None: nowhere)."""

    path: bytes
    entry: TreeEntry
    lines: tuple[bytes, ...]
    standings: tuple[Standing, ...]
    places: tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Adjacent lines that a commit brought, of one byline; `digest` is the SHA-256 of the lines without their ends, joined by LF."""

    path: bytes
    lines: LineRange
    byline: Byline
    digest: str


def read_parts(versions: Versions, commit: str) -> Iterator[Part]:
    """Yield what `commit` brought, file by file in the order of their paths, and from the top.

    Raises:
        RepositoryError: Git cannot say what the commit changed.
    """
    for path in changed_paths(versions, commit):
        brought = find_brought(versions, commit, path)
        version = versions.committed(commit, path) if brought else None
        if brought and version:
            yield from cut_parts(path, brought.lines, version.bylines, [place is None for place in brought.places])


def cut_parts(path: bytes, lines: Sequence[bytes], bylines: Sequence[Byline], is_new: Sequence[bool]) -> Iterator[Part]:
    """Yield the runs of `lines` that are new and of one byline."""
    for span in spans([byline if new else UNATTRIBUTED for byline, new in zip(bylines, is_new, strict=True)]):
        start = span.lines.start
        for j in range(span.lines.start, span.lines.end + 1):
            if j == span.lines.end or not is_new[j]:
                if start < j:
                    yield Part(path=path, lines=LineRange(start, j), byline=span.byline, digest=digest_lines(lines[start:j]))
                start = j + 1


def digest_lines(lines: Sequence[bytes]) -> str:
    """Return the SHA-256 of `lines`, joined by LF."""
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def find_brought(versions: Versions, commit: str, path: bytes) -> Brought | None:
    """Return the text at `path` of `commit` over its bases, None if there is no text.

    Raises:
        RepositoryError: Git cannot say on what it stands.
    """
    entry = versions.repo.entry(commit, path)
    lines = versions.lines(entry.oid) if entry and entry.mode in REGULAR else None
    if entry is None or lines is None:
        return None
    draft = Draft(lines)
    standings = tuple(versions.bases.standings(commit, path, entry.oid))
    for number, old, matching in match_bases(versions, standings, entry.oid):
        draft.take_base(number, (UNATTRIBUTED,) * len(old), matching)
    return Brought(path=path, entry=entry, lines=lines, standings=standings, places=tuple(draft.places))

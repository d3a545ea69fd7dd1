# SPDX-License-Identifier: Apache-2.0
"""The way of one line back through its versions: the very claims and drafts of which `flow.versions` composed the answer.

    line 40 of src/a.py in HEAD      copied, says statement 2c26…    from line 38 of src/a.py in its base
    line 38 of src/a.py              copied, says statement 9f86…    from line 12 of src/old.py
    line 12 of src/old.py            new, says statement 03ac…: this is where it came from, and whose it is

A `Step` is one version that held the line, newest first. `how` says why the line is there: `copied` from a base, `new`, or found in an
earlier statement (`exact`, `aligned`, `hash`), which the next step is then about. A step without `statement` is signed by nobody: it
was worked out from git's objects and the journal, as it always is where no claim speaks. The last step is the one that brought the
line; where the way ends before its writer is known, `stop` says what ended it. Nothing here decides whose a line is.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING

from byline.core.attribution import UNATTRIBUTED, Byline, inferred
from byline.core.claim import Carry, Copied, New
from byline.core.lines import HASH_BYTES
from byline.core.value import dataclass
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.attribute.match import Draft
    from byline.core.attribution import Owner
    from byline.core.claim import Claim, Segment
    from byline.core.effect import FileState
    from byline.core.version import Claimed
    from byline.flow.claims import Key, Told
    from byline.flow.deriving import Derived
    from byline.flow.versions import Versions

    Place = tuple[Key, int]


class How(StrEnum):
    """Why a version has a line. The last three are those of `core.claim.Carry`."""

    COPIED = "copied"
    NEW = "new"
    IMPORTED = "imported"  # what was imported gives it to an agent, whatever else is said
    STOOD = "stood"  # it was there, and nobody can say since when
    EXACT = "exact"
    ALIGNED = "aligned"
    HASH = "hash"


class Stop(StrEnum):
    """What ended the way of a line before its writer was known."""

    UNSAID = "unsaid"
    UNRECORDED = "unrecorded"
    BEFORE = "before"
    CUT = "history-cut"
    MISMATCH = "hash-mismatch"
    CIRCLE = "circle"
    ABSENT = "no-statement"
    FAILS = "carry-fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Line `line` (0-based; None: which one cannot be told) of `path`; `commit` is None in the work tree.

    `state` is what the file was, as far as a claim names it.
    """

    path: bytes
    line: int | None
    commit: str | None
    how: How
    statement: str | None = None
    state: FileState | None = None


@dataclass(slots=True, kw_only=True)
class Trail:
    """The way of one line, newest step first, and the byline to which it leads."""

    steps: list[Step]
    byline: Byline = UNATTRIBUTED
    stop: Stop | None = None


class Tracer:
    """Follows lines through the versions of one clone. Not thread-safe."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._derived: dict[Key, Derived | None] = {}
        self._ends: dict[tuple[str, bytes], tuple[int, ...]] = {}

    def trace(self, key: Key, line: int, trail: Trail | None = None) -> Trail:
        """Return the way of line `line` of the version `key`, as it goes on from `trail`."""
        trail = trail or Trail(steps=[])
        seen: set[Place] = set()
        place: Place | None = (key, line)
        while place:
            if place in seen:
                trail.stop = Stop.CIRCLE
                break
            seen.add(place)
            place = self._back(*place, trail)
        return trail

    def trace_found(self, trail: Trail, draft: Draft, line: int, *, path: bytes, commit: str | None) -> None:
        """Let `trail` end with line `line` of `draft`, which is in no version of a commit."""
        trail.byline = draft.bylines[line] or UNATTRIBUTED
        how = _how(draft.found[line] or Carry.ALIGNED) if trail.byline.statement else How.NEW
        trail.steps.append(Step(path=path, line=line, commit=commit, how=how))
        if not trail.byline.owner.is_known and trail.byline.statement is None:
            trail.stop = Stop.UNRECORDED if self._versions.is_whole else Stop.CUT
        elif trail.byline.statement:
            hashed = self._versions.hashes((draft.lines[line],))[0]
            self._follow(trail, trail.byline.statement, trail.byline.owner, hashed)

    def _back(self, key: Key, line: int, trail: Trail) -> Place | None:
        """Add what the version `key` says of the line, and return where it was before."""
        known, told = self._versions.known(key)
        if line >= len(known.bylines):
            trail.stop = Stop.MISMATCH if self._versions.is_whole else Stop.CUT
        elif self._by_import(key, known, line, trail):
            return None
        elif told:
            others = (each for each in self._versions.claims.of(known.blob, known.path) if each not in told and each.claim.segments)
            return self._by_claims((*told, *others), known, line, trail)
        elif told is None:
            trail.stop = Stop.CIRCLE
        else:
            return self._by_objects(key, known, line, trail)
        return None

    # Versions with claims

    def _by_claims(self, told: Sequence[Told], known: Claimed, line: int, trail: Trail) -> Place | None:
        """Of several claims the one counts whose answer was taken: of those that count, else of the others, which keep an agent's lines."""
        for each in told:
            segment, at = self._segment(each, line)
            if isinstance(segment, New):
                byline = each.byline(segment.owner)
                if byline == known.bylines[line]:
                    trail.byline = byline
                    hashed = segment.hashes[HASH_BYTES * at : HASH_BYTES * (at + 1)]
                    self._tell_new(trail, each, line, segment, hashed)
                    return None
            else:
                base, i = each.base_key(each.claim.bases[segment.base]), segment.start + at
                older = self._byline(base, i)
                if older is known.bylines[line] or older == known.bylines[line]:
                    trail.steps.append(_step(each, line, How.COPIED))
                    return base, i
        trail.stop = Stop.CIRCLE
        return None

    def _by_import(self, key: Key, known: Claimed, line: int, trail: Trail) -> bool:
        """Whether what was imported about the version `key` itself had the last word."""
        _, path, blob = key
        for each in self._versions.claims.imported(blob, path):
            segment, _ = self._segment(each, line)
            if each.digest == known.bylines[line].statement and isinstance(segment, New):
                trail.byline = known.bylines[line]
                trail.steps.append(_step(each, line, How.IMPORTED))
                return True
        return False

    def _byline(self, key: Key, line: int) -> Byline:
        bylines = self._versions.known(key)[0].bylines
        return bylines[line] if line < len(bylines) else UNATTRIBUTED

    def _segment(self, told: Told, line: int) -> tuple[Segment, int]:
        """Return the segment of the claim that has the line, and which of its lines that is."""
        ends = self._ends.get(told.key)
        if ends is None:
            ends = self._ends[told.key] = tuple(accumulate(segment.count for segment in told.claim.segments))
        number = bisect_right(ends, line)
        segment = told.claim.segments[number]
        return segment, line - ends[number] + segment.count

    def _tell_new(self, trail: Trail, told: Told, line: int | None, new: New, hashed: bytes) -> None:
        how = _how(new.carried.how) if new.carried else How.IMPORTED if told.statement.is_imported else How.NEW
        trail.steps.append(_step(told, line, how))
        if new.carried:
            self._follow(trail, new.carried.statement, new.owner, hashed)
        elif not new.owner.is_known:
            trail.stop = Stop.UNSAID

    def _follow(self, trail: Trail, digest: str, owner: Owner, hashed: bytes) -> None:
        """Go on with the statement `digest`, from which a line of `owner` was carried."""
        if any(step.statement == digest for step in trail.steps):
            trail.stop = Stop.CIRCLE
            return
        places = self._places(digest, owner, hashed)
        if not places:
            trail.stop = Stop.FAILS if self._versions.claims.in_statement(digest) else Stop.ABSENT
            return
        path = trail.steps[-1].path
        places = [each for each in places if each[0].claim.path == path] or places
        told, line, new = places[0]
        self._tell_new(trail, told, line if len(places) == 1 else None, new, hashed)

    def _places(self, digest: str, owner: Owner, hashed: bytes) -> list[tuple[Told, int | None, New]]:
        """Return the new lines of `owner` in the statement that have the hash; if none has (it was wrapped anew), the places of theirs."""
        rows = [(told, line, new) for told in self._versions.claims.in_statement(digest) for line, new in _new(told.claim)]
        rows = [row for row in rows if row[2].owner == owner or inferred(Byline(owner=row[2].owner)).owner == owner]
        same = [(told, line + at, new) for told, line, new in rows for at in _find(new.hashes, hashed)]
        return [*same] or [(told, None, new) for told, _, new in rows]

    # Versions without

    def _by_objects(self, key: Key, known: Claimed, line: int, trail: Trail) -> Place | None:
        commit, path, blob = key
        versions = self._versions
        if versions.is_before_all(commit):
            trail.steps.append(Step(path=path, line=line, commit=commit, how=How.STOOD))
            trail.stop = Stop.BEFORE if versions.beginning.is_known else Stop.UNRECORDED
            return None
        touched = versions.choice.last_touch(commit, path)
        if touched != commit:
            return (touched, path, blob), line
        derived = self._derive(key)
        if derived is None:
            trail.steps.append(Step(path=path, line=line, commit=commit, how=How.STOOD))
            trail.stop = Stop.CUT
            return None
        place = derived.draft.places[line]
        if place:
            standing = derived.standings[place[0]]
            trail.steps.append(Step(path=path, line=line, commit=commit, how=How.COPIED))
            return (standing.commit, standing.path, standing.entry.oid), place[1]
        self.trace_found(trail, derived.draft, line, path=path, commit=commit)
        trail.byline = known.bylines[line]
        return None

    def _derive(self, key: Key) -> Derived | None:
        if key not in self._derived:
            try:
                self._derived[key] = self._versions.derive_here(*key)
            except RepositoryError:
                self._derived[key] = None
        return self._derived[key]


def _step(told: Told, line: int | None, how: How) -> Step:
    commit, claim = told.statement.commit.id, told.claim
    return Step(path=claim.path, line=line, commit=commit, how=how, statement=told.digest, state=claim.new)


def _how(carry: Carry) -> How:
    return How(carry.value)


def _new(claim: Claim) -> Iterator[tuple[int, New]]:
    line = 0
    for segment in claim.segments:
        if not isinstance(segment, Copied):
            yield line, segment
        line += segment.count


def _find(hashes: bytes, hashed: bytes) -> Iterator[int]:
    for at in range(0, len(hashes), HASH_BYTES):
        if hashes[at : at + HASH_BYTES] == hashed:
            yield at // HASH_BYTES

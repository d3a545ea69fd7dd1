# SPDX-License-Identifier: Apache-2.0
r"""What a gate judges: the units of a change between two trees, and the facts about them.

A *unit* is the smallest thing that a rule can hold back: one run of added lines, one run of removed lines, or a whole file.
Every transition has at least one. Two versions of a text file are cut by `core.diff`; a line that is equal but for white space
or its end is removed and added, for a gate judges bytes. Everything else is a whole-file unit: a changed mode or type, a
symlink, a submodule, a binary file, an empty file, a file too large to read as lines. There are no renames: a renamed file is
a deletion and an addition.

>>> from byline.core.effect import FileState, Transition
>>> old, new = (FileState(mode="100644", sha256=digit * 64) for digit in "ab")
>>> file = cut_file(Transition(path=b"a.py", old=old, new=new), b"one\n", b"one\ntwo\n")
>>> [(unit.side.value, unit.lines) for unit in file.units]
[('added', LineRange(start=1, end=2))]
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.diff import ABSENT, match_lines
from byline.core.effect import REGULAR, effect_digest
from byline.core.lines import LineRange, count_lines, is_binary, join_ranges, split_lines
from byline.core.policy import ChangeKind
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.core.effect import Transition
    from byline.core.finding import Finding
    from byline.core.verified import VerifiedApproval, VerifiedAuthorship, VerifiedCompleteness, VerifiedTombstone

MAX_TEXT = 5 * 1024 * 1024


class Side(StrEnum):
    """Where a unit's lines are: in the candidate, in the base, or nowhere."""

    ADDED = "added"
    REMOVED = "removed"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One run of lines of `path` on one side; `lines` is None for a whole file."""

    path: bytes
    kind: ChangeKind
    side: Side
    lines: LineRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """One transition and its units."""

    transition: Transition
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Two trees, and every proven fact about what lies between them.

    `manifest` is the digest of the candidate's whole tree, None where nothing is bound to it. `target` and `environment` are
    None where the caller has none (a preview). `named` are paths changed by a commit whose author or trailers name an agent or a
    bot: they can only tighten. `verbatim` names bases of claims (statement, path, number of the base) of which git's objects show
    that what the claim copies from them is the same, byte for byte and in order; one that is missing relaxes nothing. `spent` are the
    steps of approvals (statement, path) that the target has taken already: an approval lets a file go there once. `findings` are what
    does not fit together about it. `tombstones` say of which statements nobody can tell any more what they said.
    `completeness` says what the log has and nobody showed, None where no log was asked.
    """

    repository: str
    target: str | None
    environment: str | None
    manifest: str | None
    files: tuple[ChangedFile, ...]
    authorships: tuple[VerifiedAuthorship, ...] = ()
    approvals: tuple[VerifiedApproval, ...] = ()
    named: frozenset[bytes] = frozenset()
    verbatim: frozenset[tuple[str, bytes, int]] = frozenset()
    spent: frozenset[tuple[str, bytes]] = frozenset()
    findings: tuple[Finding, ...] = ()
    tombstones: tuple[VerifiedTombstone, ...] = ()
    completeness: VerifiedCompleteness | None = None

    @property
    def doubted(self) -> frozenset[bytes]:
        """The paths whose lines are nobody's own, whatever claims say: `named`, `erased`, of findings that tighten, not all shown."""
        found = (each.path for each in self.findings if each.path is not None and each.code.tightens)
        hidden = (self.completeness.unread, self.completeness.withheld) if self.completeness else ()
        return self.named.union(self.erased, found, *hidden)

    @property
    def erased(self) -> frozenset[bytes]:
        """The paths of which a tombstone names the whole change, the new version, or one that claims lead over on the way to it.

        Also those about whose change the log has an entry that tombstones name.
        """
        return self._named_erased | (self.completeness.erased if self.completeness else frozenset())

    @property
    def _named_erased(self) -> frozenset[bytes]:
        gone = {subject for each in self.tombstones for subject in each.tombstone.subjects}
        if not gone or effect_digest(self.transitions) in gone:
            return frozenset(each.path for each in self.transitions if gone)
        over = {each.path: {each.new.sha256} if each.new else set[str]() for each in self.transitions}
        for claim in (claim for fact in self.authorships for claim in fact.authorship.claims if claim.path in over):
            over[claim.path] |= {state.sha256 for state in (claim.new, *claim.bases) if state}
        # What stands in the base was judged when it came there.
        judged = {each.path: {each.old.sha256} if each.old else set[str]() for each in self.transitions}
        return frozenset(path for path, versions in over.items() if (versions - judged[path]) & gone)

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """What the change does to files, sorted by path."""
        return tuple(sorted((each.transition for each in self.files), key=lambda each: each.path))


def kind_of(transition: Transition) -> ChangeKind:
    """Return what happens to the path."""
    old, new = transition.old, transition.new
    if old is None:
        return ChangeKind.ADD
    if new is None:
        return ChangeKind.DELETE
    if (old.mode in REGULAR) != (new.mode in REGULAR) or (old.mode not in REGULAR and old.mode != new.mode):
        return ChangeKind.TYPE
    return ChangeKind.MODE if old.sha256 == new.sha256 else ChangeKind.MODIFY


def is_text(mode: str, data: bytes | None) -> bool:
    """Whether the content is judged by lines; `data` is None where it is no blob or was too large to read."""
    return mode in REGULAR and data is not None and len(data) <= MAX_TEXT and not is_binary(data)


def cut_file(transition: Transition, old: bytes | None, new: bytes | None) -> ChangedFile:
    """Cut `transition` into units; `old` and `new` are the contents, None where the side is absent or not read."""
    kind, path = kind_of(transition), transition.path
    sides = [(state, data) for state, data in ((transition.old, old), (transition.new, new)) if state is not None]
    units: list[Unit] = []
    if all(is_text(state.mode, data) for state, data in sides):
        units += _runs(path, kind, old or b"", new or b"")
    modes = {state.mode for state, _ in sides}
    if not units or len(modes) > 1:
        units.append(Unit(path=path, kind=kind, side=Side.FILE))
    return ChangedFile(transition=transition, units=tuple(units))


def _runs(path: bytes, kind: ChangeKind, old: bytes, new: bytes) -> list[Unit]:
    """Return the runs in the order in which a person reads a diff: what went away from a place, then what came there."""
    placed: list[tuple[int, int, Unit]] = []
    for order, (side, numbers) in enumerate(zip((Side.REMOVED, Side.ADDED), _differences(old, new), strict=True)):
        before = 0
        for lines in join_ranges(numbers):
            # As many lines that stay come before the run on either side.
            placed.append((lines.start - before, order, Unit(path=path, kind=kind, side=side, lines=lines)))
            before += len(lines)
    return [unit for _, _, unit in sorted(placed, key=lambda each: each[:2])]


def _differences(old: bytes, new: bytes) -> tuple[Iterable[int], Iterable[int]]:
    """Return the lines of `old` that are gone and those of `new` that have come, by number."""
    kept = kept_lines(old, new)
    same = set(kept)
    return [i for i in range(count_lines(old)) if i not in same], [j for j, i in enumerate(kept) if i == ABSENT]


def kept_lines(old: bytes, new: bytes) -> list[int]:
    """Return for each line of `new` the line of `old` that it is byte for byte, its end included, or `ABSENT`."""
    if not old or not new:
        return [ABSENT] * count_lines(new)
    before, after = raw_lines(old), raw_lines(new)
    matching = match_lines(split_lines(old), split_lines(new))
    return [ABSENT if i != ABSENT and before[i] != after[j] else i for j, i in enumerate(matching)]


def raw_lines(data: bytes) -> list[bytes]:
    """Return the lines of `data` with their ends, as many as `split_lines` finds."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines

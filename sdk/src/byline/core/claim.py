# SPDX-License-Identifier: Apache-2.0
"""What one commit did to one file, and who: a recipe.

A `Claim` names the file's `bases` (its version in each parent that has one) and covers the whole new version with `segments`,
in order: lines `Copied` from a base, or `New` lines with an owner and a keyed hash each. What is not copied was removed, and
`removed` says by whom. Changes without lines (mode, rename, symlink, submodule, binary, deletion, files over `MAX_NEW_LINES`)
have no segments: only `hand`, who made the change.

Recipes compose: the owner of every line of any version follows from claims alone, with no text, no commit and no diff.
All positions in code are 0-based and half-open; the predicate shows 1-based starts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from byline.core.attribution import Origin
from byline.core.effect import FileState, Transition
from byline.core.lines import HASH_BYTES
from byline.core.value import dataclass

if TYPE_CHECKING:
    from byline.core.attribution import Owner
    from byline.core.lines import LineRange

MAX_NEW_LINES = 30_000  # hashes of more do not fit one statement


class Op(StrEnum):
    """What kind of change."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"
    RENAME = "rename"
    COPY = "copy"
    MODE = "mode"
    TYPE = "type"


class Carry(StrEnum):
    """How a line was found in an earlier statement."""

    EXACT = "exact"
    ALIGNED = "aligned"
    HASH = "hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """New lines whose owner comes from `statement` (SHA-256 of its payload)."""

    statement: str
    how: Carry


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The file in parent number `parent` of the commit: where it stood (`path`) and what it was."""

    parent: int
    path: bytes
    mode: str
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """`count` lines of base number `base`, from its line `start` on."""

    base: int
    start: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """Lines that no base explains; `hashes` are 16 bytes for each."""

    owner: Owner
    hashes: bytes
    carried: Carried | None = None

    @property
    def count(self) -> int:
        """How many lines."""
        return len(self.hashes) // HASH_BYTES


Segment: TypeAlias = Copied | New


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """`lines` of base number `base` that the new version does not hold, and who took them away."""

    base: int
    lines: LineRange
    hand: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One file of one commit. `mode`, `sha256` and `blob` are None for a deletion."""

    path: bytes
    op: Op
    mode: str | None
    sha256: str | None
    blob: str | None
    hand: Owner
    bases: tuple[Base, ...] = ()
    segments: tuple[Segment, ...] = ()
    removed: tuple[Removed, ...] = ()

    @property
    def new(self) -> FileState | None:
        """The state that the claim leads to."""
        return FileState(mode=self.mode, sha256=self.sha256) if self.mode and self.sha256 else None

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Everybody whom the claim names as owner or hand of anything."""
        new = (each.owner for each in self.segments if isinstance(each, New))
        return (self.hand, *new, *(each.hand for each in self.removed))

    @property
    def has_person(self) -> bool:
        """Whether the claim gives anything to a person."""
        return any(owner.origin is Origin.HUMAN for owner in self.owners)

    @property
    def copied_bases(self) -> frozenset[int]:
        """The numbers of the bases from which lines are copied."""
        return frozenset(each.base for each in self.segments if isinstance(each, Copied))

    def transitions(self, parent: int = 0) -> tuple[Transition, ...]:
        """Return what the claim did to paths, seen from parent number `parent`: a rename is a deletion and an addition."""
        base = next((each for each in self.bases if each.parent == parent), None)
        old = FileState(mode=base.mode, sha256=base.sha256) if base else None
        if base and base.path != self.path:
            gone = (Transition(path=base.path, old=old, new=None),) if self.op is Op.RENAME else ()
            return (*gone, Transition(path=self.path, old=None, new=self.new))
        return (Transition(path=self.path, old=old, new=self.new),) if old != self.new else ()

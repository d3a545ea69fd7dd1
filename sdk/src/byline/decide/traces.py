# SPDX-License-Identifier: Apache-2.0
"""What stands for a line while claims are composed: who had a hand in it, and what may be relaxed about it.

A *trace* is the set of hands of one line, with marks. A line for which claims lead nowhere is `UNTRACED`: nobody known made it. A line
that the claims call old although the diff calls it new (it moved, or was re-indented) is `PLACED` nowhere: everyone who touched the
file on the way is its hand. It is `COVERED` if on some way each of its hands is a full fact, `CREDITED` if each is creditable; what
the base of the change holds already is both, wherever it is copied to.

Traces are joined by union: one more claim can only add hands.

>>> join_lines([Lines([PLACED], UNTRACED), Lines([UNTRACED, UNTRACED], NOTHING)]) == Lines([PLACED | UNTRACED, UNTRACED], UNTRACED)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.attribution import Owner


class Mark(StrEnum):
    """What stands where a hand should."""

    UNTRACED = "untraced"
    PLACED = "placed"
    COVERED = "covered"
    CREDITED = "credited"


class Part(StrEnum):
    """What somebody did to a line."""

    WROTE = "wrote"
    EARLIER = "earlier"
    BROUGHT = "brought"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Somebody's part in a line: what a claim says of its `owner`, and who signed the claim (None: they only passed it on).

    `is_full`: the fact may relax. Its statement passed every check, and it names its own signer and nobody else. `part` tells
    the writer from who wrote the line before them, and from who only put it there.
    """

    owner: Owner
    signer: str | None
    is_full: bool
    part: Part


Trace: TypeAlias = "frozenset[Hand | Mark]"

UNTRACED: Final[Trace] = frozenset({Mark.UNTRACED})
PLACED: Final[Trace] = frozenset({Mark.PLACED})
HELD: Final[Trace] = frozenset({Mark.COVERED, Mark.CREDITED})
NOTHING: Final[Trace] = frozenset()


class Lines(NamedTuple):
    """A trace for each line; `rest` for the lines beyond those that claims speak of."""

    known: list[Trace]
    rest: Trace

    def cut(self, start: int, count: int) -> list[Trace]:
        """Return the traces of `count` lines from `start` on."""
        found = self.known[start : start + count]
        return found if len(found) == count else found + [self.rest] * (count - len(found))


def join_lines(several: Sequence[Lines]) -> Lines:
    """Return what several claims say together about the lines of one version; without any, nothing is known of them."""
    if not several:
        return Lines([], UNTRACED)
    if len(several) == 1:
        return several[0]
    length = max(len(each.known) for each in several)
    rows = [each.cut(0, length) for each in several]
    known = [NOTHING.union(*traces) if any(trace is not traces[0] for trace in traces) else traces[0] for traces in zip(*rows, strict=True)]
    return Lines(known, NOTHING.union(*(each.rest for each in several)))


def hold_lines(lines: Lines) -> Lines:
    """Return `lines` as text that the base of the change holds: its writers are named, and it needs none to be held."""
    return Lines([(trace - UNTRACED) | HELD for trace in lines.known], (lines.rest - UNTRACED) | HELD)


def close_lines(lines: Lines) -> Lines:
    """Return `lines` with every line that only a circle of claims explains as untraced."""
    return Lines([trace or UNTRACED for trace in lines.known], lines.rest or UNTRACED)

# SPDX-License-Identifier: Apache-2.0
"""What a gate says: allow, pending or deny, and why, by file and line.

`pending` means that nothing but approvals (or claims on their way) is missing. The outcomes are ordered `deny < pending < allow`;
a verdict is the lowest of its reasons' outcomes, and `allow` without reasons. "No" is a value, not an exception.

>>> Outcome.DENY.rank < Outcome.PENDING.rank < Outcome.ALLOW.rank
True
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.value import dataclass

if TYPE_CHECKING:
    from byline.core.attribution import Origin
    from byline.core.change import Side
    from byline.core.lines import LineRange


class Outcome(StrEnum):
    """The answer, most restrictive first."""

    DENY = "deny"
    PENDING = "pending"
    ALLOW = "allow"

    @property
    def rank(self) -> int:
        """0 for deny, 2 for allow."""
        return list(Outcome).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What would satisfy a rule: so many different people, of at least a level."""

    approvals: int
    level_at_least: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One change unit that a rule holds back; `lines` is None for a whole file, `path` for the whole change."""

    rule: str
    outcome: Outcome
    message: str
    path: bytes | None
    side: Side
    lines: LineRange | None
    needs: Needs | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How much was judged: units, added and removed lines, and the added lines by origin (every origin is listed)."""

    units: int
    added: int
    removed: int
    origins: tuple[tuple[Origin, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer about one change."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    summary: Summary

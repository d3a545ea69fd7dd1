# SPDX-License-Identifier: Apache-2.0
# Who writes is told to the world from here.
# ruff: noqa: PLC0414
"""Whose text each line is, and how we know: two axes, never one number.

*Origin* says who wrote the words. *Evidence* says how we know and is ordered only within one origin; between two origins the
stricter wins, and everything that is not `human` is equally strict. Absence of evidence is `unknown`, never `human`.

An `Owner` is one answer to "whose text is this". `mixed` text has two writers: the last one, and `earlier`. A `Byline` is an
owner with the statement and commit that say so, for one line. An attribution of a file version is one byline for each line;
`spans` gives it as gap-free ranges.

>>> spans([UNATTRIBUTED, UNATTRIBUTED])[0].lines
LineRange(start=0, end=2)
"""

from __future__ import annotations

from byline.core.authors import Agent as Agent
from byline.core.authors import Author as Author
from byline.core.authors import Channel as Channel
from byline.core.authors import Person as Person
from byline.core.authors import Tool as Tool
from byline.core.authors import answers as answers
from byline.core.choice import StrEnum
from byline.core.value import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.lines import LineRange


class Origin(StrEnum):
    """Who wrote the words."""

    HUMAN = "human"
    AI = "ai"
    MIXED = "mixed"
    TOOL = "tool"
    IMPORTED = "imported"
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """How we know, strongest first."""

    ATTESTED = "attested"
    OBSERVED = "observed"
    DECLARED = "declared"
    INFERRED = "inferred"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 for `unknown`, 4 for `attested`."""
        return len(Evidence) - 1 - list(Evidence).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose text, and how we know. `principal` is the responsible person's opaque id, also for an agent's text."""

    origin: Origin
    evidence: Evidence
    channel: Channel
    agent: Agent | None = None
    tool: Tool | None = None
    session: str | None = None
    principal: str | None = None
    earlier: Owner | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything at all is known of who wrote the text."""
        return self.origin is not Origin.UNKNOWN

    @property
    def is_ai(self) -> bool:
        """Whether an agent had a hand in the words."""
        return self.origin in (Origin.AI, Origin.MIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Byline:
    """An owner and who says so: `statement` (SHA-256 of a payload, hex) and `commit` (git id that brought the line)."""

    owner: Owner
    statement: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Adjacent lines with one byline."""

    lines: LineRange
    byline: Byline


UNKNOWN = Owner(origin=Origin.UNKNOWN, evidence=Evidence.UNKNOWN, channel=Channel.NONE)
UNATTRIBUTED = Byline(owner=UNKNOWN)


def owner_of(author: Author, *, evidence: Evidence, channel: Channel, session: str | None = None, on_behalf_of: str | None = None) -> Owner:
    """Return the owner of text that `author` wrote; for a program's somebody may be known who let it act."""
    if isinstance(author, Agent):
        return Owner(origin=Origin.AI, evidence=evidence, channel=channel, agent=author, session=session, principal=on_behalf_of)
    if isinstance(author, Tool):
        return Owner(origin=Origin.TOOL, evidence=evidence, channel=channel, tool=author, session=session, principal=on_behalf_of)
    return Owner(origin=Origin.HUMAN, evidence=evidence, channel=channel, session=session, principal=author.id)


def inferred(byline: Byline) -> Byline:
    """Return `byline` as strong as text alone makes it: text may find an owner, it proves none."""
    if byline.owner.evidence.rank <= Evidence.INFERRED.rank:
        return byline
    return replace(byline, owner=replace(byline.owner, evidence=Evidence.INFERRED))


def stricter(one: Owner, other: Owner) -> Owner:
    """Return the owner that a gate would treat more strictly; `one` where they are alike.

    Unknown is stricter than any other, everything else stricter than human; within one origin the weaker evidence.
    """

    def strictness(owner: Owner) -> tuple[int, int]:
        order = {Origin.HUMAN: 0, Origin.UNKNOWN: 2}.get(owner.origin, 1)
        return order, -owner.evidence.rank

    return other if strictness(other) > strictness(one) else one


def spans(bylines: Sequence[Byline]) -> tuple[Span, ...]:
    """Return `bylines`, one for each line, as gap-free spans from the first line to the last."""
    from byline.core.lines import LineRange

    out: list[Span] = []
    start = 0
    for end in range(1, len(bylines) + 1):
        if end == len(bylines) or (bylines[end] is not bylines[start] and bylines[end] != bylines[start]):
            out.append(Span(lines=LineRange(start, end), byline=bylines[start]))
            start = end
    return tuple(out)

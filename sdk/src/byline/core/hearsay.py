# SPDX-License-Identifier: Apache-2.0
r"""What somebody else's record says of lines: the one shape into which other tools' formats are read, and out of which they are written.

A `Hearsay` speaks of adjacent lines that one commit brought, as they stand in that commit. Whoever could write the record said it,
so it is never more than `declared`, and an import takes nothing from it but that an agent wrote a line (`flow.importing`). A `Doubt`
is a part of a record that was not taken: where it stands, and why.

>>> from byline.core.lines import LineRange
>>> Hearsay(commit="0" * 40, path=b"a.py", lines=LineRange(0, 4), origin=Origin.AI, agent=Agent(name="codex")).owner.channel.value
'import'
>>> name_or_none("two\nlines"), name_or_none(7)
('two?lines', None)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import UNKNOWN, Agent, Channel, Evidence, Origin, Owner
from byline.core.statement import MAX_STRING
from byline.core.value import dataclass

if TYPE_CHECKING:
    from byline.core.lines import LineRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearsay:
    """Lines of `path` in `commit` and who is said to have written them.

    `origin` is one of human, ai, mixed and unknown. `person` is what the record calls a human. `digest`, where the record has it, is the
    SHA-256 of the lines without their ends, joined by LF (in others' records perhaps with one more at the end); `statement` is that of
    Byline's from which it was written.
    """

    commit: str
    path: bytes
    lines: LineRange
    origin: Origin
    agent: Agent | None = None
    session: str | None = None
    person: str | None = None
    digest: str | None = None
    statement: str | None = None

    @property
    def owner(self) -> Owner:
        """Whose the lines are if the record is believed as far as one is: an agent's, by declaration; or nobody knows."""
        if self.origin not in (Origin.AI, Origin.MIXED):
            return UNKNOWN
        return Owner(origin=self.origin, evidence=Evidence.DECLARED, channel=Channel.IMPORT, agent=self.agent, session=self.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A part of a record that is not taken."""

    where: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a record says, and what of it could not be read."""

    hearsay: tuple[Hearsay, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def name_or_none(value: object) -> str | None:
    """Return `value` as a name that a statement may hold, None if it is no text at all: what cannot be printed becomes `?`."""
    if not isinstance(value, str) or not value:
        return None
    return "".join(sign if sign.isprintable() else "?" for sign in value)[:MAX_STRING]

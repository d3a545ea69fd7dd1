# SPDX-License-Identifier: Apache-2.0
"""Bylines in little space: runs of lines with one byline, and tables in which each byline and each owner stands once.

    rows       [[count, number of byline]...]
    bylines    [[number of owner, statement, commit]...]
    owners     [[origin, evidence, channel, [name, version, model] | null, session, principal, [name, version] | null, owner | null]...]

An owner's last member is its earlier owner, which stands before it. This is for caches: nothing signed looks like this.

>>> from byline.core.attribution import UNATTRIBUTED
>>> table = BylineTable()
>>> table.rows(to_rows([UNATTRIBUTED, UNATTRIBUTED]))
[[2, 0]]
>>> read_tables(table.to_json())[1] == [UNATTRIBUTED]
True
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, TypeAlias

from byline.core.attribution import Agent, Byline, Channel, Evidence, Origin, Owner, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from byline.core.canonical import Json

Rows: TypeAlias = tuple[tuple[int, Byline], ...]


def to_rows(bylines: Sequence[Byline]) -> Rows:
    """Return `bylines`, one for each line, as (count, byline) runs."""
    out: list[tuple[int, Byline]] = []
    start = 0
    for end in range(1, len(bylines) + 1):
        if end == len(bylines) or (bylines[end] is not bylines[start] and bylines[end] != bylines[start]):
            out.append((end - start, bylines[start]))
            start = end
    return tuple(out)


def expand(rows: Iterable[tuple[int, Byline]]) -> tuple[Byline, ...]:
    """Return one byline for each line that `rows` count."""
    return tuple(chain.from_iterable(repeat(byline, count) for count, byline in rows))


class BylineTable:
    """The tables, as far as they were needed."""

    def __init__(self) -> None:
        self._owners: dict[Owner, int] = {}
        self._owner_rows: list[Json] = []
        self._bylines: dict[Byline, int] = {}

    def rows(self, rows: Iterable[tuple[int, Byline]]) -> list[Json]:
        """Return `rows` with numbers in place of bylines."""
        kept = tuple(rows)
        different = {id(byline): byline for _, byline in kept}  # to compare them all by value takes ten times as long
        numbers = {key: self._bylines.setdefault(byline, len(self._bylines)) for key, byline in different.items()}
        return [[count, numbers[id(byline)]] for count, byline in kept]

    def owner(self, owner: Owner) -> int:
        """Return the number of `owner`."""
        known = self._owners.get(owner)
        if known is None:
            earlier = self.owner(owner.earlier) if owner.earlier else None
            agent: Json = [owner.agent.name, owner.agent.version, owner.agent.model] if owner.agent else None
            tool: Json = [owner.tool.name, owner.tool.version] if owner.tool else None
            self._owner_rows.append(
                [str(owner.origin), str(owner.evidence), str(owner.channel), agent, owner.session, owner.principal, tool, earlier]
            )
            known = self._owners[owner] = len(self._owner_rows) - 1
        return known

    def to_json(self) -> dict[str, Json]:
        """Return both tables; no rows may follow."""
        bylines: list[Json] = [[self.owner(each.owner), each.statement, each.commit] for each in self._bylines]
        return {"bylines": bylines, "owners": self._owner_rows}


def read_tables(value: Mapping[str, Any]) -> tuple[list[Owner], list[Byline]]:
    """Return the owners and bylines of `BylineTable.to_json`.

    Raises:
        KeyError: It is not that; also as TypeError, ValueError or IndexError: whoever reads a cache takes them all for "none".
    """
    owners: list[Owner] = []
    for origin, evidence, channel, agent, session, principal, tool, earlier in value["owners"]:
        owner = Owner(
            origin=Origin(origin),
            evidence=Evidence(evidence),
            channel=Channel(channel),
            agent=Agent(name=agent[0], version=agent[1], model=agent[2]) if agent else None,
            tool=Tool(name=tool[0], version=tool[1]) if tool else None,
            session=session,
            principal=principal,
            earlier=None if earlier is None else owners[earlier],
        )
        owners.append(owner)
    return owners, [Byline(owner=owners[owner], statement=statement, commit=commit) for owner, statement, commit in value["bylines"]]


def read_rows(rows: Iterable[Any], bylines: Sequence[Byline]) -> Rows:
    """Return what `BylineTable.rows` wrote.

    Raises:
        IndexError: It is not that; also as TypeError or ValueError.
    """
    return tuple((int(count), bylines[number]) for count, number in rows)

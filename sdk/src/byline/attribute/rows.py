# SPDX-License-Identifier: Apache-2.0
"""Bylines in little space: runs of lines with one byline, and tables in which each byline and each owner stands once.

    rows       "count number count number ...", each number that of a byline
    bylines    [[number of owner, statement, commit]...]
    owners     [[origin, evidence, channel, [name, version, model] | null, session, principal, [name, version] | null, owner | null]...]

An owner's last member is its earlier owner, which stands before it. This is for caches: nothing signed looks like this.

A state holds thousands of versions and a question asks for a few: rows stay as they are in the file until somebody looks (`PackedRows`),
and are written as they were read.

>>> from byline.core.attribution import UNATTRIBUTED
>>> table = BylineTable()
>>> table.rows(to_rows([UNATTRIBUTED, UNATTRIBUTED]))
'2 0'
>>> read_tables(table.to_json())[1] == [UNATTRIBUTED]
True
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from byline.core.attribution import Agent, Byline, Channel, Evidence, Origin, Owner, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from byline.core.canonical import Json

Row: TypeAlias = tuple[int, Byline]
Rows: TypeAlias = Sequence[Row]
MAX_SEED = 4096  # bylines, among them those of rows that are gone


class PackedRows(Sequence[Row]):
    """The rows that `text` tells, with the bylines of `table`. What does not read tells no row, so its lines are nobody's."""

    __slots__ = ("_rows", "table", "text")

    def __init__(self, text: str, table: Sequence[Byline]) -> None:
        self.text = text
        self.table = table
        self._rows: tuple[Row, ...] | None = None

    def _read(self) -> tuple[Row, ...]:
        if self._rows is None:
            words = self.text.split()
            try:
                self._rows = tuple((int(count), self.table[int(number)]) for count, number in zip(words[::2], words[1::2], strict=True))
            except (ValueError, IndexError):
                self._rows = ()
        return self._rows

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[Row]:
        return iter(self._read())

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        return self._read()[index]

    def __eq__(self, other: object) -> bool:
        return self._read() == tuple(other) if isinstance(other, PackedRows | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._read())


def to_rows(bylines: Sequence[Byline]) -> tuple[Row, ...]:
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
    """The tables, as far as they were needed; they begin with the bylines that rows were read with, and need not be packed again."""

    def __init__(self, rows: Iterable[Rows] = ()) -> None:
        seeds = (each.table for each in rows if isinstance(each, PackedRows))
        seed = next(seeds, ())
        self._seed = seed if len(seed) <= MAX_SEED else ()
        self._owners: dict[Owner, int] = {}
        self._owner_rows: list[Json] = []
        self._bylines: dict[Byline, int] = {byline: number for number, byline in enumerate(self._seed)}

    def rows(self, rows: Rows) -> str:
        """Return `rows` with numbers in place of bylines."""
        if isinstance(rows, PackedRows) and rows.table is self._seed:
            return rows.text
        kept = tuple(rows)
        different = {id(byline): byline for _, byline in kept}  # to compare them all by value takes ten times as long
        numbers = {key: self._bylines.setdefault(byline, len(self._bylines)) for key, byline in different.items()}
        return " ".join(f"{count} {numbers[id(byline)]}" for count, byline in kept)

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


def read_rows(rows: object, bylines: Sequence[Byline]) -> PackedRows:
    """Return what `BylineTable.rows` wrote.

    Raises:
        TypeError: It is not that.
    """
    if not isinstance(rows, str):
        raise TypeError("rows")
    return PackedRows(rows, bylines)

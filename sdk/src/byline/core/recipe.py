# SPDX-License-Identifier: Apache-2.0
"""How owners and claims stand in the predicate `ai-authorship`: tables, and rows that name their places in them.

    owners[i]    {"origin", "evidence", "channel", "agent", "session", "principal", "tool"}
    carried[i]   {"statement", "how"}
    files[i]     {"path", "op", "mode", "sha256", "blob", "hand", "bases", "segs", "hashes", "removed"}
    segs[i]      ["base", base, first line, count] or ["new", [owner] or [last, earlier], count, carried or null]

`hashes` is one base64 string for all new lines of the file, 16 bytes each. Lines are counted from 1, tables from 0.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from byline.core.attribution import Agent, Channel, Evidence, Origin, Owner, Tool
from byline.core.canonical import Json, format_base64, parse_base64
from byline.core.claim import Base, Carried, Carry, Claim, Copied, New, Op, Removed, Segment
from byline.core.effect import MODES, parse_path, parse_sha256, path_members
from byline.core.lines import HASH_BYTES, LineRange, is_git_id
from byline.core.statement import take_count, take_list, take_members, take_optional_text, take_text
from byline.core.value import replace
from byline.errors import StatementError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum


Choice = TypeVar("Choice", bound="StrEnum")
Item = TypeVar("Item")


class Tables:
    """The owners and carried statements of one predicate, in the order in which its claims first name them."""

    def __init__(self) -> None:
        self._owners: dict[Owner, int] = {}
        self._carried: dict[Carried, int] = {}

    def owner(self, owner: Owner) -> int:
        """Return the place of `owner`; its earlier owner stands for itself."""
        return self._owners.setdefault(replace(owner, earlier=None), len(self._owners))

    def carried(self, carried: Carried) -> int:
        """Return the place of `carried`."""
        return self._carried.setdefault(carried, len(self._carried))

    def owners_to_json(self) -> list[Json]:
        """Return the table `owners`."""
        return [_owner_to_json(owner) for owner in self._owners]

    def carried_to_json(self) -> list[Json]:
        """Return the table `carried`."""
        return [{"statement": each.statement, "how": str(each.how)} for each in self._carried]


def parse_git_id(value: Json) -> str:
    """Return `value` if it is a git object id, SHA-1 or SHA-256, in hex.

    Raises:
        StatementError: It is not.
    """
    if not isinstance(value, str) or not is_git_id(value):
        raise StatementError("not a git object id")
    return value


def _owner_to_json(owner: Owner) -> Json:
    agent, tool = owner.agent, owner.tool
    return {
        "origin": str(owner.origin),
        "evidence": str(owner.evidence),
        "channel": str(owner.channel),
        "agent": {"name": agent.name, "version": agent.version, "model": agent.model} if agent else None,
        "session": owner.session,
        "principal": owner.principal,
        "tool": {"name": tool.name, "version": tool.version} if tool else None,
    }


def owner_from_json(value: Json) -> Owner:
    """Read a row of `owners`.

    Raises:
        MalformedError: It is not one.
    """
    members = take_members(value, "origin", "evidence", "channel", "agent", "session", "principal", "tool", what="an owner")
    agent = tool = None
    if members["agent"] is not None:
        raw = take_members(members["agent"], "name", "version", "model", what="an agent")
        agent = Agent(
            name=take_text(raw["name"], what="agent.name"),
            version=take_optional_text(raw["version"], what="agent.version"),
            model=take_optional_text(raw["model"], what="agent.model"),
        )
    if members["tool"] is not None:
        raw = take_members(members["tool"], "name", "version", what="a tool")
        tool = Tool(name=take_text(raw["name"], what="tool.name"), version=take_optional_text(raw["version"], what="tool.version"))
    return Owner(
        origin=_choice(Origin, members["origin"]),
        evidence=_choice(Evidence, members["evidence"]),
        channel=_choice(Channel, members["channel"]),
        agent=agent,
        tool=tool,
        session=take_optional_text(members["session"], what="owner.session"),
        principal=take_optional_text(members["principal"], what="owner.principal"),
    )


def carried_from_json(value: Json) -> Carried:
    """Read a row of `carried`.

    Raises:
        MalformedError: It is not one.
    """
    members = take_members(value, "statement", "how", what="a carried statement")
    return Carried(statement=parse_sha256(members["statement"]), how=_choice(Carry, members["how"]))


def _choice(kind: type[Choice], value: Json) -> Choice:
    try:
        return kind(str(value))
    except ValueError as error:
        raise StatementError(f"not a known {kind.__name__.lower()}") from error


def claim_to_json(claim: Claim, tables: Tables) -> dict[str, Json]:
    """Return the row of `claim` in `files`; whom and what it names is entered in `tables`."""

    def segment(each: Segment) -> list[Json]:
        if isinstance(each, Copied):
            return ["base", each.base, each.start + 1, each.count]
        owner = each.owner
        writers: list[Json] = [tables.owner(owner), *([tables.owner(owner.earlier)] if owner.earlier else [])]
        return ["new", writers, each.count, tables.carried(each.carried) if each.carried else None]

    return {
        **path_members(claim.path),
        "op": str(claim.op),
        "mode": claim.mode,
        "sha256": claim.sha256,
        "blob": claim.blob,
        "hand": tables.owner(claim.hand),
        "bases": [{"parent": b.parent, **path_members(b.path), "mode": b.mode, "sha256": b.sha256, "blob": b.blob} for b in claim.bases],
        "segs": [segment(each) for each in claim.segments],
        "hashes": format_base64(b"".join(each.hashes for each in claim.segments if isinstance(each, New))),
        "removed": [
            {"base": each.base, "start": each.lines.first, "count": len(each.lines), "hand": tables.owner(each.hand)}
            for each in claim.removed
        ],
    }


def _path_name(value: Json) -> str:
    return "pathBytes" if isinstance(value, dict) and "pathBytes" in value else "path"


def claim_from_json(value: Json, owners: Sequence[Owner], carried: Sequence[Carried], parents: int) -> Claim:
    """Read a row of `files` of a commit with `parents` parents.

    Raises:
        MalformedError: It is not one.
    """
    name = _path_name(value)
    members = take_members(value, name, "op", "mode", "sha256", "blob", "hand", "bases", "segs", "hashes", "removed", what="a file")
    op = _choice(Op, members["op"])
    bases = tuple(_base(each, parents) for each in take_list(members["bases"], what="bases"))
    if len({base.parent for base in bases}) != len(bases):
        raise StatementError("a parent has one base")
    segments = _segments(take_list(members["segs"], what="segs"), parse_base64(members["hashes"]), owners, carried, len(bases))
    removed = tuple(_removed(each, owners, len(bases)) for each in take_list(members["removed"], what="removed"))
    order = [(each.base, each.lines.start, each.lines.end) for each in removed]
    if any(two[0] < one[0] or (one[0] == two[0] and two[1] < one[2]) for one, two in pairwise(order)):
        raise StatementError("removed lines overlap, or are not in order")
    gone = op is Op.DELETE
    sides = [members[side] for side in ("mode", "sha256", "blob")]
    if any((side is None) != gone for side in sides) or (gone and segments) or (gone and not bases):
        raise StatementError("a deletion has no new side, and everything else has one")
    return Claim(
        path=parse_path(members.get("path"), members.get("pathBytes")),
        op=op,
        mode=None if gone else _mode(members["mode"]),
        sha256=None if gone else parse_sha256(members["sha256"]),
        blob=None if gone else parse_git_id(members["blob"]),
        hand=_pick(owners, members["hand"], "hand"),
        bases=bases,
        segments=segments,
        removed=removed,
    )


def _segments(rows: list[Json], hashes: bytes, owners: Sequence[Owner], carried: Sequence[Carried], bases: int) -> tuple[Segment, ...]:
    out: list[Segment] = []
    at = 0
    for row in rows:
        match row:
            case ["base", base, start, count]:
                number = take_count(base, what="a base")
                if number >= bases:
                    raise StatementError("a base that is not there")
                first = take_count(start, what="a start", least=1)
                out.append(Copied(base=number, start=first - 1, count=take_count(count, what="a count", least=1)))
            case ["new", writers, count, source]:
                size = take_count(count, what="a count", least=1) * HASH_BYTES
                which = None if source is None else _pick(carried, source, "from")
                out.append(New(owner=_writers(writers, owners), hashes=hashes[at : at + size], carried=which))
                at += size
            case _:
                raise StatementError("a segment is base or new")
    if at != len(hashes):
        raise StatementError("hashes has 16 bytes for each new line")
    return tuple(out)


def _writers(value: Json, owners: Sequence[Owner]) -> Owner:
    match value:
        case [only]:
            return _pick(owners, only, "owner")
        case [last, earlier]:
            return replace(_pick(owners, last, "owner"), earlier=_pick(owners, earlier, "owner"))
        case _:
            raise StatementError("new lines have one owner, or a last and an earlier one")


def _base(value: Json, parents: int) -> Base:
    name = _path_name(value)
    members = take_members(value, "parent", name, "mode", "sha256", "blob", what="a base")
    parent = take_count(members["parent"], what="base.parent")
    if parent >= parents:
        raise StatementError("a base of a parent that is not there")
    return Base(
        parent=parent,
        path=parse_path(members.get("path"), members.get("pathBytes")),
        mode=_mode(members["mode"]),
        sha256=parse_sha256(members["sha256"]),
        blob=parse_git_id(members["blob"]),
    )


def _mode(value: Json) -> str:
    if not isinstance(value, str) or value not in MODES:
        raise StatementError("a mode that git does not have")
    return value


def _removed(value: Json, owners: Sequence[Owner], bases: int) -> Removed:
    members = take_members(value, "base", "start", "count", "hand", what="a removal")
    base = take_count(members["base"], what="removed.base")
    if base >= bases:
        raise StatementError("a removal from a base that is not there")
    start = take_count(members["start"], what="removed.start", least=1) - 1
    count = take_count(members["count"], what="removed.count", least=1)
    return Removed(base=base, lines=LineRange(start, start + count), hand=_pick(owners, members["hand"], "hand"))


def _pick(items: Sequence[Item], value: Json, what: str) -> Item:
    index = take_count(value, what=what)
    if index >= len(items):
        raise StatementError(f"{what} names nothing")
    return items[index]

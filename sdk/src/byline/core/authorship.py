# SPDX-License-Identifier: Apache-2.0
"""The predicate `ai-authorship`: who wrote what one commit changed. docs/formats.md shows every member.

The first subject is the effect of the whole commit against its first parent (the empty tree for a root commit), then the file
versions that the part holds. Owners stand once in a table and are named by index; `[last, earlier]` is `mixed` text. Positions
are 1-based. `commit` is what the commit was when it was recorded: nobody relies on it, claims are about content.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from byline.core.attribution import Agent, Channel, Evidence, Origin, Owner, Tool
from byline.core.canonical import Json, format_base64, parse_base64
from byline.core.claim import Base, Carried, Carry, Claim, Copied, New, Op, Removed, Segment
from byline.core.effect import MODES, parse_path, parse_sha256, path_members
from byline.core.lines import HASH_BYTES, LineRange
from byline.core.statement import (
    PredicateType,
    Statement,
    Subject,
    format_statement,
    take_count,
    take_list,
    take_members,
    take_optional_text,
    take_text,
)
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum

DIFF = "byline-lines/1"
SALT_BYTES = 16
GIT_ID_LENGTHS = (40, 64)

Choice = TypeVar("Choice", bound="StrEnum")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as it was: its id, tree and parents (git ids, hex)."""

    id: str
    tree: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """The program that wrote the statement, and how far it was from the agent (`same-uid`, `other-uid`, `other-host`)."""

    name: str
    version: str
    channel: str
    isolation: str = "same-uid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The statement's place among those of one clone: `seq` from 1, `prev` the SHA-256 of the payload before (None: first)."""

    id: str
    seq: int
    prev: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """One authorship statement, or part `part` (from 1) of `parts`. `change` is the effect of the whole commit."""

    repository: str
    uri: str | None = None
    salt: bytes
    change: str
    commit: Commit
    recorder: Recorder
    chain: Link
    part: int = 1
    parts: int = 1
    claims: tuple[Claim, ...]


def format_authorship(authorship: Authorship) -> bytes:
    """Return the payload of `authorship`.

    Raises:
        StatementError: It does not fit one statement; split it into parts.
    """
    owners: dict[Owner, int] = {}
    carried: dict[Carried, int] = {}
    files: list[Json] = [_claim_to_json(claim, owners, carried) for claim in authorship.claims]
    commit, chain = authorship.commit, authorship.chain
    recorder = authorship.recorder
    predicate: dict[str, Json] = {
        "repository": {"id": authorship.repository, "uri": authorship.uri},
        "salt": format_base64(authorship.salt),
        "commit": {"id": commit.id, "tree": commit.tree, "parents": list(commit.parents)},
        "recorder": {
            "name": recorder.name,
            "version": recorder.version,
            "channel": recorder.channel,
            "isolation": recorder.isolation,
        },
        "chain": {"id": chain.id, "seq": chain.seq, "prev": chain.prev},
        "part": {"index": authorship.part, "count": authorship.parts},
        "diff": DIFF,
        "owners": [_owner_to_json(owner) for owner in owners],
        "files": files,
        "carried": [{"statement": each.statement, "how": str(each.how)} for each in carried],
    }
    versions = (Subject(name=_subject_name(claim.path), sha256=claim.sha256) for claim in authorship.claims if claim.sha256)
    return format_statement((Subject(name="change", sha256=authorship.change), *versions), PredicateType.AUTHORSHIP, predicate)


def parse_authorship(statement: Statement) -> Authorship:
    """Read the predicate of `statement`.

    Raises:
        StatementError: Another predicate type, or a predicate that is not exactly as docs/formats.md says.
    """
    if statement.predicate_type != PredicateType.AUTHORSHIP:
        raise StatementError("not an authorship statement")
    try:
        return _read(statement)
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(str(error)) from error


def _read(statement: Statement) -> Authorship:
    top = take_members(
        statement.predicate,
        *("repository", "salt", "commit", "recorder", "chain", "part", "diff", "owners", "files", "carried"),
        what="an authorship predicate",
    )
    if top["diff"] != DIFF:
        raise StatementError(f"the diff is {DIFF}")
    repository = take_members(top["repository"], "id", "uri", what="repository")
    commit = take_members(top["commit"], "id", "tree", "parents", what="commit")
    recorder = take_members(top["recorder"], "name", "version", "channel", "isolation", what="recorder")
    chain = take_members(top["chain"], "id", "seq", "prev", what="chain")
    part = take_members(top["part"], "index", "count", what="part")
    salt = parse_base64(top["salt"])
    if len(salt) != SALT_BYTES:
        raise StatementError(f"salt is {SALT_BYTES} bytes")
    parts = take_count(part["count"], what="part.count", least=1)
    index = take_count(part["index"], what="part.index", least=1)
    if index > parts:
        raise StatementError("part.index is at most part.count")
    owners = tuple(_owner(each) for each in take_list(top["owners"], what="owners"))
    carried = tuple(_carried(each) for each in take_list(top["carried"], what="carried"))
    parents = tuple(_git_id(each) for each in take_list(commit["parents"], what="commit.parents"))
    claims = tuple(_claim(each, owners, carried, len(parents)) for each in take_list(top["files"], what="files"))
    if len({claim.path for claim in claims}) != len(claims):
        raise StatementError("a path is claimed twice")
    return Authorship(
        repository=take_text(repository["id"], what="repository.id"),
        uri=take_optional_text(repository["uri"], what="repository.uri"),
        salt=salt,
        change=statement.change,
        commit=Commit(id=_git_id(commit["id"]), tree=_git_id(commit["tree"]), parents=parents),
        recorder=Recorder(**{name: take_text(recorder[name], what=f"recorder.{name}") for name in ("name", "version", "channel", "isolation")}),
        chain=Link(
            id=take_text(chain["id"], what="chain.id"),
            seq=take_count(chain["seq"], what="chain.seq", least=1),
            prev=None if chain["prev"] is None else parse_sha256(chain["prev"]),
        ),
        part=index,
        parts=parts,
        claims=claims,
    )


def _subject_name(path: bytes) -> str:
    members = path_members(path)
    return str(members.get("path", "_"))


def _owner_to_json(owner: Owner) -> Json:
    agent, tool = owner.agent, owner.tool
    return {
        "origin": str(owner.origin),
        "evidence": str(owner.evidence),
        "channel": str(owner.channel),
        "agent": agent and {"name": agent.name, "version": agent.version, "model": agent.model},
        "session": owner.session,
        "principal": owner.principal,
        "tool": tool and {"name": tool.name, "version": tool.version},
    }


def _owner(value: Json) -> Owner:
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


def _carried(value: Json) -> Carried:
    members = take_members(value, "statement", "how", what="a carried statement")
    return Carried(statement=parse_sha256(members["statement"]), how=_choice(Carry, members["how"]))


def _choice(kind: type[Choice], value: Any) -> Choice:
    try:
        return kind(value)
    except ValueError as error:
        raise StatementError(f"not a known {kind.__name__.lower()}") from error


def _git_id(value: Json) -> str:
    if not isinstance(value, str) or len(value) not in GIT_ID_LENGTHS or not set(value) <= set("0123456789abcdef"):
        raise StatementError("not a git object id")
    return value


def _claim_to_json(claim: Claim, owners: dict[Owner, int], carried: dict[Carried, int]) -> dict[str, Json]:
    def index(owner: Owner) -> int:
        return owners.setdefault(replace(owner, earlier=None), len(owners))

    def segment(each: Segment) -> list[Json]:
        if isinstance(each, Copied):
            return ["base", each.base, each.start + 1, each.count]
        writers = [index(each.owner)] + ([index(each.owner.earlier)] if each.owner.earlier else [])
        return ["new", list(writers), each.count, each.carried and carried.setdefault(each.carried, len(carried))]

    return {
        **path_members(claim.path),
        "op": str(claim.op),
        "mode": claim.mode,
        "sha256": claim.sha256,
        "blob": claim.blob,
        "hand": index(claim.hand),
        "bases": [{"parent": b.parent, **path_members(b.path), "mode": b.mode, "sha256": b.sha256, "blob": b.blob} for b in claim.bases],
        "segs": [segment(each) for each in claim.segments],
        "hashes": format_base64(b"".join(each.hashes for each in claim.segments if isinstance(each, New))),
        "removed": [
            {"base": each.base, "start": each.lines.first, "count": len(each.lines), "hand": index(each.hand)} for each in claim.removed
        ],
    }


def _path_name(value: Json) -> str:
    return "pathBytes" if isinstance(value, dict) and "pathBytes" in value else "path"


def _claim(value: Json, owners: Sequence[Owner], carried: Sequence[Carried], parents: int) -> Claim:
    name = _path_name(value)
    members = take_members(value, name, "op", "mode", "sha256", "blob", "hand", "bases", "segs", "hashes", "removed", what="a file")
    op = _choice(Op, members["op"])
    bases = tuple(_base(each, parents) for each in take_list(members["bases"], what="bases"))
    if len({base.parent for base in bases}) != len(bases):
        raise StatementError("a parent has one base")
    segments = _segments(take_list(members["segs"], what="segs"), parse_base64(members["hashes"]), owners, carried, len(bases))
    removed = tuple(_removed(each, owners, len(bases)) for each in take_list(members["removed"], what="removed"))
    order = [(each.base, each.lines.start, each.lines.end) for each in removed]
    if any(one[0] == two[0] and two[1] < one[2] or two[0] < one[0] for one, two in zip(order, order[1:], strict=False)):
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
        blob=None if gone else _git_id(members["blob"]),
        hand=_pick(owners, members["hand"], "hand"),
        bases=bases,
        segments=segments,
        removed=removed,
    )


def _segments(
    rows: list[Json], hashes: bytes, owners: Sequence[Owner], carried: Sequence[Carried], bases: int
) -> tuple[Segment, ...]:
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
        blob=_git_id(members["blob"]),
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


Item = TypeVar("Item")


def _pick(items: Sequence[Item], value: Json, what: str) -> Item:
    index = take_count(value, what=what)
    if index >= len(items):
        raise StatementError(f"{what} names nothing")
    return items[index]

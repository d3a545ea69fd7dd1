# SPDX-License-Identifier: Apache-2.0
"""The predicate `ai-authorship`: who wrote what one commit changed. docs/formats.md shows every member.

The first subject is the effect of the whole commit against its first parent (the empty tree for a root commit), then the file
versions that the part holds. Owners stand once in a table and are named by index; `[last, earlier]` is `mixed` text. Positions
are 1-based. `commit` is what the commit was when it was recorded: nobody relies on it, claims are about content.

An agent's key signs under a `Mandate`: `delegation` names the statement that lets it (`core.delegation`) and when it signed; it is null
for every other key. `spoken_for` are those in whose name a statement speaks: lines carried from another one are named, not spoken for.

Under `extensions` stands what came about in the clone since the statement before: in `refusals` what agents were not let do
(`core.refusal`), in `prompts` commitments to what they were asked for, in order (`core.prompt`).

A statement whose recorder has the channel `import` tells what another tool's record says. It may only tighten: of its claims only the
new lines that it gives to an agent count, whatever else stands in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import Channel
from byline.core.canonical import Json, format_base64, parse_base64
from byline.core.claim import New
from byline.core.effect import parse_sha256, path_members
from byline.core.moment import format_moment, parse_moment
from byline.core.recipe import Tables, carried_from_json, claim_from_json, claim_to_json, owner_from_json, parse_git_id
from byline.core.refusal import refusal_from_json, refusal_to_json
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
from byline.core.value import dataclass, replace
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from byline.core.attribution import Owner
    from byline.core.claim import Claim
    from byline.core.refusal import Refusal

DIFF = "byline-lines/1"
REFUSALS, PROMPTS = "refusals", "prompts"
SALT_BYTES = 16


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
class Mandate:
    """By which delegation (SHA-256 of its payload) an agent's key signs, and when it says that it does."""

    delegation: str
    signed_at: datetime


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
    mandate: Mandate | None = None
    refusals: tuple[Refusal, ...] = ()
    prompts: tuple[str, ...] = ()

    @property
    def is_imported(self) -> bool:
        """Whether it tells what another tool's record says."""
        return self.recorder.channel == Channel.IMPORT


def format_authorship(authorship: Authorship) -> bytes:
    """Return the payload of `authorship`.

    Raises:
        StatementError: It does not fit one statement; split it into parts.
    """
    tables = Tables()
    files: list[Json] = [claim_to_json(claim, tables) for claim in authorship.claims]
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
        "delegation": _mandate_to_json(authorship.mandate),
        "diff": DIFF,
        "owners": tables.owners_to_json(),
        "files": files,
        "carried": tables.carried_to_json(),
    }
    told: dict[str, Json] = {REFUSALS: [refusal_to_json(each) for each in authorship.refusals], PROMPTS: [*authorship.prompts]}
    extensions: dict[str, Json] = {name: rows for name, rows in told.items() if rows}
    if extensions:
        predicate["extensions"] = extensions
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
        *("repository", "salt", "commit", "recorder", "chain", "part", "delegation", "diff", "owners", "files", "carried"),
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
    owners = tuple(owner_from_json(each) for each in take_list(top["owners"], what="owners"))
    carried = tuple(carried_from_json(each) for each in take_list(top["carried"], what="carried"))
    parents = tuple(parse_git_id(each) for each in take_list(commit["parents"], what="commit.parents"))
    extensions = statement.predicate.get("extensions")
    claims = tuple(claim_from_json(each, owners, carried, len(parents)) for each in take_list(top["files"], what="files"))
    if len({claim.path for claim in claims}) != len(claims):
        raise StatementError("a path is claimed twice")
    return Authorship(
        repository=take_text(repository["id"], what="repository.id"),
        uri=take_optional_text(repository["uri"], what="repository.uri"),
        salt=salt,
        change=statement.change,
        commit=Commit(id=parse_git_id(commit["id"]), tree=parse_git_id(commit["tree"]), parents=parents),
        recorder=Recorder(**{name: take_text(text, what=f"recorder.{name}") for name, text in recorder.items()}),
        chain=Link(
            id=take_text(chain["id"], what="chain.id"),
            seq=take_count(chain["seq"], what="chain.seq", least=1),
            prev=None if chain["prev"] is None else parse_sha256(chain["prev"]),
        ),
        part=index,
        parts=parts,
        claims=claims,
        mandate=_mandate(top["delegation"]),
        refusals=tuple(refusal_from_json(each) for each in _extension(extensions, REFUSALS)),
        prompts=tuple(parse_sha256(each) for each in _extension(extensions, PROMPTS)),
    )


def spoken_for(authorship: Authorship) -> Iterator[Owner]:
    """Yield the owners and hands that `authorship` names anew: its signer speaks for them."""
    for claim in authorship.claims:
        new = [each for each in claim.segments if isinstance(each, New)]
        # The hand of the whole file is the strictest of its parts, a carried one perhaps: then it is named as that is.
        if claim.hand not in [replace(each.owner, earlier=None) for each in new if each.carried]:
            yield claim.hand
        yield from (each.hand for each in claim.removed)
        yield from (each.owner for each in new if each.carried is None)


def _extension(extensions: Json, name: str) -> list[Json]:
    """Return the list `name` of `extensions`, of which others may have their own."""
    found = extensions.get(name) if isinstance(extensions, dict) else None
    return [] if found is None else take_list(found, what=name)


def _mandate(value: Json) -> Mandate | None:
    if value is None:
        return None
    members = take_members(value, "statement", "signedAt", what="delegation")
    return Mandate(delegation=parse_sha256(members["statement"]), signed_at=parse_moment(members["signedAt"]))


def _mandate_to_json(mandate: Mandate | None) -> Json:
    return {"statement": mandate.delegation, "signedAt": format_moment(mandate.signed_at)} if mandate else None


def _subject_name(path: bytes) -> str:
    members = path_members(path)
    return str(members.get("path", "_"))

# SPDX-License-Identifier: Apache-2.0
"""The predicate `ai-authorship`: who wrote what one commit changed. docs/formats.md shows every member.

The first subject is the effect of the whole commit against its first parent (the empty tree for a root commit), then the file
versions that the part holds. Owners stand once in a table and are named by index; `[last, earlier]` is `mixed` text. Positions
are 1-based. `commit` is what the commit was when it was recorded: nobody relies on it, claims are about content.

A statement whose recorder has the channel `import` tells what another tool's record says. It may only tighten: of its claims only the
new lines that it gives to an agent count, whatever else stands in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import Channel
from byline.core.canonical import Json, format_base64, parse_base64
from byline.core.effect import parse_sha256, path_members
from byline.core.recipe import Tables, carried_from_json, claim_from_json, claim_to_json, owner_from_json, parse_git_id
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
from byline.core.value import dataclass
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from byline.core.claim import Claim

DIFF = "byline-lines/1"
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
        "diff": DIFF,
        "owners": tables.owners_to_json(),
        "files": files,
        "carried": tables.carried_to_json(),
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
    owners = tuple(owner_from_json(each) for each in take_list(top["owners"], what="owners"))
    carried = tuple(carried_from_json(each) for each in take_list(top["carried"], what="carried"))
    parents = tuple(parse_git_id(each) for each in take_list(commit["parents"], what="commit.parents"))
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
    )


def _subject_name(path: bytes) -> str:
    members = path_members(path)
    return str(members.get("path", "_"))

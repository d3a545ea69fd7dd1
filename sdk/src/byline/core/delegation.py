# SPDX-License-Identifier: Apache-2.0
"""The predicates `agent-delegation` and `delegation-revocation`: who lets an agent's key sign, for what, for how long.

    {"repository": {"id"}, "delegator": "p-ana", "agent": {"name", "models": ["provider/model", ...] | null}, "public": "<base64 key>",
     "paths": ["src/**", ...] | null, "issuedAt", "expiresAt"}
    {"repository": {"id"}, "delegation": "<sha256>", "key": "<sha256>", "revokedAt", "keepsUntil": <moment> | null}

The first subject of both, `change`, is the id of the agent's key, so that they are found by what that key signed. A person or a service
whose key has the use `authorship` delegates, for at most twelve hours; `models` and `paths` are null where any will do. The key signs
authorship statements only, each of which names the delegation and its own time (`core.authorship.Mandate`); `exceeds` says what of one
is outside the scope. A log gives no time to its entries, so the time is the key's own word. Nothing rests on it: what an agent's key
signs can tighten a verdict and never relax it. A revocation, by any key of trust, ends a delegation for all that was signed under it, or
for all but what was signed until the moment that it keeps, as the time does that is over.

>>> covers(b"src/app.py", ("src/**",)), covers(b"SRC/app.py", ("src/**",)), covers(b"infra/a.tf", ("src/**",))
(True, False, False)
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from byline.core.attribution import Origin, answers
from byline.core.authorship import spoken_for
from byline.core.canonical import format_base64, parse_base64
from byline.core.claim import Op
from byline.core.effect import parse_sha256
from byline.core.globs import is_exact_match
from byline.core.moment import SKEW, format_moment, parse_moment
from byline.core.publickey import parse_public_key
from byline.core.statement import PredicateType, Statement, Subject, format_statement, take_list, take_members, take_text
from byline.core.value import dataclass
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from byline.core.authorship import Authorship
    from byline.core.canonical import Json

LONGEST = timedelta(hours=12)
MOST = 256  # models or paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """`delegator` lets the key `public` (SPKI in DER) sign what `agent` writes below `paths`; None is any model, or any path."""

    repository: str
    delegator: str
    agent: str
    models: tuple[str, ...] | None = None
    public: bytes
    paths: tuple[str, ...] | None = None
    issued_at: datetime
    expires_at: datetime

    @property
    def key(self) -> str:
        """The id of the agent's key."""
        return hashlib.sha256(self.public).hexdigest()

    def is_current(self, at: datetime) -> bool:
        """Whether it holds at the moment `at`."""
        return self.issued_at - SKEW <= at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """The delegation whose statement is `delegation` (SHA-256 of its payload) to the key with the id `key` is over.

    What was signed under it until `keeps_until` holds as before; None keeps nothing.
    """

    repository: str
    delegation: str
    key: str
    revoked_at: datetime
    keeps_until: datetime | None = None


def covers(path: bytes, paths: Sequence[str] | None) -> bool:
    """Whether `path` is in scope: an allowing glob fits exactly what it says, and no other spelling of it."""
    return paths is None or any(is_exact_match(path, glob) for glob in paths)


def exceeds(delegation: Delegation, said: Authorship) -> Iterator[str]:
    """Yield what of the statement `said` is outside the scope of `delegation`, each in a few words."""
    if said.mandate is None:
        yield "it names no delegation"
    elif not delegation.is_current(said.mandate.signed_at):
        yield "it was not signed while the delegation held"
    if said.is_imported:
        yield "an agent's key imports nothing"
    for owner in dict.fromkeys(spoken_for(said)):
        if owner.origin is Origin.HUMAN:
            yield "an agent's key speaks for no person's text"
        if owner.agent and owner.agent.name != delegation.agent:
            yield f"it is about the agent {owner.agent.name}"
        elif owner.agent and delegation.models is not None and owner.agent.model not in delegation.models:
            yield f"it is about the model {owner.agent.model or 'that nobody named'}"
        if owner.principal not in (None, delegation.delegator):
            yield f"it speaks for {owner.principal}"
    for claim in said.claims:
        touched = [claim.path, *(base.path for base in claim.bases if claim.op is Op.RENAME)]
        if not all(covers(path, delegation.paths) for path in touched):
            yield "it is about files outside of the paths"
            return


def format_delegation(delegation: Delegation) -> bytes:
    """Return the payload of `delegation`.

    Raises:
        StatementError: It is none that a reader would take.
    """
    _check_whole(delegation)
    models, paths = delegation.models, delegation.paths
    predicate: dict[str, Json] = {
        "repository": {"id": delegation.repository},
        "delegator": delegation.delegator,
        "agent": {"name": delegation.agent, "models": None if models is None else [*models]},
        "public": format_base64(delegation.public),
        "paths": None if paths is None else [*paths],
        "issuedAt": format_moment(delegation.issued_at),
        "expiresAt": format_moment(delegation.expires_at),
    }
    return format_statement((Subject(name="change", sha256=delegation.key),), PredicateType.DELEGATION, predicate)


def parse_delegation(statement: Statement) -> Delegation:
    """Read the predicate of `statement`.

    Raises:
        StatementError: It is no delegation, or one that is too wide.
    """
    if statement.predicate_type != PredicateType.DELEGATION:
        raise StatementError("not a delegation")
    names = ("repository", "delegator", "agent", "public", "paths", "issuedAt", "expiresAt")
    members = take_members(statement.predicate, *names, what="a delegation")
    agent = take_members(members["agent"], "name", "models", what="agent")
    try:
        delegation = Delegation(
            repository=take_text(take_members(members["repository"], "id", what="repository")["id"], what="repository.id"),
            delegator=take_text(members["delegator"], what="delegator"),
            agent=take_text(agent["name"], what="agent.name"),
            models=_words(agent["models"], what="agent.models"),
            public=parse_base64(members["public"]),
            paths=_words(members["paths"], what="paths"),
            issued_at=parse_moment(members["issuedAt"]),
            expires_at=parse_moment(members["expiresAt"]),
        )
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(f"a delegation: {error}") from error
    _check_whole(delegation)
    if statement.change != delegation.key:
        raise StatementError("the subject of a delegation is the id of the agent's key")
    return delegation


def format_revocation(revocation: Revocation) -> bytes:
    """Return the payload of `revocation`.

    Raises:
        StatementError: It does not fit a statement.
    """
    predicate: dict[str, Json] = {
        "repository": {"id": revocation.repository},
        "delegation": revocation.delegation,
        "key": revocation.key,
        "revokedAt": format_moment(revocation.revoked_at),
        "keepsUntil": None if revocation.keeps_until is None else format_moment(revocation.keeps_until),
    }
    return format_statement((Subject(name="change", sha256=revocation.key),), PredicateType.REVOCATION, predicate)


def parse_revocation(statement: Statement) -> Revocation:
    """Read the predicate of `statement`.

    Raises:
        StatementError: It is no revocation.
    """
    if statement.predicate_type != PredicateType.REVOCATION:
        raise StatementError("not a revocation")
    members = take_members(statement.predicate, "repository", "delegation", "key", "revokedAt", "keepsUntil", what="a revocation")
    try:
        revocation = Revocation(
            repository=take_text(take_members(members["repository"], "id", what="repository")["id"], what="repository.id"),
            delegation=parse_sha256(members["delegation"]),
            key=parse_sha256(members["key"]),
            revoked_at=parse_moment(members["revokedAt"]),
            keeps_until=None if members["keepsUntil"] is None else parse_moment(members["keepsUntil"]),
        )
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(f"a revocation: {error}") from error
    if statement.change != revocation.key:
        raise StatementError("the subject of a revocation is the id of the agent's key")
    return revocation


def _words(value: Json, *, what: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    words = tuple(take_text(each, what=f"an element of {what}") for each in take_list(value, what=what))
    if not 0 < len(words) <= MOST or len(set(words)) != len(words):
        raise StatementError(f"{what} is null, or names 1 to {MOST} different ones")
    return words


def _check_whole(delegation: Delegation) -> None:
    if not answers(delegation.delegator):
        raise StatementError("a person or a service delegates")
    if not timedelta() < delegation.expires_at - delegation.issued_at <= LONGEST:
        raise StatementError("a delegation lasts at most twelve hours")
    try:
        parse_public_key(delegation.public)
    except MalformedError as error:
        raise StatementError(f"the key of a delegation: {error}") from error

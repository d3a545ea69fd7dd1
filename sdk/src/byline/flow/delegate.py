# SPDX-License-Identifier: Apache-2.0
"""delegate: somebody lets an agent's key sign what the agent writes, for a while; and takes it back.

    payload = delegation_payload(Scope(agent="claude-code", paths=("src/**",)), trust=trust, signer=own, public=agents, lasts=..., at=now)
    list_delegations(index, trust, at=now)              # -> (Standing(digest=..., delegation=..., state=State.REVOKED), ...)

Who delegates has a key of trust with the use `authorship`, so that an agent cannot delegate on: trust lists no agent's key that a
delegation made.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.attribution import answers
from byline.core.delegation import LONGEST, Delegation, Revocation, format_delegation, format_revocation
from byline.core.statement import PredicateType
from byline.core.trust import Use
from byline.core.value import dataclass
from byline.core.verified import VerifiedDelegation, VerifiedRevocation
from byline.errors import ConfigError, MalformedError, UnknownKeyError
from byline.verify import verify_bundles
from byline.verify.checks import read_predicate

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from byline.core.ports import Signer
    from byline.core.trust import Trust
    from byline.log.index import EvidenceIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the agent's key may sign: text of `agent`; None is any model, or any path."""

    agent: str
    models: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None


class State(StrEnum):
    """How a delegation stands."""

    CURRENT = "in force"
    REVOKED = "revoked"
    OVER = "over"  # its time is, or it was ended and what was signed until then holds
    UNPROVEN = "not proven"  # who signed it is not in trust, or may not delegate


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A delegation that the evidence has, proven or not."""

    digest: str
    delegation: Delegation
    state: State


def delegation_payload(scope: Scope, *, trust: Trust, signer: Signer, public: bytes, lasts: timedelta, at: datetime) -> bytes:
    """Return the statement with which the holder of `signer` lets the agent's key `public` sign from the moment `at` on.

    Raises:
        UnknownKeyError: Trust does not let them: no key of theirs, or not for authorship.
        ConfigError: It would last for no time, or longer than twelve hours.
        StatementError: The scope does not fit a statement.
    """
    who = trust.principal_of(signer.public, Use.AUTHORSHIP)
    if not answers(who.id):
        raise UnknownKeyError(f"{who.id} is an agent, and agents do not delegate", hint="a person does, or a service")
    if not 0 < lasts.total_seconds() <= LONGEST.total_seconds():
        raise ConfigError("a delegation lasts at most twelve hours", hint="--for 8h; a new one is made when it is over")
    start = at.replace(microsecond=0)
    return format_delegation(
        Delegation(
            repository=trust.repository,
            delegator=who.id,
            agent=scope.agent,
            models=scope.models,
            public=public,
            paths=scope.paths,
            issued_at=start,
            expires_at=start + lasts,
        )
    )


def revocation_payload(digest: str, *, key: str, trust: Trust, signer: Signer, at: datetime, keeps: bool = False) -> bytes:
    """Return the statement with which the holder of `signer`, whoever of trust they are, ends the delegation `digest` to the agent's `key`.

    With `keeps` what was signed until the moment `at` holds as before.

    Raises:
        UnknownKeyError: Trust does not know the key.
    """
    if trust.key(signer.public) is None:
        raise UnknownKeyError("trust does not know your key", hint="an owner adds it with byline trust add")
    return format_revocation(
        Revocation(repository=trust.repository, delegation=digest, key=key, revoked_at=at, keeps_until=at if keeps else None)
    )


def list_delegations(index: EvidenceIndex, trust: Trust, *, at: datetime) -> tuple[Standing, ...]:
    """Return every delegation of `index` and how it stands at the moment `at`, the newest first.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    facts = [*index.facts(kind=PredicateType.DELEGATION), *index.facts(kind=PredicateType.REVOCATION)]
    bundles = [stored.bundle for stored in index.open(facts)]
    found = verify_bundles(bundles, trust=trust, at=at).facts
    proven = {fact.digest for fact in found if isinstance(fact, VerifiedDelegation)}
    revocations = [fact.revocation for fact in found if isinstance(fact, VerifiedRevocation)]
    ended = {each.delegation for each in revocations}
    revoked = {each.delegation for each in revocations if each.keeps_until is None}
    out: dict[str, Standing] = {}
    for bundle in bundles:
        try:
            digest, said = read_predicate(bundle.envelope.payload)
        except MalformedError:
            continue
        if isinstance(said, Delegation):
            holds = State.CURRENT if said.is_current(at) and digest not in ended else State.OVER
            state = State.REVOKED if digest in revoked else holds
            out[digest] = Standing(digest=digest, delegation=said, state=state if digest in proven else State.UNPROVEN)
    return tuple(sorted(out.values(), key=lambda each: (each.delegation.issued_at, each.digest), reverse=True))

# SPDX-License-Identifier: Apache-2.0
"""delegate: somebody lets an agent's key sign what the agent writes, for a while; and takes it back.

    payload = delegation_payload(Scope(agent="claude-code", paths=("src/**",)), trust=trust, signer=own, public=agents, lasts=..., at=now)
    current_delegations(index, trust, at=now)           # -> (VerifiedDelegation(...), ...)

Who delegates has a key of trust with the use `authorship`, so that an agent cannot delegate on: trust lists no agent's key that a
delegation made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import answers
from byline.core.delegation import LONGEST, Delegation, Revocation, format_delegation, format_revocation
from byline.core.statement import PredicateType
from byline.core.trust import Use
from byline.core.value import dataclass
from byline.errors import ConfigError, UnknownKeyError
from byline.verify import verify_bundles

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from byline.core.ports import Signer
    from byline.core.trust import Trust
    from byline.core.verified import VerifiedDelegation
    from byline.log.index import EvidenceIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the agent's key may sign: text of `agent`; None is any model, or any path."""

    agent: str
    models: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None


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


def revocation_payload(fact: VerifiedDelegation, *, trust: Trust, signer: Signer, at: datetime) -> bytes:
    """Return the statement with which the holder of `signer`, whoever of trust they are, ends the delegation `fact`.

    Raises:
        UnknownKeyError: Trust does not know the key.
    """
    if trust.key(signer.public) is None:
        raise UnknownKeyError("trust does not know your key", hint="an owner adds it with byline trust add")
    ended = Revocation(repository=trust.repository, delegation=fact.digest, key=fact.delegation.key, revoked_at=at)
    return format_revocation(ended)


def current_delegations(index: EvidenceIndex, trust: Trust, *, at: datetime) -> tuple[VerifiedDelegation, ...]:
    """Return the delegations of `index` that are in force at the moment `at`: proven, not over, not revoked.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    facts = [*index.facts(kind=PredicateType.DELEGATION), *index.facts(kind=PredicateType.REVOCATION)]
    proven = verify_bundles((stored.bundle for stored in index.open(facts)), trust=trust, at=at)
    return tuple(fact for fact in proven.delegations if fact.delegation.is_current(at))

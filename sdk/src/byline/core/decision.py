# SPDX-License-Identifier: Apache-2.0
"""The predicate `gate-decision`: what a gate decided, about what, from what.

    {"repository": {"id"}, "verdict": "allow" | "deny" | "pending", "base", "candidate", "target", "environment",
     "effect", "trust": {"version", "sha256"}, "policy": {"version", "sha256"}, "inputs", "tier", "decidedAt"}

`base` and `candidate` are git commit ids; nobody relies on them, `effect` (the first subject) is what was judged. `inputs` is the
SHA-256 of the RFC 8785 JSON of the sorted payload hashes of every statement that the gate read. `tier` is the lowest custody of a
key used (`A0`: a file that programs of the same user can read). `environment` is null where the gate has none.

>>> inputs_digest([])[:8]
'4f53cda1'
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.canonical import Json, format_canonical
from byline.core.effect import parse_sha256
from byline.core.moment import format_moment, parse_moment
from byline.core.recipe import parse_git_id
from byline.core.statement import (
    PredicateType,
    Statement,
    Subject,
    format_statement,
    take_count,
    take_members,
    take_optional_text,
    take_text,
)
from byline.core.value import dataclass
from byline.core.verdict import Outcome
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision of a gate."""

    repository: str
    outcome: Outcome
    base: str
    candidate: str
    target: str
    environment: str | None
    effect: str
    trust_version: int
    trust_sha256: str
    policy_version: int
    policy_sha256: str
    inputs: str
    tier: str
    decided_at: datetime


def inputs_digest(digests: Iterable[str]) -> str:
    """Return the digest of a set of payload hashes (hex)."""
    return hashlib.sha256(format_canonical(sorted(set(digests)))).hexdigest()


def format_decision(decision: Decision) -> bytes:
    """Return the payload of `decision`.

    Raises:
        StatementError: It does not fit a statement.
    """
    predicate: dict[str, Json] = {
        "repository": {"id": decision.repository},
        "verdict": str(decision.outcome),
        "base": decision.base,
        "candidate": decision.candidate,
        "target": decision.target,
        "environment": decision.environment,
        "effect": decision.effect,
        "trust": {"version": decision.trust_version, "sha256": decision.trust_sha256},
        "policy": {"version": decision.policy_version, "sha256": decision.policy_sha256},
        "inputs": decision.inputs,
        "tier": decision.tier,
        "decidedAt": format_moment(decision.decided_at),
    }
    return format_statement((Subject(name="change", sha256=decision.effect),), PredicateType.DECISION, predicate)


def parse_decision(statement: Statement) -> Decision:
    """Read the predicate of `statement`.

    Raises:
        StatementError: Another predicate type, or a predicate that is not exactly as above.
    """
    if statement.predicate_type != PredicateType.DECISION:
        raise StatementError("not a gate decision")
    try:
        decision = _read(statement)
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(str(error)) from error
    if statement.change != decision.effect:
        raise StatementError("a decision's first subject is the effect that was judged")
    return decision


def _read(statement: Statement) -> Decision:
    top = take_members(
        statement.predicate,
        *("repository", "verdict", "base", "candidate", "target", "environment", "effect", "trust", "policy", "inputs", "tier"),
        "decidedAt",
        what="a gate decision",
    )
    trust = take_members(top["trust"], "version", "sha256", what="trust")
    policy = take_members(top["policy"], "version", "sha256", what="policy")
    if top["verdict"] not in list(Outcome):
        raise StatementError("verdict is allow, deny or pending")
    return Decision(
        repository=take_text(take_members(top["repository"], "id", what="repository")["id"], what="repository.id"),
        outcome=Outcome(top["verdict"]),
        base=parse_git_id(top["base"]),
        candidate=parse_git_id(top["candidate"]),
        target=take_text(top["target"], what="target"),
        environment=take_optional_text(top["environment"], what="environment"),
        effect=parse_sha256(top["effect"]),
        trust_version=take_count(trust["version"], what="trust.version", least=1),
        trust_sha256=parse_sha256(trust["sha256"]),
        policy_version=take_count(policy["version"], what="policy.version", least=1),
        policy_sha256=parse_sha256(policy["sha256"]),
        inputs=parse_sha256(top["inputs"]),
        tier=take_text(top["tier"], what="tier"),
        decided_at=parse_moment(top["decidedAt"]),
    )

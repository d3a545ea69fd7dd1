# SPDX-License-Identifier: Apache-2.0
"""Which of the statements behind an attribution are proven under the trust that a reader has.

    proofs = prove_statements(index, {byline.statement for byline in resolved.bylines}, trust=workshop.trust, at=now)
    verified = {digest for digest, proof in proofs.items() if proof.verified}       # what `core.report` asks for

A statement counts as proven when one bundle of it passes every check of the verify room. What the checks said is kept in the
index, under the bytes of trust and of the bundles, so that asking again costs no signature check and no import of cryptography;
time is looked at each time, for an expired trust proves nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from byline.core.trust import Trust
    from byline.log.index import EvidenceIndex, Fact
    from byline.verify.checks import Predicate

KEPT = b"byline.proof/5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How a statement stands: `verified`, by which principal and how strongly (`signed`, `logged`); or the `problem`.

    `delegation` is the one within which an agent's key signed for that principal, `refused` how many calls of agents it says were stopped.
    """

    verified: bool
    signer: str | None = None
    strength: str | None = None
    problem: str | None = None
    delegation: str | None = None
    refused: int = 0


def prove_statements(index: EvidenceIndex, statements: Iterable[str | None], *, trust: Trust | None, at: datetime) -> dict[str, Proof]:
    """Return how each of `statements` (digests; None is passed over) stands under `trust` at the moment `at`.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    asked = sorted({digest for digest in statements if digest is not None})
    if trust is None:
        return dict.fromkeys(asked, Proof(verified=False, problem="there is no trust here to check it with"))
    try:
        trust.check_current(at)
    except StaleError as error:
        return dict.fromkeys(asked, Proof(verified=False, problem=str(error)))
    known = {key.id for key in trust.keys}
    facts = {digest: index.facts(statement=digest) for digest in asked}
    lets = {digest: index.delegations(fact.key for fact in facts[digest] if fact.key not in known) for digest in asked}
    keys = {digest: _key(trust, digest, (*facts[digest], *lets[digest])) for digest in asked}
    proofs = {digest: Proof(**json.loads(kept)) for digest in asked if (kept := index.kept(keys[digest])) is not None}
    left = [digest for digest in asked if digest not in proofs]
    new = _check(index, {digest: (*facts[digest], *lets[digest]) for digest in left}, trust, at) if left else {}
    index.keep({keys[digest]: json.dumps(asdict(proof)).encode() for digest, proof in new.items()})
    return proofs | new


def _key(trust: Trust, digest: str, facts: Sequence[Fact]) -> bytes:
    names = " ".join(sorted(fact.blob for fact in facts))
    return hashlib.sha256(b"\0".join((KEPT, trust.sha256.encode(), digest.encode(), names.encode()))).digest()


def _check(index: EvidenceIndex, facts: Mapping[str, Sequence[Fact]], trust: Trust, at: datetime) -> dict[str, Proof]:
    from byline.core.verified import VerifiedAuthorship
    from byline.verify import verify_bundles
    from byline.verify.checks import read_predicate

    def read(payload: bytes) -> tuple[str, Predicate]:
        # Whoever asks has mostly just read these very bytes: the index gives only what it has strictly read from a payload of this digest.
        digest = hashlib.sha256(payload).hexdigest()
        known = index.statement(digest)
        return (digest, known) if known else read_predicate(payload)

    stored = index.open([fact for each in facts.values() for fact in each])
    found = verify_bundles((each.bundle for each in stored), trust=trust, at=at, read=read)
    proofs = dict.fromkeys(facts, Proof(verified=False, problem="its bundle is not here"))
    proofs |= {failure.digest: Proof(verified=False, problem=failure.message) for failure in found.failures if failure.digest in facts}
    for fact in sorted(found.facts, key=lambda fact: fact.strength.rank):
        said = fact if isinstance(fact, VerifiedAuthorship) else None
        if fact.digest in facts and (said is None or said.is_full or said.delegation):
            proofs[fact.digest] = Proof(
                verified=True,
                signer=fact.principal,
                strength=str(fact.strength),
                delegation=said.delegation if said else None,
                refused=len(said.authorship.refusals) if said else 0,
            )
    return proofs

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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byline.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from byline.core.trust import Trust
    from byline.log.index import EvidenceIndex, Fact

KEPT = b"byline.proof/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How a statement stands: `verified`, by which principal and how strongly (`signed`, `logged`); or the `problem`."""

    verified: bool
    signer: str | None = None
    strength: str | None = None
    problem: str | None = None


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
    return {digest: _prove(index, digest, trust, at) for digest in asked}


def _prove(index: EvidenceIndex, digest: str, trust: Trust, at: datetime) -> Proof:
    facts = index.facts(statement=digest)
    names = " ".join(sorted(fact.blob for fact in facts))
    key = hashlib.sha256(b"\0".join((KEPT, trust.sha256.encode(), digest.encode(), names.encode()))).digest()
    kept = index.cached(key)
    if kept is not None:
        verified, signer, strength, problem = json.loads(kept)
        return Proof(verified=verified, signer=signer, strength=strength, problem=problem)
    proof = _check(index, facts, trust, at)
    index.keep(key, json.dumps([proof.verified, proof.signer, proof.strength, proof.problem]).encode())
    return proof


def _check(index: EvidenceIndex, facts: Sequence[Fact], trust: Trust, at: datetime) -> Proof:
    from byline.errors import MalformedError, VerificationError
    from byline.verify import verify_bundle

    best: Proof | None = None
    problem = "its bundle is not here"
    for stored in index.open(facts):
        try:
            fact = verify_bundle(stored.bundle, trust=trust, at=at)
        except (MalformedError, VerificationError) as error:
            problem = str(error)
            continue
        if best is None or best.strength == "signed":
            best = Proof(verified=True, signer=fact.principal, strength=str(fact.strength))
    return best or Proof(verified=False, problem=problem)

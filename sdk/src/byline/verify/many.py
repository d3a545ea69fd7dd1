# SPDX-License-Identifier: Apache-2.0
"""One bundle, or many: facts, and what became of the rest.

The checks and their numbers are those of `verify.checks`. Of many bundles, each fact counts once: a fact is a payload and who
signed it, whatever its envelope, receipt or file name; the strongest form of it is kept. Order and duplicates change nothing.
A receipt that fails its checks is reported and counts for nothing, and so against nothing: whoever may send evidence could put it
there, and anybody could take it away again. A person's approval under keys of different uses, or that show more and less of the
person, is one fact for each: a second signature takes away nothing that the first allows. What a key signed that trust does not list comes
last, when it is known for whom agents' keys sign (`verify.delegated`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from byline.core.value import dataclass, replace
from byline.core.verified import (
    Verified,
    VerifiedApproval,
    VerifiedAuthorship,
    VerifiedDecision,
    VerifiedDelegation,
    VerifiedIndex,
    VerifiedRevocation,
    VerifiedTombstone,
)
from byline.errors import MalformedError, VerificationError
from byline.verify.checks import Checker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.trust import Trust
    from byline.verify.checks import Read, Signed

Fact = TypeVar("Fact", bound=Verified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A bundle that failed a check: its statement's digest, the error's stable code, and what it said."""

    digest: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What many bundles prove, sorted, and which failed. An authorship that is not full stands in both."""

    facts: tuple[Verified, ...]
    failures: tuple[Failure, ...]

    @property
    def authorships(self) -> tuple[VerifiedAuthorship, ...]:
        """The claims."""
        return _of(VerifiedAuthorship, self.facts)

    @property
    def approvals(self) -> tuple[VerifiedApproval, ...]:
        """The approvals."""
        return _of(VerifiedApproval, self.facts)

    @property
    def decisions(self) -> tuple[VerifiedDecision, ...]:
        """The decisions of gates."""
        return _of(VerifiedDecision, self.facts)

    @property
    def delegations(self) -> tuple[VerifiedDelegation, ...]:
        """What agents' keys may sign; those that were revoked are not among them."""
        over = {fact.revocation.delegation for fact in _of(VerifiedRevocation, self.facts)}
        return tuple(fact for fact in _of(VerifiedDelegation, self.facts) if fact.digest not in over)

    @property
    def tombstones(self) -> tuple[VerifiedTombstone, ...]:
        """What people want erased."""
        return _of(VerifiedTombstone, self.facts)


def verify_bundle(bundle: Bundle, *, trust: Trust, at: datetime, index: VerifiedIndex | None = None) -> Verified:
    """Return what `bundle` proves under `trust` at the moment `at`, every check made; `index` is what its log's index has.

    Raises:
        MalformedError: It is not what it claims to be.
        VerificationError: A check failed; the class and the code say which.
    """
    checker = Checker(trust, at, index=index)
    return checker.prove(bundle, checker.open_signed(bundle))


def verify_bundles(
    bundles: Iterable[Bundle], *, trust: Trust, at: datetime, read: Read | None = None, index: VerifiedIndex | None = None
) -> Verification:
    """Return what `bundles` prove under `trust` at the moment `at`; a failure among them is reported, not raised.

    `read` is `read_predicate`, or the same with a memory of what it read; `index` is what the index of a log was shown to have.
    """
    checker = Checker(trust, at, read, index)
    facts: dict[tuple[str, ...], Verified] = {}
    failures: set[tuple[str, str, str]] = set()
    of_others: list[Bundle] = []

    def take(bundle: Bundle, found: Iterable[Verified], error: MalformedError | VerificationError | None) -> None:
        for fact in found:
            who = (fact.digest, fact.principal, *((*fact.uses, fact.presence) if isinstance(fact, VerifiedApproval) else ()))
            facts[who] = _stronger(facts.get(who), fact)
        if error is not None:
            failures.add((bundle.envelope.digest, error.code, str(error)))

    for bundle in bundles:
        if checker.knows(bundle.key_hint):
            fact, error = _try(checker, bundle)
            take(bundle, (fact,) if fact else (), error)
        else:
            of_others.append(bundle)
    for known in facts.values():
        checker.learn(known)
    for bundle in of_others:
        take(bundle, *checker.prove_delegated(bundle))
    return Verification(
        facts=tuple(facts[who] for who in sorted(facts)),
        failures=tuple(Failure(digest=digest, code=code, message=message) for digest, code, message in sorted(failures)),
    )


def _try(checker: Checker, bundle: Bundle) -> tuple[Verified | None, MalformedError | VerificationError | None]:
    try:
        signed = checker.open_signed(bundle)
    except (MalformedError, VerificationError) as error:
        return None, error
    try:
        return checker.prove(bundle, signed), None
    except (MalformedError, VerificationError) as error:
        return _without_receipt(checker, bundle, signed) or checker.tighten(signed), error


def _without_receipt(checker: Checker, bundle: Bundle, signed: Signed) -> Verified | None:
    try:
        return checker.prove(replace(bundle, receipt=None), signed) if bundle.receipt else None
    except (MalformedError, VerificationError):
        return None


def _stronger(one: Verified | None, two: Verified) -> Verified:
    def rank(fact: Verified) -> tuple[bool, bool, int, str]:
        is_full = not isinstance(fact, VerifiedAuthorship | VerifiedTombstone) or fact.is_full
        return is_full, isinstance(fact, VerifiedAuthorship) and fact.delegation is not None, fact.strength.rank, fact.key

    return two if one is None or rank(two) > rank(one) else one


def _of(kind: type[Fact], facts: Iterable[Verified]) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if isinstance(fact, kind))

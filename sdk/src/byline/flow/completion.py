# SPDX-License-Identifier: Apache-2.0
"""Ask a log's index for all that it has about a change, and bring here what is missing.

    completion = complete(evidence, landing, ledger, trust=trust, at=now, max_age=...)
    verify_bundles([*evidence.here(landing, at=now), *completion.bundles], ..., index=completion.index)

What the evidence of this clone leads to is asked for at once, so that mostly one answer is enough; what the log has besides is
fetched, kept with the evidence and followed in turn (`verify.completeness`). So a judgement rests on what the log has, and not on what
somebody chose to show. Also asked for is every statement that has a receipt of the log: without being in the index it is not logged.
What the log does not hand over either stays withheld.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.effect import effect_digest
from byline.core.index_keys import subject_key
from byline.core.sealed_index import MAX_KEYS
from byline.core.value import dataclass
from byline.core.verified import VerifiedApproval, VerifiedAuthorship, VerifiedDecision
from byline.verify import verify_bundles
from byline.verify.completeness import EntryReader, conclude, open_index, trace_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, timedelta

    from byline.core.bundle import Bundle
    from byline.core.ports import IndexedLedger
    from byline.core.trust import Trust
    from byline.core.verified import Verified, VerifiedCompleteness, VerifiedIndex
    from byline.flow.gathering import Evidence
    from byline.flow.landing import Landing
    from byline.verify.completeness import Traced


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the index was shown to have, whether all of it is here, and the `bundles` that the log alone had."""

    index: VerifiedIndex
    completeness: VerifiedCompleteness
    bundles: tuple[Bundle, ...]


def complete(evidence: Evidence, landing: Landing, ledger: IndexedLedger, *, trust: Trust, at: datetime, max_age: timedelta) -> Completion:
    """Ask `ledger` about `landing` at the moment `at`; its answers are at most `max_age` old.

    Raises:
        VerificationError: The log does not prove what it answers.
        MalformedError: Its answers are not what they should be.
        RepositoryError: Git cannot read the evidence, or not keep what is fetched.
        LedgerError: The log does not answer.
    """
    entries, keys = EntryReader(trust), {key.id for key in trust.keys}
    # Approvals only help, so that nothing need prove that these are all.
    fetched = list(ledger.find(effect_digest(file.transition for file in landing.files)))
    evidence.keep(bundle for bundle in fetched if bundle.key_hint in keys)
    tried: set[int] = set()
    index = ask_index(ledger, (), trust=trust, at=at, max_age=max_age)
    while True:
        bundles = [*evidence.here(landing, at=at), *fetched]
        shown = {entry: bundle.envelope.digest for bundle in bundles if (entry := entries.entry(bundle)) is not None}
        facts = verify_bundles(bundles, trust=trust, at=at, read=evidence.read).facts
        traced = _trace(evidence, landing, trust, index, facts, shown, entries)
        wanted = traced.wanted | _subjects(trust, facts, {shown[entry] for entry in shown.keys() - index.entries}) - index.found.keys()
        if wanted:
            index = ask_index(ledger, wanted, trust=trust, at=at, max_age=max_age, before=index)
            continue
        missing = {entry for found in (traced.withheld, traced.unread) for hidden in found.values() for entry in hidden} - tried
        got = ledger.fetch(sorted(missing)) if missing else ()
        if not got:
            return Completion(index=index, completeness=conclude(index, traced), bundles=tuple(fetched))
        tried |= missing
        fetched += got
        evidence.keep(bundle for bundle in got if bundle.key_hint in keys)


def ask_index(
    ledger: IndexedLedger, keys: Collection[bytes], *, trust: Trust, at: datetime, max_age: timedelta, before: VerifiedIndex | None = None
) -> VerifiedIndex:
    """Return what the index of `ledger` has under `keys`, with what was shown `before`.

    Raises:
        VerificationError: The log does not prove what it answers.
        MalformedError: Its answer is not what it should be.
        LedgerError: The log does not answer.
    """
    asked = sorted(keys)
    for start in range(0, max(1, len(asked)), MAX_KEYS):
        some = asked[start : start + MAX_KEYS]
        before = open_index(ledger.prove_index(some), some, trust=trust, at=at, max_age=max_age, before=before)
    assert before is not None  # noqa: S101 - the loop runs once at least
    return before


def subject_of(fact: Verified) -> str | None:
    """Return the first subject of the statement behind `fact`."""
    match fact:
        case VerifiedAuthorship():
            return fact.authorship.change
        case VerifiedApproval():
            return fact.approval.digest
        case VerifiedDecision():
            return fact.decision.effect
        case _:
            return None


def _trace(
    evidence: Evidence,
    landing: Landing,
    trust: Trust,
    index: VerifiedIndex,
    facts: Iterable[Verified],
    shown: dict[int, str],
    entries: EntryReader,
) -> Traced:
    moves = [file.transition for file in landing.files]
    known = [fact.authorship for fact in facts if isinstance(fact, VerifiedAuthorship)]
    traced = trace_index(moves, trust.repository, told=index.found, shown=shown.keys(), known=known)
    if not traced.unread:
        return traced
    history = {entry for bundle in evidence.history(traced.unread) if (entry := entries.entry(bundle)) is not None}
    return trace_index(moves, trust.repository, told=index.found, shown=shown.keys() | history, known=known)


def _subjects(trust: Trust, facts: Iterable[Verified], digests: Collection[str]) -> set[bytes]:
    """Return the keys under which the index has the statements `digests`, if it has them."""
    subjects = {subject_of(fact) for fact in facts if fact.digest in digests} - {None}
    return {subject_key(trust.repository, str(subject)) for subject in subjects}

# SPDX-License-Identifier: Apache-2.0
"""Ask a log's index for all that it has about a change, and bring here what is missing.

    completion = complete(evidence, landing, ledger, trust=trust, at=now, max_age=...)
    verify_bundles([*evidence.here(landing, at=now), *completion.bundles], ..., index=completion.index)

What the evidence of this clone leads to is asked for at once, so that mostly one answer is enough; what the log has besides is
fetched, kept with the evidence and followed in turn (`verify.completeness`). So a judgement rests on what the log has, and not on what
somebody chose to show. Also asked for is every statement that has a receipt of the log: without being in the index it is not logged.
All answers have to be of the history that the log shows everybody, and that its witnesses cosigned where they are asked for.
Receipts that were given before witnesses came by are renewed.
What the log does not hand over either stays withheld, unless the same index has tombstones of enough people for it.
Of a key that trust does not list the index is asked whether it is an agent's: then the delegation is fetched, too, or what the key
signed counts as withheld.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.effect import effect_digest
from byline.core.index_keys import entry_key, subject_key
from byline.core.sealed_index import MAX_KEYS
from byline.core.tombstone import erased_entries
from byline.core.value import dataclass, replace
from byline.core.verified import Strength, VerifiedApproval, VerifiedAuthorship, VerifiedDecision, VerifiedTombstone
from byline.flow.witnessed import await_index
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


def complete(
    evidence: Evidence, landing: Landing, ledger: IndexedLedger, *, trust: Trust, at: datetime, max_age: timedelta, strength: Strength
) -> Completion:
    """Ask `ledger` about `landing` at the moment `at`; its answers are at most `max_age` old, and as strong as `strength`.

    Raises:
        VerificationError: The log does not prove what it answers, or not as strongly.
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
        lets = tuple(evidence.delegations({each.key_hint for each in fetched} - keys))
        bundles = [*evidence.here(landing, at=at), *fetched, *lets]
        shown = {entry: bundle.envelope.digest for bundle in bundles if (entry := entries.entry(bundle)) is not None}
        facts = verify_bundles(bundles, trust=trust, at=at, read=evidence.read, index=index).facts
        agents = {subject_key(trust.repository, each.key_hint) for each in bundles if each.key_hint not in keys}
        hidden = {entry for key in agents for entry in index.found.get(key, ())} - shown.keys()
        traced = _hide(_trace(evidence, landing, trust, index, facts, shown, entries), landing, hidden, _erased(index, facts))
        withheld = {entry for hidden in traced.withheld.values() for entry in hidden}
        graves = {entry_key(trust.repository, index.origin, entry) for entry in withheld & tried}
        wanted = traced.wanted | graves | agents | _subjects(trust, facts, {shown[entry] for entry in shown.keys() - index.entries})
        if wanted := wanted - index.found.keys():
            index = ask_index(ledger, wanted, trust=trust, at=at, max_age=max_age, before=index)
            continue
        about = {entry for key in graves for entry in index.found[key]}
        missing = withheld.union(about, *traced.unread.values()) - shown.keys() - tried
        if not missing:
            index = await_index(index, strength, ledger, trust=trust, at=at)
            # A receipt is as strong as its log was when it gave it: what was logged before witnesses came by is asked for again.
            weak = {fact.digest for fact in facts if strength is Strength.WITNESSED and fact.strength is not strength}
            renewed = ledger.fetch(sorted(entry for entry, digest in shown.items() if digest in weak)) if weak else ()
            evidence.keep(renewed)
            fetched += renewed
            return Completion(index=index, completeness=conclude(index, traced), bundles=(*fetched, *lets))
        got = ledger.fetch(sorted(missing))
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
    erased = _erased(index, facts)
    traced = trace_index(moves, trust.repository, told=index.found, shown=shown.keys(), known=known, erased=erased)
    if not traced.unread:
        return traced
    history = {entry for bundle in evidence.history(traced.unread) if (entry := entries.entry(bundle)) is not None}
    return trace_index(moves, trust.repository, told=index.found, shown=shown.keys() | history, known=known, erased=erased)


def _hide(traced: Traced, landing: Landing, hidden: set[int], erased: set[int]) -> Traced:
    """Return `traced` with the `hidden` entries about agents' keys: what those keys said of any path counts as not shown."""
    paths = frozenset(each.transition.path for each in landing.files)
    if left := hidden - erased:
        withheld = {path: tuple(sorted(left.union(traced.withheld.get(path, ())))) for path in paths}
        traced = replace(traced, withheld={**traced.withheld, **withheld})
    return replace(traced, erased=traced.erased | paths) if hidden & erased else traced


def _erased(index: VerifiedIndex, facts: Iterable[Verified]) -> set[int]:
    """Return the entries that people's tombstones name which the log of `index` has too."""
    wishes = (fact for fact in facts if isinstance(fact, VerifiedTombstone) and fact.is_full and fact.strength is not Strength.SIGNED)
    named = erased_entries((fact.principal, fact.tombstone) for fact in wishes)
    return {entry.index for entry in named if entry.origin == index.origin}


def _subjects(trust: Trust, facts: Iterable[Verified], digests: Collection[str]) -> set[bytes]:
    """Return the keys under which the index has the statements `digests`, if it has them."""
    subjects = {subject_of(fact) for fact in facts if fact.digest in digests} - {None}
    return {subject_key(trust.repository, str(subject)) for subject in subjects}

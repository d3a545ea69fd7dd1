# SPDX-License-Identifier: Apache-2.0
"""Erasure in a clone: people sign tombstones, and what enough of them want gone leaves the evidence, for good.

    want_erased(repo, index, digest, reason=Reason.SECRET, by=Eraser(key, trust), ledger=ledger, at=now)      # one person
    take_erasures(repo, index, trust, at=now)                                                               # once two signed

A tombstone travels as every other statement does. Whoever unites evidence looks at the tombstones first: those of different people
whose keys trust lists with the use `erasure` take the statement out of this clone's evidence, and no union brings it back
(`log.erased`). The objects themselves go when git collects what no ref reaches, here and at the remote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from byline.core.bundle import join_receipt
from byline.core.statement import PredicateType, parse_statement
from byline.core.tombstone import LogEntry, Tombstone, erased_statements, format_tombstone
from byline.core.trust import Use
from byline.errors import RepositoryError
from byline.log.erased import add_erased
from byline.log.evidence import EvidenceRef
from byline.sign.file import sign_payload
from byline.verify import verify_bundles
from byline.verify.completeness import EntryReader

if TYPE_CHECKING:
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.ports import Ledger, Signer
    from byline.core.tombstone import Reason
    from byline.core.trust import Trust
    from byline.git.repository import Repository
    from byline.log.index import EvidenceIndex


class Eraser(NamedTuple):
    """Who signs, under which trust."""

    signer: Signer
    trust: Trust


def want_erased(
    repo: Repository, index: EvidenceIndex, digest: str, *, reason: Reason, by: Eraser, ledger: Ledger | None, at: datetime
) -> tuple[Bundle, ...]:
    """Sign a tombstone for the statement `digest` (hex) and each key that signed it, log it, and add it to the evidence.

    Raises:
        RepositoryError: The evidence does not have the statement.
        UnknownKeyError: Trust does not let their key sign erasures.
        LedgerError: The ledger does not take it.
    """
    by.trust.principal_of(by.signer.public, Use.ERASURE)
    index.refresh(EvidenceRef(repo))
    found = [stored.bundle for stored in index.open(index.facts(statement=digest))]
    if not found:
        raise RepositoryError(f"the evidence here has no statement {digest[:16]}", hint="fetch it first, or name the folder of the ledger")
    made = tuple(_bury(_tombstone(each, _entry(each, by.trust, ledger), reason, at, by.trust), by, ledger) for each in found)
    EvidenceRef(repo).add(made)
    return made


def take_erasures(repo: Repository, index: EvidenceIndex, trust: Trust, *, at: datetime) -> bool:
    """Take out of the evidence what enough people want erased; return whether something new was.

    Raises:
        RepositoryError: Git cannot read or write the evidence.
        OSError: What is erased cannot be kept in mind.
    """
    evidence = EvidenceRef(repo)
    index.refresh(evidence)
    facts = index.facts(kind=PredicateType.TOMBSTONE)
    if not facts:
        return False
    proven = verify_bundles((stored.bundle for stored in index.open(facts)), trust=trust, at=at)
    wanted = erased_statements((each.principal, each.tombstone) for each in proven.tombstones if each.is_full)
    if not add_erased(repo, (f"{statement}.{key[:16]}" for statement, key in wanted)):
        return False
    evidence.union_from_remotes()
    index.refresh(evidence)
    return True


def _entry(bundle: Bundle, trust: Trust, ledger: Ledger | None) -> LogEntry | None:
    """Return which entry of the log with an index `bundle` is, as its receipt proves, or one that `ledger` has for it."""
    if len(trust.indexed_logs) != 1:
        return None
    reader = EntryReader(trust)
    index = reader.entry(bundle)
    if index is None and ledger is not None:
        who = (bundle.envelope.digest, bundle.key_hint)
        subject = parse_statement(bundle.envelope.payload).change
        same = (each for each in ledger.find(subject) if (each.envelope.digest, each.key_hint) == who)
        index = next((found for each in same if (found := reader.entry(each)) is not None), None)
    return None if index is None else LogEntry(origin=trust.indexed_logs[0].origin, index=index)


def _tombstone(bundle: Bundle, entry: LogEntry | None, reason: Reason, at: datetime, trust: Trust) -> Tombstone:
    statement = parse_statement(bundle.envelope.payload)
    return Tombstone(
        repository=trust.repository,
        statement=statement.digest,
        key=bundle.key_hint,
        predicate_type=statement.predicate_type,
        subjects=tuple(dict.fromkeys(each.sha256 for each in statement.subjects)),
        reason=reason,
        erased_at=at,
        entry=entry,
    )


def _bury(tombstone: Tombstone, by: Eraser, ledger: Ledger | None) -> Bundle:
    envelope, public = sign_payload(format_tombstone(tombstone), by.signer), by.signer.public
    return join_receipt(envelope, public, ledger.append(envelope, public) if ledger else None)

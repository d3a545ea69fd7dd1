# SPDX-License-Identifier: Apache-2.0
"""Which bundles a gate or an approver reads: the claims that lead to the candidate's versions, and every approval.

Starting from each new version the claims that make it are found by content, then those that make their bases, back to the old
version. So the cost is that of the change and not of the repository's history. A ledger is asked by subject: the effect of the
change and each new version. Nothing is verified here, and nothing rests on finding everything: what is missing is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from byline.core.claim import Op
from byline.core.effect import effect_digest
from byline.core.statement import PredicateType
from byline.log.evidence import EvidenceRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.core.bundle import Bundle
    from byline.core.ports import Ledger
    from byline.flow.judge import Evidence
    from byline.flow.landing import Landing
    from byline.git.repository import Repository
    from byline.log.index import ClaimRow, EvidenceIndex

MAX_SUBJECTS = 256  # so many versions are asked for at a ledger; git has the rest


class _Version(NamedTuple):
    path: bytes
    blob: str | None


def make_evidence(repo: Repository, index: EvidenceIndex, ledger: Ledger | None = None) -> Evidence:
    """Return the evidence of `repo` as `judge` and `propose_approval` ask for it, the ledger's included if there is one.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    index.refresh(EvidenceRef(repo))

    def about(landing: Landing) -> Iterator[Bundle]:
        facts = {fact.name: fact for fact in index.facts(kind=PredicateType.APPROVAL)}
        for digest in _statements(index, landing):
            facts |= {fact.name: fact for fact in index.facts(statement=digest)}
        yield from (stored.bundle for stored in index.open(facts.values()))
        for subject in _subjects(landing) if ledger else ():
            yield from ledger.find(subject) if ledger else ()

    return about


def _statements(index: EvidenceIndex, landing: Landing) -> set[str]:
    stops = {_Version(path, old) for path, (old, _) in landing.blobs.items()}
    todo = [_Version(path, new) for path, (_, new) in landing.blobs.items()]
    seen = set(todo)
    found: set[str] = set()
    while todo:
        for row in _makers(index, todo.pop()):
            found.add(row.statement)
            fresh = [each for each in _bases(index, row) if each not in seen and each not in stops]
            seen.update(fresh)
            todo += fresh
    return found


def _makers(index: EvidenceIndex, version: _Version) -> Iterable[ClaimRow]:
    if version.blob is not None:
        return index.claims_by_blob(version.blob, version.path)
    return [row for row in index.claims_by_path(version.path) if row.op == Op.DELETE]


def _bases(index: EvidenceIndex, row: ClaimRow) -> list[_Version]:
    authorship = index.statement(row.statement)
    claims = [each for each in authorship.claims if each.path == row.path] if authorship else []
    return [_Version(base.path, base.blob) for claim in claims for base in claim.bases]


def _subjects(landing: Landing) -> list[str]:
    moves = [each.transition for each in landing.files]
    return [effect_digest(moves), *sorted({move.new.sha256 for move in moves if move.new})][:MAX_SUBJECTS]

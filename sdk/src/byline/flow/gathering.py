# SPDX-License-Identifier: Apache-2.0
"""What a gate or an approver reads: the claims that lead to the candidate's versions, and the approvals that may count for them.

    evidence = Evidence(repo, index, ledger)
    proven = verify_bundles(evidence.about(landing, at=now), trust=trust, at=now, read=evidence.read)

Starting from each new version the claims that make it are found by content, then those that make their bases, back to the old
version. Approvals are found by the paths that they name: every one that is not over, for any may be a link of a chain, and of those
that are over the ones that lead to the very version, so that a report can say what became of them. Tombstones all count, and are few.
So the cost is that of the change and not of the repository's history. A ledger is asked by subject: the effect of the change and each
new version. Nothing is verified here, and nothing rests on finding everything: what is missing is unknown. (Where a log has to
prove that nothing is, `flow.completion` asks its index instead.)
"""

from __future__ import annotations

import copy
import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from byline.core.claim import Op
from byline.core.effect import effect_digest
from byline.core.statement import PredicateType
from byline.errors import StatementError
from byline.flow.landing import state_at
from byline.log.evidence import EvidenceRef
from byline.verify.checks import read_predicate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from byline.core.authorship import Authorship
    from byline.core.bundle import Bundle
    from byline.core.effect import FileState
    from byline.core.ports import IndexedLedger
    from byline.flow.landing import Landing
    from byline.git.repository import Repository
    from byline.log.index import ClaimRow, EvidenceIndex
    from byline.verify.checks import Predicate

MAX_SUBJECTS = 256  # so many versions are asked for at a ledger; git has the rest


class _Version(NamedTuple):
    path: bytes
    blob: str | None


class Evidence:
    """The evidence of one repository as `index` has it, the ledger's included if there is one."""

    def __init__(self, repo: Repository, index: EvidenceIndex, ledger: IndexedLedger | None = None) -> None:
        """Bring `index` to the state of `repo`.

        Raises:
            RepositoryError: Git cannot read the evidence.
        """
        index.refresh(EvidenceRef(repo))
        self._repo = repo
        self._index = self.index = index
        self.ledger = ledger
        self._authorships: dict[str, Authorship] = {}

    def asking(self, ledger: IndexedLedger | None) -> Evidence:
        """Return the same evidence, with `ledger` asked for more."""
        other = copy.copy(self)
        other.ledger = ledger
        return other

    def about(self, landing: Landing, *, at: datetime) -> Iterator[Bundle]:
        """Yield what may count for the change at the moment `at`.

        Raises:
            RepositoryError: Git cannot read a bundle.
            LedgerError: The ledger does not answer.
        """
        yield from self.here(landing, at=at)
        if self.ledger is None:
            return
        keys: set[str] = set()
        for subject in _subjects(landing):
            for bundle in self.ledger.find(subject):
                yield bundle
                keys.update({bundle.key_hint} if self._is_mandated(bundle) else ())
        yield from self.delegations(keys)
        for key in sorted(keys):
            yield from self.ledger.find(key)

    def delegations(self, keys: Collection[str]) -> Iterator[Bundle]:
        """Yield what this clone has of who lets the agents' keys with these ids sign.

        Raises:
            RepositoryError: Git cannot read a bundle.
        """
        yield from (stored.bundle for stored in self._index.open(self._index.delegations(keys)))

    def here(self, landing: Landing, *, at: datetime) -> Iterator[Bundle]:
        """Yield what this clone has of it.

        Raises:
            RepositoryError: Git cannot read a bundle.
        """
        versions = {move.path: content_of(move.new) for move in (file.transition for file in landing.files)}
        facts = {fact.name: fact for fact in self._index.approvals_about(versions, at=at)}
        for digest in self._statements(landing):
            facts |= {fact.name: fact for fact in self._index.facts(statement=digest)}
        facts |= {fact.name: fact for fact in self._index.facts(kind=PredicateType.TOMBSTONE)}
        facts |= {fact.name: fact for fact in self._index.delegations(fact.key for fact in facts.values())}
        yield from (stored.bundle for stored in self._index.open(facts.values()))

    def history(self, paths: Iterable[bytes]) -> Iterator[Bundle]:
        """Yield the statements of this clone with claims about `paths`, however old.

        Raises:
            RepositoryError: Git cannot read a bundle.
        """
        statements = {row.statement for path in paths for row in self._index.claims_by_path(path)}
        facts = (fact for digest in sorted(statements) for fact in self._index.facts(statement=digest))
        yield from (stored.bundle for stored in self._index.open(facts))

    def keep(self, bundles: Iterable[Bundle]) -> None:
        """Add `bundles` to this clone's evidence.

        Raises:
            RepositoryError: Git cannot write.
        """
        if brought := tuple(bundles):
            evidence = EvidenceRef(self._repo)
            evidence.add(brought)
            self._index.refresh(evidence)

    def landed(self, base: str, target: str, *, known: Collection[tuple[str, bytes]], at: datetime) -> Iterator[Bundle]:
        """Yield the approvals for `target`, not over `at`, one of whose steps the commit `base` shows to be taken, `known` ones apart.

        Raises:
            RepositoryError: Git cannot read a bundle, or an object is not here.
        """
        rows = [row for row in self._index.open_steps(target, at=at) if (row.statement, row.path) not in known]
        states = {path: content_of(state_at(self._repo, base, path)) for path in {row.path for row in rows}}
        names = {row.name for row in rows if row.new == states[row.path]}
        yield from (stored.bundle for stored in self._index.open(fact for name in sorted(names) for fact in self._index.facts(name=name)))

    def read(self, payload: bytes) -> tuple[str, Predicate]:
        """Return what `read_predicate` does; a statement that was followed to its bases is not read again.

        Raises:
            StatementError: As `read_predicate`.
        """
        digest = hashlib.sha256(payload).hexdigest()
        known = self._authorships.get(digest)
        return (digest, known) if known else read_predicate(payload)

    def _is_mandated(self, bundle: Bundle) -> bool:
        """Whether what is in `bundle` was signed with an agent's key, by its own word: then who let it sign is asked for, too."""
        with suppress(StatementError):
            said = self.read(bundle.envelope.payload)[1]
            return getattr(said, "mandate", None) is not None
        return False

    def _statements(self, landing: Landing) -> set[str]:
        stops = {_Version(path, old) for path, (old, _) in landing.blobs.items()}
        todo = [_Version(path, new) for path, (_, new) in landing.blobs.items()]
        seen = set(todo)
        found: set[str] = set()
        while todo:
            for row in self._makers(todo.pop()):
                found.add(row.statement)
                fresh = [each for each in self._bases(row) if each not in seen and each not in stops]
                seen.update(fresh)
                todo += fresh
        return found

    def _makers(self, version: _Version) -> Sequence[ClaimRow]:
        if version.blob is not None:
            return self._index.claims_by_blob(version.blob, version.path)
        return [row for row in self._index.claims_by_path(version.path) if row.op == Op.DELETE]

    def _bases(self, row: ClaimRow) -> list[_Version]:
        authorship = self._authorships.get(row.statement) or self._index.statement(row.statement)
        if authorship is None:
            return []
        self._authorships[row.statement] = authorship
        return [_Version(base.path, base.blob) for claim in authorship.claims if claim.path == row.path for base in claim.bases]


def content_of(state: FileState | None) -> str | None:
    """Return `state` as the index has it."""
    return f"{state.mode} {state.sha256}" if state else None


def _subjects(landing: Landing) -> list[str]:
    moves = [each.transition for each in landing.files]
    return [effect_digest(moves), *sorted({move.new.sha256 for move in moves if move.new})][:MAX_SUBJECTS]

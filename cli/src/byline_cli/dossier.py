# SPDX-License-Identifier: Apache-2.0
"""Everything that the evidence says about one commit, and what of it is proven here.

A statement is about a commit when it names it (authorship, or a gate's decision), when it approves exactly what the commit does, or,
where nobody named the commit (a squash on a server, a rebase elsewhere), when it claims the content of a file that the commit
brought. What cannot be read stands in `bad`; what fails a check stands in `failures`, and both are findings, never a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.approval import parse_approval
from byline.core.authorship import parse_authorship
from byline.core.decision import parse_decision
from byline.core.effect import effect_digest
from byline.core.statement import PredicateType, parse_statement
from byline.core.value import dataclass
from byline.errors import MalformedError
from byline.flow.landing import read_landing
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.verify import Verification, verify_bundles
from byline_cli.wiring import cache_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from byline.core.approval import Approval
    from byline.core.authorship import Authorship
    from byline.core.bundle import Bundle
    from byline.core.decision import Decision
    from byline.core.trust import Trust
    from byline.core.verified import Verified
    from byline.flow.workshop import Workshop
    from byline.log.index import Fact
    from byline.verify import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One statement: `said` is its predicate read, `fact` what was proven of it (None: nothing), `failure` why not."""

    bundle: Bundle
    digest: str
    said: Authorship | Approval | Decision | None
    fact: Verified | None
    failure: Failure | None

    @property
    def kind(self) -> str:
        """What kind of statement it is, in a word."""
        return "unreadable" if self.said is None else type(self.said).__name__.lower()

    @property
    def is_proven(self) -> bool:
        """Whether every check was made."""
        return self.fact is not None and self.failure is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """The items about `commit`; `by_content` says that no statement names it."""

    commit: str
    items: tuple[Item, ...]
    by_content: bool
    bad: tuple[str, ...]


def open_dossier(workshop: Workshop, commit: str, *, at: datetime) -> Dossier:
    """Return what the evidence says about `commit` (an id).

    Raises:
        RepositoryError: Git cannot read an object that the answer needs.
    """
    with EvidenceIndex(cache_file(workshop.repo)) as index:
        index.refresh(EvidenceRef(workshop.repo))
        named = index.facts(commit=commit)
        facts = dict.fromkeys(named or _by_content(workshop, index, commit))
        facts |= dict.fromkeys(_judged(workshop, index, commit))
        bundles = [stored.bundle for stored in index.open(facts)]
        bad = tuple(f"{each.name}: {each.reason}" for each in index.findings())
    return Dossier(commit=commit, items=examine(bundles, workshop.trust, at=at), by_content=not named, bad=bad)


def examine(bundles: list[Bundle], trust: Trust | None, *, at: datetime) -> tuple[Item, ...]:
    """Return `bundles`, each with what is proven of it under `trust`."""
    out = []
    for each in bundles:
        done = verify_bundles([each], trust=trust, at=at) if trust else Verification(facts=(), failures=())
        fact, failure = next(iter(done.facts), None), next(iter(done.failures), None)
        out.append(Item(bundle=each, digest=each.envelope.digest, said=_read(each), fact=fact, failure=failure))
    return tuple(out)


def _by_content(workshop: Workshop, index: EvidenceIndex, commit: str) -> Iterator[Fact]:
    """Yield the statements that claim a file version which `commit` brought."""
    parents = workshop.repo.parents(commit)
    for change in workshop.repo.tree_changes(parents[0] if parents else None, commit):
        if change.new is not None:
            for row in index.claims_by_blob(change.new.oid, change.path)[:1]:
                yield from index.facts(statement=row.statement)


def _judged(workshop: Workshop, index: EvidenceIndex, commit: str) -> Iterator[Fact]:
    """Yield the approvals of exactly what `commit` does, and the decisions about it."""
    rulings = index.facts(kind=PredicateType.APPROVAL)
    if rulings:
        parents = workshop.repo.parents(commit)
        landing = read_landing(workshop.repo, parents[0] if parents else None, commit)
        effect = effect_digest(file.transition for file in landing.files)
        yield from (fact for fact in rulings if fact.change == effect)
    for fact, stored in zip(decisions := index.facts(kind=PredicateType.DECISION), index.open(decisions), strict=False):
        said = _read(stored.bundle)
        if getattr(said, "candidate", None) == commit:
            yield fact


def _read(bundle: Bundle) -> Authorship | Approval | Decision | None:
    try:
        statement = parse_statement(bundle.envelope.payload)
        if statement.predicate_type == PredicateType.AUTHORSHIP:
            return parse_authorship(statement)
        return parse_approval(statement) if statement.predicate_type == PredicateType.APPROVAL else parse_decision(statement)
    except MalformedError:
        return None

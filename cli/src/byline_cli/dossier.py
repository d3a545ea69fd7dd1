# SPDX-License-Identifier: Apache-2.0
"""Everything that the evidence says about one commit, and what of it is proven here.

What a commit *brought* is what it changed against its first parent. A statement is about the commit

- that an authorship statement names, or, where no recorder's names it (a squash on a server, a rebase elsewhere; an import is none),
  that brought content which it claims;
- that brought a version into which an approval lets a path: the last commit of a branch, and the one by which the branch landed;
- that a decision has as its candidate, or that brought exactly what the decision was about.

Authorship comes first, then approvals as they were given, then decisions in the order of their log. An approval that is over was good
while it lasted, and says until when. What cannot be read stands in `bad`, what fails a check has its `failure`; both are findings,
never a crash.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from byline.core.approval import Approval
from byline.core.decision import Decision
from byline.core.effect import effect_digest
from byline.core.moment import format_moment
from byline.core.statement import PredicateType
from byline.core.value import dataclass
from byline.errors import MalformedError
from byline.flow.gathering import content_of
from byline.flow.landing import read_landing
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.verify import Verification, verify_bundles
from byline.verify.checks import read_predicate
from byline_cli.wiring import cache_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.trust import Trust
    from byline.core.verified import Verified
    from byline.flow.workshop import Workshop
    from byline.log.index import Fact
    from byline.verify import Failure
    from byline.verify.checks import Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One statement: `said` is its predicate read, `fact` what was proven of it (None: nothing), `failure` why not.

    `is_over`: an approval that no longer counts; what was proven of it was so while it did.
    """

    bundle: Bundle
    digest: str
    said: Predicate | None
    fact: Verified | None
    failure: Failure | None
    is_over: bool = False

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
        facts = dict.fromkeys(named)
        if not index.is_recorded(commit):
            facts |= dict.fromkeys(_by_content(workshop, index, commit))
        facts |= dict.fromkeys(_judged(workshop, index, commit))
        items = open_items(index, facts, workshop.trust, at=at)
        bad = tuple(f"{each.name}: {each.reason}" for each in index.findings())
    return Dossier(commit=commit, items=items, by_content=not named, bad=bad)


def open_items(index: EvidenceIndex, facts: Iterable[Fact], trust: Trust | None, *, at: datetime) -> tuple[Item, ...]:
    """Return the statements of `facts`, as the record has them: also what was proven of an approval that is over.

    Raises:
        RepositoryError: Git cannot read them.
    """
    some = tuple(facts)
    beside = tuple(stored.bundle for stored in index.open(index.delegations(fact.key for fact in some)))
    found = (_examine(stored.bundle, trust, at, beside, is_record=True) for stored in index.open(some))
    return tuple(sorted(found, key=_place))


def examine(workshop: Workshop, bundle: Bundle, *, at: datetime) -> Item:
    """Return what is proven of `bundle` at the moment `at`; for whom an agent's key signs is looked up in the evidence here.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    with EvidenceIndex(cache_file(workshop.repo)) as index:
        index.refresh(EvidenceRef(workshop.repo))
        beside = tuple(stored.bundle for stored in index.open(index.delegations([bundle.key_hint])))
    return _examine(bundle, workshop.trust, at, beside)


def _examine(bundle: Bundle, trust: Trust | None, at: datetime, beside: tuple[Bundle, ...], *, is_record: bool = False) -> Item:
    """Return what is proven of `bundle`, `beside` the delegations; of the record of a commit also what was, of an approval that is over."""
    said, done, is_over = _read(bundle), Verification(facts=(), failures=()), False
    if trust is not None:
        if is_record and isinstance(said, Approval) and said.expires_at <= at < trust.expires:
            at, is_over = said.expires_at - timedelta(seconds=1), True
        done = verify_bundles([bundle, *beside], trust=trust, at=at)
    digest = bundle.envelope.digest
    facts = sorted((each for each in done.facts if each.digest == digest), key=lambda each: getattr(each, "delegation", None) is None)
    failure = next((each for each in done.failures if each.digest == digest), None)
    return Item(bundle=bundle, digest=digest, said=said, fact=next(iter(facts), None), failure=failure, is_over=is_over)


def _place(item: Item) -> tuple[int, str, int]:
    """Return what sorts items: approvals by time, decisions by log and index; a decision that no log has comes last."""
    said, receipt = item.said, item.bundle.receipt
    if isinstance(said, Approval):
        return 1, format_moment(said.approved_at), 0
    if isinstance(said, Decision):
        return (2, receipt.origin, receipt.index) if receipt else (3, format_moment(said.decided_at), 0)
    return 0, "", 0


def _by_content(workshop: Workshop, index: EvidenceIndex, commit: str) -> Iterator[Fact]:
    """Yield the statements that claim a file version which `commit` brought."""
    parents = workshop.repo.parents(commit)
    for change in workshop.repo.tree_changes(parents[0] if parents else None, commit):
        if change.new is not None:
            for row in index.claims_by_blob(change.new.oid, change.path)[:1]:
                yield from index.facts(statement=row.statement)


def _judged(workshop: Workshop, index: EvidenceIndex, commit: str) -> Iterator[Fact]:
    """Yield the approvals and decisions about what `commit` brought, and the decisions about `commit`."""
    decisions = index.facts(kind=PredicateType.DECISION)
    if decisions or index.facts(kind=PredicateType.APPROVAL):
        parents = workshop.repo.parents(commit)
        moves = [file.transition for file in read_landing(workshop.repo, parents[0] if parents else None, commit).files]
        effect = effect_digest(moves)
        yield from index.approvals_about({move.path: content_of(move.new) for move in moves})
        known = {fact.name: fact for fact in decisions}
        for stored in index.open(decisions):
            said = _read(stored.bundle)
            if isinstance(said, Decision) and (said.effect == effect or said.candidate == commit):
                yield known[stored.name]


def _read(bundle: Bundle) -> Predicate | None:
    try:
        return read_predicate(bundle.envelope.payload)[1]
    except MalformedError:
        return None

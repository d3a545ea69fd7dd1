# SPDX-License-Identifier: Apache-2.0
"""What does not fit together in what is claimed about a commit or a change: proven statements against each other and git's objects.

    finder = Finder(repo, index, trust, at=now)
    finder.about_commit(commit, facts)          # everything: what `byline verify` tells
    finder.about_change(landing, named, facts)  # what a gate tells, and takes into its verdict where it `tightens`

Only proven statements make a finding, so whoever has no key makes none; a failed check does not excuse a statement, so none is got rid
of by revoking a key. Most say that two facts cannot both be true, and never which of them is.

    NOT_IN_TREE      a claim's new version, or a base, is not what the commit that it names has there
    CARRY_FAILS      a carried line does not follow from the statement that it names (`attribute.recheck`)
    HUMAN_OVER_AI    new lines of a person's are found, as rule 8 finds text again, in an earlier statement that gives them to an agent
    CLAIMS_DISAGREE  two clones claim the same content and give a new line to different owners
    HASH_MISMATCH    the text of a version is not the one that its recipe makes
    CHAIN_GAP        the statement before is not here, or is another than this one names, or there are two of one number
    NO_RECORD        the author or a trailer names an agent, and no statement about these files names a program
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from byline.attribute.compose import confirm
from byline.attribute.match import TIGHTENING, Draft
from byline.attribute.recheck import Outcome
from byline.core.attribution import UNATTRIBUTED, Origin, Owner
from byline.core.claim import New
from byline.core.finding import MEANING, Finding, FindingCode
from byline.core.lines import join_ranges
from byline.core.trailers import names_agent
from byline.core.value import replace
from byline.core.version import Claimed, split_hashes
from byline.errors import RepositoryError
from byline.flow.claims import Claims, Told
from byline.flow.proofs import prove_statements
from byline.flow.rederive import Carries
from byline.flow.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from byline.attribute.recheck import Rechecked
    from byline.core.claim import Base, Claim
    from byline.core.lines import LineRange
    from byline.core.trust import Trust
    from byline.core.verified import VerifiedAuthorship
    from byline.flow.landing import Landing
    from byline.git.repository import Repository
    from byline.log.index import EvidenceIndex

PROGRAMS = (Origin.AI, Origin.MIXED, Origin.TOOL, Origin.IMPORTED)
MAX_OTHERS = 50  # statements about a path in which an agent's lines are looked for


class Finder:
    """Looks for findings under one trust at one moment. Not thread-safe."""

    def __init__(self, repo: Repository, index: EvidenceIndex, trust: Trust, *, at: datetime) -> None:
        self._repo = repo
        self._reaches = cache(repo.reaches)
        self._index = index
        self._texts = Texts(repo, repo.common_dir / "byline", trust.line_key)
        self.is_proven = cache(lambda digest: prove_statements(index, (digest,), trust=trust, at=at)[digest].verified)
        lines, hashes = self._texts.lines, self._texts.hash_lines
        self._carries = Carries(index, trust.repository, lines, hashes, accepts=self.is_proven)
        self._claims = Claims(index, self._carries, self._unclaimed)

    def recheck(self, fact: VerifiedAuthorship) -> Iterator[tuple[Claim, Rechecked]]:
        """Yield the carried lines of `fact`, and what became of them."""
        for claim in fact.authorship.claims:
            for each in self._carries.recheck(claim, self._claims.whole):
                yield claim, each

    def about_commit(self, commit: str, facts: Sequence[VerifiedAuthorship]) -> tuple[Finding, ...]:
        """Return what does not fit together about `commit`; `facts` are the proven statements about it.

        Raises:
            RepositoryError: Git cannot read the commit.
        """
        info = self._repo.commit_info(commit)
        is_named = names_agent(info.author, info.message) or names_agent(info.committer)
        found = [*self._unrecorded({commit: ()} if is_named else {}, facts)]
        for fact in facts:
            found += [*self._not_in_tree(fact), *self._carried(fact), *self._disagreeing(fact), *self._mismatched(fact), *self._chain(fact)]
            for claim in fact.authorship.claims:
                found += self._retyped(claim.path, claim.blob, (fact,)) if claim.blob else ()
        return tuple(dict.fromkeys(found))

    def about_change(
        self, landing: Landing, named: Mapping[str, Collection[bytes]], facts: Sequence[VerifiedAuthorship]
    ) -> tuple[Finding, ...]:
        """Return what does not fit together about the change `landing`; `named` are the commits that name agents, with their paths."""
        found = [*self._unrecorded(named, facts)]
        for fact in facts:
            found += [*self._not_in_tree(fact), *self._carried(fact), *self._disagreeing(fact), *self._chain(fact)]
        for path, (_, blob) in landing.blobs.items():
            found += self._retyped(path, blob, facts) if blob else ()
        return tuple(dict.fromkeys(found))

    # One kind each

    def _unrecorded(self, named: Mapping[str, Collection[bytes]], facts: Iterable[VerifiedAuthorship]) -> Iterator[Finding]:
        told = {claim.path for fact in facts for claim in fact.authorship.claims if has_program(claim)}
        for commit, paths in named.items():
            if told.isdisjoint(paths) if paths else not told:
                yield Finding(code=FindingCode.NO_RECORD, message=MEANING[FindingCode.NO_RECORD], commit=commit)

    def _not_in_tree(self, fact: VerifiedAuthorship) -> Iterator[Finding]:
        commit, code = fact.authorship.commit.id, FindingCode.NOT_IN_TREE
        try:
            parents = self._repo.parents(commit)
            for claim in fact.authorship.claims:
                sides = [(commit, claim.path, claim.blob), *(_place(parents, base) for base in claim.bases)]
                if any(where is None or self._blob(where, path) != blob for where, path, blob in sides):
                    yield Finding(code=code, message=MEANING[code], commit=commit, path=claim.path, statement=fact.digest)
        except RepositoryError:  # thrown away since, or never fetched: nobody can say
            return

    def _blob(self, commit: str, path: bytes) -> str | None:
        entry = self._repo.entry(commit, path)
        return entry.oid if entry else None

    def _carried(self, fact: VerifiedAuthorship) -> Iterator[Finding]:
        for claim, each in self.recheck(fact):
            if each.outcome is Outcome.FAILS:
                source, how = each.carried.statement[:12], each.carried.how
                message = f"the statement {source} does not say that these lines are {each.owner.origin} ({how})"
                yield self._at(FindingCode.CARRY_FAILS, message, fact, claim, each.lines)

    def _disagreeing(self, fact: VerifiedAuthorship) -> Iterator[Finding]:
        """Compare `fact` with the newest statement of each other clone about the same content."""
        for claim in fact.authorship.claims:
            mine, chain = _new_owners(claim), fact.authorship.chain.id
            told = self._claims.of(claim.blob, claim.path) if claim.blob and mine else ()
            others = [each for each in self._claims.newest(told) if each.statement.chain.id != chain and self.is_proven(each.digest)]
            lines = {j for each in others for j, owner in _new_owners(each.claim).items() if mine.get(j, owner) != owner}
            for run in join_ranges(sorted(lines)):
                yield self._at(FindingCode.CLAIMS_DISAGREE, MEANING[FindingCode.CLAIMS_DISAGREE], fact, claim, run)

    def _mismatched(self, fact: VerifiedAuthorship) -> Iterator[Finding]:
        for claim in fact.authorship.claims:
            hashes = self._texts.hashes(claim.blob) if claim.blob and claim.segments and self._texts.lines(claim.blob) else ()
            told = next((each for each in self._claims.of(claim.blob or "", claim.path) if each.digest == fact.digest), None)
            if hashes and told and not confirm(self._claims.compose(told), hashes)[1]:
                code = FindingCode.HASH_MISMATCH
                yield self._at(code, MEANING[code], fact, claim, None)

    def _chain(self, fact: VerifiedAuthorship) -> Iterator[Finding]:
        chain, code = fact.authorship.chain, FindingCode.CHAIN_GAP

        def here(seq: int) -> set[str]:
            return {each.statement for each in self._index.facts(chain=chain.id, seq=seq) if self.is_proven(each.statement)}

        if here(chain.seq) - {fact.digest}:
            yield Finding(code=code, message=f"there are two statements {chain.seq} of clone {chain.id}", statement=fact.digest)
        before = here(chain.seq - 1) if chain.seq > 1 else {chain.prev}
        if not before:
            message = f"statement {chain.seq - 1} of clone {chain.id} is not here"
            yield Finding(code=code, message=message, statement=fact.digest)
        elif chain.prev not in before:
            message = f"statement {chain.seq} of clone {chain.id} does not follow the one before"
            yield Finding(code=code, message=message, statement=fact.digest)

    def _retyped(self, path: bytes, blob: str, facts: Iterable[VerifiedAuthorship]) -> Iterator[Finding]:
        """Look for the lines that `facts` give anew to people in what earlier statements give to agents."""
        theirs: dict[bytes, VerifiedAuthorship] = {}
        for fact in facts:
            for claim in fact.authorship.claims:
                theirs |= dict.fromkeys(_hashes(claim, (Origin.HUMAN,), is_anew=True) if claim.path == path else (), fact)
        rows = self._index.claims_by_path(path)[:MAX_OTHERS] if theirs else ()
        for other in filter(None, (self._claims.read(row.statement, path) for row in rows)):
            wanted = {line for line in _hashes(other.claim, TIGHTENING) & theirs.keys() if self._is_earlier(other, theirs[line])}
            lines = self._texts.lines(blob) if wanted and self.is_proven(other.digest) else None
            if lines:
                found = _find_again(lines, self._texts.hashes(blob), wanted, self._claims.compose(other), path)
                for run in join_ranges(sorted(found)):
                    fact = theirs[self._texts.hashes(blob)[run.start]]
                    message = f"the statement {other.digest[:12]} gave these lines to an agent"
                    commit = fact.authorship.commit.id
                    yield Finding(
                        code=FindingCode.HUMAN_OVER_AI, message=message, commit=commit, path=path, lines=run, statement=fact.digest
                    )

    def _is_earlier(self, other: Told, fact: VerifiedAuthorship) -> bool:
        """Whether `other` was there when `fact` was made: clones count for themselves, between clones history tells."""
        mine = fact.authorship
        if other.statement.chain.id == mine.chain.id:
            return other.statement.chain.seq < mine.chain.seq
        return other.statement.commit.id != mine.commit.id and self._reaches(mine.commit.id, other.statement.commit.id)

    def _at(self, code: FindingCode, message: str, fact: VerifiedAuthorship, claim: Claim, lines: LineRange | None) -> Finding:
        commit = fact.authorship.commit.id
        return Finding(code=code, message=message, commit=commit, path=claim.path, lines=lines, statement=fact.digest)

    def _unclaimed(self, base: Base) -> Claimed:
        hashes = self._texts.hashes(base.blob)
        return Claimed(path=base.path, blob=base.blob, hashes=b"".join(hashes), bylines=(UNATTRIBUTED,) * len(hashes))


def _place(parents: Sequence[str], base: Base) -> tuple[str | None, bytes, str]:
    return parents[base.parent] if base.parent < len(parents) else None, base.path, base.blob


def has_program(claim: Claim) -> bool:
    """Whether `claim` names an agent, a tool or an import as owner or hand of anything."""
    owners = [claim.hand, *(each.owner for each in claim.segments if isinstance(each, New)), *(each.hand for each in claim.removed)]
    return any(owner.origin in PROGRAMS for owner in owners)


def _new_owners(claim: Claim) -> dict[int, Owner]:
    """Return whose each new line of `claim` is, however that is known; nothing of a line of which it says nothing."""
    found: dict[int, Owner] = {}
    at = 0
    for each in claim.segments:
        if isinstance(each, New) and each.owner.is_known:
            found |= dict.fromkeys(range(at, at + each.count), replace(each.owner, evidence=UNATTRIBUTED.owner.evidence))
        at += each.count
    return found


def _hashes(claim: Claim, origins: Collection[Origin], *, is_anew: bool = False) -> set[bytes]:
    """Return the hashes of the new lines that `claim` gives to one of `origins`, with `is_anew` without those that it carries."""
    news = (each for each in claim.segments if isinstance(each, New) and each.owner.origin in origins)
    return {line for each in news if not (is_anew and each.carried) for line in split_hashes(each.hashes)}


def _find_again(lines: Sequence[bytes], hashes: Sequence[bytes], wanted: Collection[bytes], other: Claimed, path: bytes) -> set[int]:
    """Return which of the `wanted` lines rule 8 finds in `other` as an agent's."""
    draft = Draft(lines)
    for j, line in enumerate(hashes):
        if line not in wanted:
            draft.bylines[j] = UNATTRIBUTED
    draft.take_hashed(other, hashes, is_same_path=other.path == path)
    return {j for j, byline in enumerate(draft.bylines) if byline and byline.owner.origin in TIGHTENING}

# SPDX-License-Identifier: Apache-2.0
"""What does not fit together in what is claimed about a commit or a change: proven statements against each other and git's objects.

    finder = Finder(repo, index, trust, at=now)
    finder.about_commit(commit, facts)          # everything: what `byline verify` tells
    finder.about_change(landing, facts, ...)    # what a gate tells, and takes into its verdict where it `tightens`

Only proven statements make a finding, so whoever has no key makes none; a failed check does not excuse a statement, so none is got rid
of by revoking a key. Most say that two facts cannot both be true, and never which of them is.

    NOT_IN_TREE      a claim's new version, or a base, is not what the commit that it names has there
    CARRY_FAILS      a carried line does not follow from the statement that it names (`attribute.recheck`)
    HUMAN_OVER_AI    new lines of a person's are found, as rule 8 finds text again, in an earlier statement that gives them to an agent
    CLAIMS_DISAGREE  two clones claim the same content and give a new line to different owners
    HASH_MISMATCH    the text of a version is not the one that its recipe makes
    CHAIN_GAP        the statement before is not here, or is another than this one names, or there are two of one number
    UNPROVEN_LINK    the statement before is here and is the one that this one names, and it is not proven
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
from byline.flow.carries import Carries
from byline.flow.claims import Claims, Told
from byline.flow.proofs import prove_statements
from byline.flow.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from byline.attribute.recheck import Rechecked
    from byline.core.authorship import Authorship, Link
    from byline.core.claim import Base, Claim
    from byline.core.lines import LineRange
    from byline.core.trust import Trust
    from byline.core.verified import VerifiedAuthorship
    from byline.flow.landing import Landing
    from byline.git.objects import FileChange, TreeEntry
    from byline.git.repository import Repository
    from byline.log.index import EvidenceIndex

PROGRAMS = (Origin.AI, Origin.MIXED, Origin.TOOL, Origin.IMPORTED)


class Finder:
    """Looks for findings under one trust at one moment. Not thread-safe."""

    def __init__(self, repo: Repository, index: EvidenceIndex, trust: Trust, *, at: datetime) -> None:
        self._repo = repo
        self._reaches = cache(repo.reaches)
        self._index = index
        self._texts = Texts(repo, repo.common_dir / "byline", trust.line_key)
        self._proven: set[str] = set()
        self._prove = cache(lambda digest: prove_statements(index, (digest,), trust=trust, at=at)[digest].verified)
        lines, hashes = self._texts.lines, self._texts.hash_lines
        carries = Carries(index, trust.repository, lines, hashes, accepts=self._is_proven)
        self._claims = Claims(index, carries, self._unclaimed)

    def recheck(self, fact: VerifiedAuthorship) -> Iterator[tuple[Claim, Rechecked]]:
        """Yield the carried lines of `fact`, and what became of them."""
        for claim in fact.authorship.claims:
            for each in self._claims.recheck(claim):
                yield claim, each

    def about_commit(self, commit: str, facts: Sequence[VerifiedAuthorship]) -> tuple[Finding, ...]:
        """Return what does not fit together about `commit`; `facts` are the proven statements about it.

        Raises:
            RepositoryError: Git cannot read the commit.
        """
        info = self._repo.commit_info(commit)
        is_named = names_agent(info.author, info.committer, message=info.message)
        self._proven.update(fact.digest for fact in facts)
        found = [*self._unrecorded({commit: ()} if is_named else {}, facts), *self._chains(facts, twins=self._here)]
        for fact in facts:
            found += [*self._not_in_tree(fact), *self._carried(fact), *self._mismatched(fact)]
            for claim in fact.authorship.claims:
                others = self._claims.newest(self._claims.of(claim.blob, claim.path)) if claim.blob else ()
                proven = [(each.statement, each.claim) for each in others if self._is_proven(each.digest)]
                found += self._disagreeing(fact, claim, proven)
                found += self._retyped(claim.path, claim.blob, (fact,)) if claim.blob else ()
        return tuple(dict.fromkeys(found))

    def about_change(
        self,
        landing: Landing,
        facts: Sequence[VerifiedAuthorship],
        *,
        commits: Collection[str],
        named: Mapping[str, Collection[bytes]],
    ) -> tuple[Finding, ...]:
        """Return what does not fit together about the change `landing`, as far as it may matter to a verdict.

        `commits` are those of the change, `named` those that name agents, with the paths that they changed.

        Raises:
            RepositoryError: Git cannot read the commits.
        """
        self._proven.update(fact.digest for fact in facts)
        found = [*self._unrecorded(named, facts), *self._chains(facts)]
        same: dict[tuple[bytes, str | None], list[tuple[Authorship, Claim]]] = {}
        personal: dict[bytes, list[VerifiedAuthorship]] = {}
        for fact in facts:
            found += self._carried(fact)
            for claim in fact.authorship.claims:
                same.setdefault((claim.path, claim.sha256), []).append((fact.authorship, claim))
                if claim.has_person:
                    personal.setdefault(claim.path, []).append(fact)
        theirs = {fact.digest: fact for each in personal.values() for fact in each}.values()
        made_here = list({commit for fact in theirs if (commit := fact.authorship.commit.id) in commits})
        changes = dict(self._repo.walk_changes(made_here) if made_here else ())
        for fact in theirs:
            found += self._not_in_tree(fact, changes.get(fact.authorship.commit.id))
        for fact in facts:
            for claim in fact.authorship.claims:
                found += self._disagreeing(fact, claim, same[claim.path, claim.sha256])
        for path, (_, blob) in landing.blobs.items():
            found += self._retyped(path, blob, personal[path]) if blob and path in personal else ()
        return tuple(dict.fromkeys(found))

    def _is_proven(self, digest: str) -> bool:
        return digest in self._proven or self._prove(digest)

    # One kind each

    def _unrecorded(self, named: Mapping[str, Collection[bytes]], facts: Iterable[VerifiedAuthorship]) -> Iterator[Finding]:
        told = {claim.path for fact in facts for claim in fact.authorship.claims if has_program(claim)}
        for commit, paths in named.items():
            if told.isdisjoint(paths) if paths else not told:
                yield Finding(code=FindingCode.NO_RECORD, message=MEANING[FindingCode.NO_RECORD], commit=commit)

    def _not_in_tree(self, fact: VerifiedAuthorship, changes: Iterable[FileChange] | None = None) -> Iterator[Finding]:
        """Compare what `fact` claims with its commit; what `changes` of the commit show already is not asked for again."""
        commit, code = fact.authorship.commit.id, FindingCode.NOT_IN_TREE
        shown = {(each.path, _oid(each.old), _oid(each.new)) for each in changes or ()}
        try:
            parents = self._repo.parents(commit)
            for claim in fact.authorship.claims:
                if (claim.path, claim.bases[0].blob if claim.bases else None, claim.blob) in shown and len(claim.bases) < 2:
                    continue
                sides = [(commit, claim.path, claim.blob), *(_place(parents, base) for base in claim.bases)]
                if any(where is None or self._blob(where, path) != blob for where, path, blob in sides):
                    yield Finding(code=code, message=MEANING[code], commit=commit, path=claim.path, statement=fact.digest)
        except RepositoryError:  # thrown away since, or never fetched: nobody can say
            return

    def _blob(self, commit: str, path: bytes) -> str | None:
        return _oid(self._repo.entry(commit, path))

    def _carried(self, fact: VerifiedAuthorship) -> Iterator[Finding]:
        for claim, each in self.recheck(fact):
            if each.outcome is Outcome.FAILS:
                source, how = each.carried.statement[:12], each.carried.how
                message = f"the statement {source} does not say that these lines are {each.owner.origin} ({how})"
                yield self._at(FindingCode.CARRY_FAILS, message, fact, claim, each.lines)

    def _disagreeing(self, fact: VerifiedAuthorship, claim: Claim, others: Sequence[tuple[Authorship, Claim]]) -> Iterator[Finding]:
        """Compare `claim` with those that other clones make of the same content."""
        others = [each for each in others if each[0].chain.id != fact.authorship.chain.id]
        mine = _new_owners(claim) if others else {}
        lines = {j for _, other in others for j, owner in _new_owners(other).items() if mine.get(j, owner) != owner}
        for run in join_ranges(sorted(lines)):
            yield self._at(FindingCode.CLAIMS_DISAGREE, MEANING[FindingCode.CLAIMS_DISAGREE], fact, claim, run)

    def _mismatched(self, fact: VerifiedAuthorship) -> Iterator[Finding]:
        for claim in fact.authorship.claims:
            hashes = self._texts.hashes(claim.blob) if claim.blob and claim.segments and self._texts.lines(claim.blob) else ()
            told = next((each for each in self._claims.of(claim.blob or "", claim.path) if each.digest == fact.digest), None)
            if hashes and told and not confirm(self._claims.compose(told), hashes)[1]:
                code = FindingCode.HASH_MISMATCH
                yield self._at(code, MEANING[code], fact, claim, None)

    def _chains(self, facts: Sequence[VerifiedAuthorship], twins: Callable[[str, int], set[str]] | None = None) -> Iterator[Finding]:
        """Look at the number of each of `facts`, which `twins` may have too, and at what it says of the statement before."""
        links: dict[tuple[str, int], set[str]] = {}
        for fact in facts:
            links.setdefault((fact.authorship.chain.id, fact.authorship.chain.seq), set()).add(fact.digest)
        for fact in facts:
            link = fact.authorship.chain
            same = twins(link.id, link.seq) if twins else links[link.id, link.seq]
            before = links.get((link.id, link.seq - 1)) or self._here(link.id, link.seq - 1)
            found = self._doubt(link, is_twin=bool(same - {fact.digest}), before=before)
            if found:
                yield Finding(code=found[0], message=found[1], statement=fact.digest)

    def _doubt(self, link: Link, *, is_twin: bool, before: Collection[str]) -> tuple[FindingCode, str] | None:
        """Return what is wrong with a `link`, given the proven statements of the number `before`."""
        if is_twin:
            return FindingCode.CHAIN_GAP, f"there are two statements {link.seq} of clone {link.id}"
        if link.seq > 1 and not before:
            named = f"statement {link.seq - 1} of clone {link.id} is"
            is_here = link.prev is not None and self._index.statement(link.prev) is not None
            return (
                (FindingCode.UNPROVEN_LINK, f"{named} here, and its checks fail")
                if is_here
                else (FindingCode.CHAIN_GAP, f"{named} not here")
            )
        if link.prev not in before and (link.seq > 1 or link.prev):
            return FindingCode.CHAIN_GAP, f"statement {link.seq} of clone {link.id} does not follow the one before"
        return None

    def _here(self, chain: str, seq: int) -> set[str]:
        return {each.statement for each in self._index.facts(chain=chain, seq=seq) if self._is_proven(each.statement)}

    def _retyped(self, path: bytes, blob: str, facts: Iterable[VerifiedAuthorship]) -> Iterator[Finding]:
        """Look for the lines that `facts` give anew to people in what earlier statements give to agents."""
        theirs: dict[bytes, list[VerifiedAuthorship]] = {}
        for fact in facts:
            for claim in fact.authorship.claims:
                for line in _hashes(claim, (Origin.HUMAN,), is_anew=True) if claim.path == path else ():
                    theirs.setdefault(line, []).append(fact)
        # However many there are: one that was passed over for others could be hidden behind statements that anybody makes.
        rows = self._index.claims_by_path(path) if theirs else ()
        for other in filter(None, (self._agents_claim(row.statement, path, theirs.keys()) for row in rows)):
            shared = _hashes(other.claim, TIGHTENING) & theirs.keys()
            later = {line: [fact for fact in theirs[line] if self._is_earlier(other, fact)] for line in shared}
            wanted = {line: several[0] for line, several in later.items() if several}
            lines = self._texts.lines(blob) if wanted else None
            if lines:
                found = _find_again(lines, self._texts.hashes(blob), wanted.keys(), self._claims.compose(other), path)
                for run in join_ranges(sorted(found)):
                    fact = wanted[self._texts.hashes(blob)[run.start]]
                    message = f"the statement {other.digest[:12]} gave these lines to an agent"
                    commit = fact.authorship.commit.id
                    yield Finding(
                        code=FindingCode.HUMAN_OVER_AI, message=message, commit=commit, path=path, lines=run, statement=fact.digest
                    )

    def _agents_claim(self, digest: str, path: bytes, lines: Collection[bytes]) -> Told | None:
        """Return the claim of `path` in the statement `digest` if it is proven and gives one of `lines` to an agent."""
        statement = self._index.statement(digest)  # read before it is proven: most say nothing of the kind
        claims = statement.claims if statement else ()
        is_agents = any(claim.path == path and not _hashes(claim, TIGHTENING).isdisjoint(lines) for claim in claims)
        return self._claims.read(digest, path) if is_agents and self._is_proven(digest) else None

    def _is_earlier(self, other: Told, fact: VerifiedAuthorship) -> bool:
        """Whether `other` may have been there when `fact` was made.

        Who signs a statement chooses its number, and the commit that it is about: only a history in which the agent came later, of
        commits that are here, shows that it was not.
        """
        mine, theirs = fact.authorship, other.statement
        if theirs.chain.id == mine.chain.id and theirs.chain.seq < mine.chain.seq:
            return True
        return theirs.commit.id != mine.commit.id and not self._reaches(theirs.commit.id, mine.commit.id)

    def _at(self, code: FindingCode, message: str, fact: VerifiedAuthorship, claim: Claim, lines: LineRange | None) -> Finding:
        commit = fact.authorship.commit.id
        return Finding(code=code, message=message, commit=commit, path=claim.path, lines=lines, statement=fact.digest)

    def _unclaimed(self, base: Base) -> Claimed:
        hashes = self._texts.hashes(base.blob)
        return Claimed(path=base.path, blob=base.blob, hashes=b"".join(hashes), bylines=(UNATTRIBUTED,) * len(hashes))


def _place(parents: Sequence[str], base: Base) -> tuple[str | None, bytes, str]:
    return parents[base.parent] if base.parent < len(parents) else None, base.path, base.blob


def _oid(entry: TreeEntry | None) -> str | None:
    return entry.oid if entry else None


def has_program(claim: Claim) -> bool:
    """Whether `claim` names an agent, a tool or an import as owner or hand of anything."""
    return any(owner.origin in PROGRAMS for owner in claim.owners)


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

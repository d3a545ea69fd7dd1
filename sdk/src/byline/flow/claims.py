# SPDX-License-Identifier: Apache-2.0
"""The claims that a repository holds, found by content, and read as versions of files.

Several claims may speak of one content at one path. `flow.choice` says which of them counts in a commit; where claims are asked
alone it is the newest of each clone, and where clones disagree the stricter, line by line. A claim's own base is looked for among
claims that are older than it.
What was imported counts for none of this: it is laid over what the others say, and keeps an agent's lines an agent's.

Nothing here verifies a signature: a reader shows who is not verified, a gate builds on verified claims only. What a claim carries from
another statement is looked up there (`flow.carries`).
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

from byline.attribute.compose import compose, join, tighten
from byline.core.attribution import Byline, inferred
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from byline.attribute.recheck import Rechecked
    from byline.core.attribution import Owner
    from byline.core.authorship import Authorship
    from byline.core.claim import Base, Claim
    from byline.core.finding import FindingCode
    from byline.core.version import Claimed
    from byline.flow.carries import Carries
    from byline.log.index import EvidenceIndex


Key: TypeAlias = tuple[str, bytes, str]  # a version: commit, path, blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One claim without what it carries in vain, the statement (`digest` of its payload) that it stands in, and what was `found` of it."""

    digest: str
    statement: Authorship
    claim: Claim
    found: frozenset[FindingCode] = frozenset()

    @property
    def key(self) -> tuple[str, bytes]:
        """What tells it from every other claim."""
        return self.digest, self.claim.path

    def base_key(self, base: Base) -> Key:
        """Return the version that `base`, one of the claim's, is."""
        return self.statement.commit.parents[base.parent], base.path, base.blob

    def byline(self, owner: Owner) -> Byline:
        """Return `owner` on the word of this claim."""
        return Byline(owner=owner, statement=self.digest, commit=self.statement.commit.id)

    def is_older(self, than: Told) -> bool:
        """Whether it may have been there when `than` was made: clones do not know the order of each other's statements."""
        mine, other = self.statement.chain, than.statement.chain
        return mine.seq < other.seq if mine.id == other.id else self.digest != than.digest


class Claims:
    """The claims of one repository, as the index knew them when it was last refreshed."""

    def __init__(self, index: EvidenceIndex, carries: Carries, unclaimed: Callable[[Base], Claimed]) -> None:
        self._index = index
        self._carries = carries
        self._unclaimed = unclaimed
        self._told: dict[tuple[str, bytes], tuple[Told, ...]] = {}
        self._imported: dict[tuple[str, bytes], tuple[Told, ...]] = {}
        self._composed: dict[tuple[str, bytes], Claimed] = {}

    def of(self, blob: str, path: bytes) -> tuple[Told, ...]:
        """Return every claim of the content `blob` at `path`."""
        known = self._told.get((blob, path))
        if known is None:
            rows = self._index.claims_by_blob(blob, path)
            found = tuple(told for row in rows if (told := self.read(row.statement, path)))
            known = self._told[blob, path] = tuple(each for each in found if not each.statement.is_imported)
            if len(known) < len(found):
                self._imported[blob, path] = tuple(each for each in found if each.statement.is_imported)
        return known

    def imported(self, blob: str, path: bytes) -> tuple[Told, ...]:
        """Return every claim of the content `blob` at `path` that was imported."""
        self.of(blob, path)
        return self._imported.get((blob, path), ())

    def tighten(self, version: Claimed) -> Claimed:
        """Return `version` with what was imported about its content."""
        for each in self.imported(version.blob, version.path):
            version = tighten(version, each.claim, statement=each.digest, commit=each.statement.commit.id)
        return version

    def forget(self) -> None:
        """Look everything up anew."""
        self._told.clear()
        self._imported.clear()
        self._carries.forget()

    def newest(self, told: Iterable[Told]) -> tuple[Told, ...]:
        """Return the newest of each clone."""
        chains: dict[str, Told] = {}
        for each in sorted(told, key=lambda told: (told.statement.chain.seq, told.digest)):
            chains[each.statement.chain.id] = each
        return tuple(chains.values())

    def claimed(self, blob: str, path: bytes) -> Claimed | None:
        """Return what the newest claims of `blob` at `path` say together."""
        found = [self.compose(each) for each in self.newest(self.of(blob, path)) if each.claim.segments]
        return join(found) if found else None

    def give_hand(self, blob: str, path: bytes, bylines: tuple[Byline, ...]) -> tuple[Byline, ...]:
        """Return `bylines`, an agent's where nothing explains them and a claim without lines names the agent's hand.

        A claim is without lines where they were too many.
        """
        for told in self.newest(self.of(blob, path)):
            if not told.claim.segments and told.claim.hand.is_ai:
                hand = inferred(told.byline(told.claim.hand))
                return tuple(byline if byline.owner.is_known else hand for byline in bylines)
        return bylines

    def whole(self, blob: str, path: bytes) -> tuple[frozenset[str | None], ...]:
        """Return for each line of the content `blob` the statements from which claims of this very content at `path` have it."""
        versions = [self.compose(each).bylines for each in self.of(blob, path) if each.claim.segments]
        return tuple(frozenset(byline.statement for byline in line if byline) for line in zip_longest(*versions))

    def similar(self, hashes: Sequence[bytes], paths: Sequence[bytes]) -> Iterator[Claimed]:
        """Yield the versions whose claims hold one of `hashes`: those at `paths` first, then the most hits, then the newest."""
        rows = [(row, self.read(row.statement, row.path)) for row in self._index.claims_with_hashes(hashes)]
        found = [(row, told) for row, told in rows if told and not told.statement.is_imported]
        found.sort(key=lambda pair: (pair[1].claim.path in paths, pair[0].hits, pair[1].statement.chain.seq, pair[1].digest), reverse=True)
        for _, told in found:
            yield self.compose(told)

    def compose(self, told: Told) -> Claimed:
        """Return what claims alone say of the version of `told`, however long the chain of bases is."""
        stack = [told]
        begun: set[tuple[str, bytes]] = set()
        while stack:
            each = stack[-1]
            bases = [self._base(each, base) for base in each.claim.bases]
            wanted = [base for base in bases if base and base.key not in self._composed and base.key not in begun]
            if each.key not in self._composed and wanted and each.key not in begun:
                begun.add(each.key)
                stack += wanted
                continue
            stack.pop()
            copied = each.claim.copied_bases
            known = [
                self._composed.get(base.key) if base else self._unclaimed(stands) if number in copied else None
                for number, (base, stands) in enumerate(zip(bases, each.claim.bases, strict=True))
            ]
            composed = compose(each.claim, known, statement=each.digest, commit=each.statement.commit.id)
            self._composed[each.key] = self.tighten(composed)
        return self._composed[told.key]

    def _base(self, told: Told, base: Base) -> Told | None:
        older = [each for each in self.of(base.blob, base.path) if each.claim.segments and each.is_older(told)]
        parents = told.statement.commit.parents
        direct = [each for each in older if base.parent < len(parents) and each.statement.commit.id == parents[base.parent]]
        mine = [each for each in direct or older if each.statement.chain.id == told.statement.chain.id]
        return max(mine or direct or older, key=lambda each: (each.statement.chain.seq, each.digest), default=None)

    def recheck(self, claim: Claim) -> tuple[Rechecked, ...]:
        """Return what becomes of the carried lines of `claim` when they are looked up in all that is here."""
        return self._carries.recheck(claim, self.whole)

    def in_statement(self, digest: str) -> tuple[Told, ...]:
        """Return every claim of the statement `digest`, if it is here and about this repository."""
        statement = self._carries.statement(digest)
        return tuple(self._tell(digest, statement, claim) for claim in statement.claims) if statement else ()

    def read(self, digest: str, path: bytes) -> Told | None:
        """Return the claim of `path` in the statement `digest`, None if there is none."""
        statement = self._carries.statement(digest)
        claim = next((claim for claim in statement.claims if claim.path == path), None) if statement else None
        return self._tell(digest, statement, claim) if statement and claim else None

    def _tell(self, digest: str, statement: Authorship, claim: Claim) -> Told:
        return Told(digest=digest, statement=statement, claim=claim, found=self._carries.found(digest, claim.path))

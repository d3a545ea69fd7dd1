# SPDX-License-Identifier: Apache-2.0
"""What statements carry forward, looked at again: in the statements that they name, and in git's objects where those are here.

    carries = Carries(index, repository, texts.lines, texts.hash_lines)
    told = carries.statement(digest)            # without the lines that do not follow from what it names
    carries.recheck(statement)                  # every carried line of it, and what became of it

A statement counts as it is left when its own carries were looked at, so a line is never better than the weakest statement on its way.
`accepts` tells which statements may be relied on at all: a reader shows who is not verified and takes every one, `byline verify` those
that are proven. Nothing here runs a program of the repository or fetches an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.attribute.recheck import Outcome, Shelf, follow, recheck
from byline.core.claim import New
from byline.core.finding import FindingCode
from byline.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from byline.attribute.recheck import Rechecked
    from byline.core.authorship import Authorship
    from byline.core.claim import Claim
    from byline.log.index import EvidenceIndex

FOUND = {Outcome.FAILS: FindingCode.CARRY_FAILS, Outcome.UNSURE: FindingCode.HISTORY_CUT}


class Carries:
    """The statements of one repository, as `index` knew them when it was last refreshed. Not thread-safe."""

    def __init__(
        self,
        index: EvidenceIndex,
        repository: str,
        lines: Callable[[str], tuple[bytes, ...] | None],
        hashes: Callable[[Sequence[bytes]], Sequence[bytes]],
        *,
        accepts: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._index = index
        self._repository = repository
        self._accepts = accepts
        self._shelf = Shelf(said=self._known, lines=lines, hashes=hashes)
        self._followed: dict[str, tuple[Authorship | None, dict[bytes, frozenset[FindingCode]]]] = {}

    def forget(self) -> None:
        """Look everything up anew."""
        self._followed.clear()

    def statement(self, digest: str) -> Authorship | None:
        """Return the statement without the carried lines that do not hold; None if it is not here, or of another repository."""
        stack = [digest]
        while stack:
            read = None if stack[-1] in self._followed else self._read(stack[-1])
            wanted = [each for each in _named(read) if each not in self._followed] if read else []
            if wanted:
                stack += wanted
                continue
            each = stack.pop()
            if each not in self._followed:
                self._followed[each] = (None, {}) if read is None else self._follow(read)
        return self._known(digest)

    def found(self, digest: str, path: bytes) -> frozenset[FindingCode]:
        """Return what was found about the carries of a statement's claim of `path`, once the statement was asked for."""
        return self._followed[digest][1].get(path, frozenset())

    def recheck(self, claim: Claim, whole: Callable[[str, bytes], Sequence[Collection[str | None]]] | None = None) -> tuple[Rechecked, ...]:
        """Return what becomes of the carried lines of `claim`; with `whole` also whether the content is the very same (`Shelf`)."""
        for each in claim.segments:
            if isinstance(each, New) and each.carried:
                self.statement(each.carried.statement)
        return recheck(claim, replace(self._shelf, whole=whole))

    def _known(self, digest: str) -> Authorship | None:
        return self._followed[digest][0]

    def _read(self, digest: str) -> Authorship | None:
        statement = self._index.statement(digest) if self._accepts(digest) else None
        return statement if statement and statement.repository == self._repository else None

    def _follow(self, statement: Authorship) -> tuple[Authorship, dict[bytes, frozenset[FindingCode]]]:
        claims, found = [], {}
        for claim in statement.claims:
            rechecked = recheck(claim, self._shelf)
            codes = frozenset(FOUND[each.outcome] for each in rechecked if each.outcome is not Outcome.HOLDS)
            if codes:
                found[claim.path] = codes
            claims.append(follow(claim, rechecked))
        return (replace(statement, claims=tuple(claims)) if found else statement), found


def _named(statement: Authorship) -> Iterator[str]:
    for claim in statement.claims:
        for each in claim.segments:
            if isinstance(each, New) and each.carried:
                yield each.carried.statement

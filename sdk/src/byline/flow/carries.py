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

from byline.attribute.recheck import Outcome, Shelf, follow, is_kept, recheck
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
        self._seen: set[str] = set()
        self._changed: dict[str, tuple[Authorship, dict[bytes, frozenset[FindingCode]]]] = {}  # the few of which something does not hold

    def forget(self) -> None:
        """Look everything up anew."""
        self._seen.clear()
        self._changed.clear()

    def statement(self, digest: str) -> Authorship | None:
        """Return the statement without the carried lines that do not hold; None if it is not here, or of another repository."""
        stack = [digest]
        while stack:
            read = None if stack[-1] in self._seen else self._read(stack[-1])
            wanted = [each for each in _named(read) if each not in self._seen] if read else []
            stack += wanted
            if not wanted:
                each = stack.pop()
                self._seen.add(each)
                if read:
                    self._follow(each, read)
        return self._known(digest)

    def found(self, digest: str, path: bytes) -> frozenset[FindingCode]:
        """Return what was found about the carries of the statement's claim of `path`; the statement was asked for before."""
        return self._changed[digest][1].get(path, frozenset()) if digest in self._changed else frozenset()

    def recheck(self, claim: Claim, whole: Callable[[str, bytes], Sequence[Collection[str | None]]] | None = None) -> tuple[Rechecked, ...]:
        """Return what becomes of the carried lines of `claim`; with `whole` also whether the content is the very same (`Shelf`)."""
        named = [each.carried.statement for each in claim.segments if isinstance(each, New) and each.carried]
        for each in named:
            self.statement(each)
        return recheck(claim, replace(self._shelf, whole=whole)) if named else ()

    def _known(self, digest: str) -> Authorship | None:
        return self._changed[digest][0] if digest in self._changed else self._read(digest)

    def _read(self, digest: str) -> Authorship | None:
        statement = self._index.statement(digest) if self._accepts(digest) else None
        return statement if statement and statement.repository == self._repository else None

    def _follow(self, digest: str, statement: Authorship) -> None:
        claims, found = [], {}
        for claim in statement.claims:
            rechecked = recheck(claim, self._shelf)
            codes = frozenset(FOUND[each.outcome] for each in rechecked if not is_kept(each))
            if codes:
                found[claim.path] = codes
            claims.append(follow(claim, rechecked))
        if found:
            self._changed[digest] = replace(statement, claims=tuple(claims)), found


def _named(statement: Authorship) -> Iterator[str]:
    for claim in statement.claims:
        for each in claim.segments:
            if isinstance(each, New) and each.carried:
                yield each.carried.statement

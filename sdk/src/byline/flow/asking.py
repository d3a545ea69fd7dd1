# SPDX-License-Identifier: Apache-2.0
"""What `flow.resolve` asks when nobody has asked the same before: claims, git's objects, and the journal.

The journal is settled and folded as far as it goes; nothing is signed.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from byline.attribute.match import Draft
from byline.attribute.search import Ground, Target, search
from byline.core.attribution import UNATTRIBUTED, Byline, stricter
from byline.flow.progress import take_up
from byline.flow.resolve import Answer
from byline.flow.versions import Versions

if TYPE_CHECKING:
    from byline.flow.workshop import Workshop
    from byline.log.index import EvidenceIndex


class Asking:
    """One clone, as its journal and its evidence are now. Not thread-safe."""

    def __init__(self, workshop: Workshop, index: EvidenceIndex) -> None:
        self._workshop = workshop
        self._versions = Versions(workshop, index)
        take_up(workshop, self._versions)

    def committed(self, commit: str, path: bytes) -> Answer:
        """Answer for the text at `path` of `commit`."""
        self._versions.findings.clear()
        version = self._versions.committed(commit, path)
        return Answer(
            bylines=version.bylines if version else (),
            findings=tuple(sorted(self._versions.findings)),
            is_lasting=not self._versions.used_journal,
        )

    def found(self, path: bytes, blob: str, lines: tuple[bytes, ...]) -> Answer:
        """Answer for the text `blob` that stands at `path` in the work tree, as if it were committed now."""
        versions = self._versions
        versions.findings.clear()
        grounds = self._grounds(path, blob, lines)
        draft = Draft(lines)
        for ground in grounds:
            draft.take_base(None, ground.bylines(), ground.matching)
        search(draft, Target(path=path, blob=blob, worktree=self._workshop.worktree), grounds, versions.state, versions)
        return Answer(bylines=draft.close(), findings=tuple(sorted(versions.findings)), is_lasting=False)

    def hand(self, blob: str, path: bytes) -> Byline:
        """Answer for content without lines: who made it what it is, the strictest of what is claimed."""
        claims = self._versions.claims
        hands = [
            Byline(owner=each.claim.hand, statement=each.digest, commit=each.statement.commit.id)
            for each in claims.newest(claims.of(blob, path))
        ]
        return reduce(_stricter, hands) if hands else UNATTRIBUTED

    def _grounds(self, path: bytes, blob: str, lines: tuple[bytes, ...]) -> list[Ground]:
        """HEAD's version, then the journal's last one, unless one of the journal's is these very bytes (rule 3)."""
        head = self._workshop.repo.head()
        seen = self._versions.state.seen(self._workshop.worktree, path)
        found = [self._versions.committed(head, path) if head else None]
        if seen and blob not in {each.blob for each in seen}:
            found.append(self._versions.recorded(path, seen[-1]))
        return [Ground.of(each, lines) for each in found if each]


def _stricter(one: Byline, other: Byline) -> Byline:
    return other if stricter(one.owner, other.owner) is other.owner else one

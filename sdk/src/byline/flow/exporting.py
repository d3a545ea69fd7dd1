# SPDX-License-Identifier: Apache-2.0
"""Export: what each commit brought, and whose it is, as other tools' records say it.

    for told in tell_commits(workshop, commits, trust=trust, at=now):
        format_trace(told.commit, told.hearsay, at=told.time, version=...)      # or core.git_ai.format_note

Only what is proven under the reader's trust is told: the owner of a line whose statement is not proven, or that has none, is
`unknown`, and counted. A formatter's lines, and those that came in whole from elsewhere, are nobody's in those formats: unknown, too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.attribution import Origin
from byline.core.hearsay import Hearsay
from byline.core.redaction import redact_owner
from byline.core.value import dataclass
from byline.flow.brought import read_parts
from byline.flow.progress import take_up
from byline.flow.proofs import prove_statements
from byline.flow.versions import Versions
from byline.git.ident import read_ident
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.core.trust import Trust
    from byline.flow.brought import Part
    from byline.flow.workshop import Workshop

TELLABLE = (Origin.HUMAN, Origin.AI, Origin.MIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What `commit`, made at `time`, brought; `unproven` lines are known here and unknown there."""

    commit: str
    time: datetime
    hearsay: tuple[Hearsay, ...]
    unproven: int = 0


def tell_commits(workshop: Workshop, commits: Iterable[str], *, trust: Trust | None, at: datetime) -> Iterator[Exported]:
    """Yield what each of `commits` (ids) brought, as far as it is proven under `trust` at the moment `at`.

    Raises:
        RepositoryError: Git cannot read a commit, or the evidence.
    """
    with EvidenceIndex(workshop.cache) as index:
        index.refresh(EvidenceRef(workshop.repo))
        versions = Versions(workshop, index)
        take_up(workshop, versions)
        for commit in commits:
            parts = tuple(read_parts(versions, commit))
            proofs = prove_statements(index, {part.byline.statement for part in parts}, trust=trust, at=at)
            proven = {digest for digest, proof in proofs.items() if proof.verified}
            unproven = sum(len(part.lines) for part in parts if part.byline.owner.is_known and part.byline.statement not in proven)
            hearsay = tuple(_tell(commit, part, is_proven=part.byline.statement in proven) for part in parts)
            info = workshop.repo.commit_info(commit)
            yield Exported(commit=commit, time=read_ident(info.committer).time.astimezone(UTC), hearsay=hearsay, unproven=unproven)


def _tell(commit: str, part: Part, *, is_proven: bool) -> Hearsay:
    owner = redact_owner(part.byline.owner)  # a statement may be another Byline's, or an import
    origin = owner.origin if is_proven and owner.origin in TELLABLE else Origin.UNKNOWN
    writer = owner.earlier if owner.earlier and not owner.agent else owner  # of mixed text the agent is named, whoever wrote last
    is_ai = origin in (Origin.AI, Origin.MIXED)
    return Hearsay(
        commit=commit,
        path=part.path,
        lines=part.lines,
        origin=origin,
        agent=writer.agent if is_ai else None,
        session=writer.session if is_ai else None,
        person=owner.principal if origin is Origin.HUMAN else None,
        digest=part.digest,
        statement=part.byline.statement if origin is not Origin.UNKNOWN else None,
    )

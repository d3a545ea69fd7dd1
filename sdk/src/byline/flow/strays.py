# SPDX-License-Identifier: Apache-2.0
"""What is missing in a clone, or does not belong there: `byline status` asks, so it looks at little and reads no history.

    find_strays(workshop, index, is_proven=lambda digest: True)         # findings; see core.finding

    CHAIN_GAP          numbers of a clone's statements that no statement here has, before one that is proven
    OTHER_REPOSITORY   a statement among the evidence names another repository; or all edits of a session were made at commits that are
                       not here: the journal of another repository was copied, or its history was thrown away
    SESSION_GAP        numbers of a session's edits that the end of the journal does not have, where the session counts them
    NO_RECORD          an unpushed commit names an agent, and the statements about it name no program

That one session has edits in two repositories is no finding: agents work in several at once, and each edit is recorded where its file is.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING

from byline.capture.journal import read_recent
from byline.core.edit import Edit
from byline.core.finding import MEANING, Finding, FindingCode
from byline.core.trailers import names_agent
from byline.flow.findings import has_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository
    from byline.log.index import EvidenceIndex

MOST = 20  # gaps and strangers that are told, and commits that are looked at


def find_strays(workshop: Workshop, index: EvidenceIndex, *, is_proven: Callable[[str], bool]) -> tuple[Finding, ...]:
    """Return what is missing or strange here; `is_proven` tells which statements (digests) are.

    Raises:
        RepositoryError: Git cannot list the commits.
        OSError: The journal cannot be read.
    """
    found = [*_chains(index, is_proven), *_statements(index, workshop.identity.repository)]
    return (*found, *_unrecorded(workshop.repo, index), *_journal(workshop))


def _chains(index: EvidenceIndex, is_proven: Callable[[str], bool]) -> Iterator[Finding]:
    for gap in index.chain_gaps()[:MOST]:
        if is_proven(gap.statement):
            numbers = f"statement {gap.first}" if gap.first == gap.last else f"statements {gap.first} to {gap.last}"
            message = f"{numbers} of clone {gap.chain}: not here"
            yield Finding(code=FindingCode.CHAIN_GAP, message=message, statement=gap.statement)


def _statements(index: EvidenceIndex, repository: str) -> Iterator[Finding]:
    for statement, other in index.of_other_repositories(repository, limit=MOST):
        message = f"a statement among the evidence is of the repository {other}"
        yield Finding(code=FindingCode.OTHER_REPOSITORY, message=message, statement=statement)


def _unrecorded(repo: Repository, index: EvidenceIndex) -> Iterator[Finding]:
    for info in repo.commit_infos(repo.unpushed_commits(most=MOST)):
        if names_agent(info.author, info.committer, message=info.message):
            told = [*filter(None, (index.statement(fact.statement) for fact in index.facts(commit=info.id)))]
            if told and not any(has_program(claim) for statement in told for claim in statement.claims):
                yield Finding(code=FindingCode.NO_RECORD, message=MEANING[FindingCode.NO_RECORD], commit=info.id)


def _journal(workshop: Workshop) -> Iterator[Finding]:
    sessions: dict[str, list[Edit]] = {}
    for event in read_recent(workshop.place):
        if isinstance(event, Edit) and event.session:
            sessions.setdefault(event.session, []).append(event)
    for session, edits in sessions.items():
        heads = {each.head for each in edits if each.head}
        if heads and not any(map(workshop.repo.has_object, heads)):
            message = f"session {session}: its edits were made at commits that are not here"
            yield Finding(code=FindingCode.OTHER_REPOSITORY, message=message)
        numbers: dict[str, set[int]] = {}  # each process of a session counts its own
        for each in edits:
            if each.seq:
                numbers.setdefault(each.name.rpartition(".")[0], set()).add(each.seq)
        for before, after in chain.from_iterable(pairwise(sorted(counted)) for counted in numbers.values()):
            if after > before + 1:
                message = f"session {session}: no edit between number {before} and number {after} is in the journal"
                yield Finding(code=FindingCode.SESSION_GAP, message=message)

# SPDX-License-Identifier: Apache-2.0
"""Blame: `byline.blame/1` of one file, as it was answered before if nothing changed that the answer rests on.

    blame = find_blame(workshop, "HEAD", b"src/a.py", trust=TrustHere(mark=hash_trust, load=read_trust), at=now)
    blame.ranges                                # as `core.report` says them; blame.lines are the text

An answer is kept under everything that it follows from: the text and where it stands, the trees of the evidence, the repository's
identity and the mark of trust; if the journal was asked, also the journal's stamp. It is not kept where an object was missing, where
trust could not be read, or where something was recorded meanwhile; and an expired trust proves nothing, whatever was kept. So what is
kept can be deleted at any time, and can never say more than asking again would.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from byline.core.finding import FindingCode
from byline.core.value import dataclass
from byline.flow.pending import journal_stamp
from byline.flow.subject import find_subject
from byline.log.database import Database
from byline.log.trees import evidence_trees, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from byline.core.canonical import Json
    from byline.core.trust import Trust
    from byline.flow.subject import Subject
    from byline.flow.workshop import Workshop

KEPT = "byline.blame/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustHere:
    """The trust that a reader has: `mark` tells it from any other (None: there is none), `load` reads it."""

    mark: Callable[[], str | None]
    load: Callable[[], Trust | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Who wrote what `subject` is, in `ranges` over its lines, and what was found on the way (`flow.resolve`)."""

    subject: Subject
    ranges: Sequence[dict[str, Json]]
    findings: tuple[FindingCode, ...] = ()


def find_blame(workshop: Workshop, rev: str | None, path: bytes, *, trust: TrustHere, at: datetime) -> Blame:
    """Return who wrote the lines of `path` at `rev`, None for the work tree, and whether that is proven at the moment `at`.

    Raises:
        RepositoryError: There is no such commit, or no such file in it.
    """
    subject = find_subject(workshop.repo, rev, path)
    if subject.lines is None:
        return Blame(subject=subject, ranges=())
    before = journal_stamp(workshop)
    mark = trust.mark()
    key = _key(workshop, subject, mark, fingerprint(evidence_trees(workshop.repo).values()))
    with Database(workshop.cache) as database:
        kept = database.kept(key)
    found = _read(json.loads(kept), subject, before, at) if kept else None
    return found or _ask(workshop, subject, trust, (mark, before), at)


def _key(workshop: Workshop, subject: Subject, mark: str | None, evidence: str) -> bytes:
    identity = workshop.identity
    where = [subject.path.hex(), subject.blob, subject.commit, "" if subject.is_committed else workshop.worktree]
    parts = [KEPT, identity.repository, identity.line_key.hex(), evidence, mark, *where]
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _read(value: dict[str, Any], subject: Subject, stamp: str | None, at: datetime) -> Blame | None:
    """Return the kept answer, None if what it rests on is not what it was."""
    rows, facts, findings, until, journal = (value[name] for name in ("rows", "facts", "findings", "until", "journal"))
    if (journal is not None and journal != stamp) or (until is not None and at.timestamp() >= until):
        return None
    ranges, start = [], 1
    for count, number in rows:
        ranges.append({"start": start, "end": start + count - 1, **facts[number]})
        start += count
    return (
        Blame(subject=subject, ranges=ranges, findings=tuple(map(FindingCode, findings))) if start == len(subject.lines or ()) + 1 else None
    )


def _ask(workshop: Workshop, subject: Subject, trust: TrustHere, before: tuple[str | None, str | None], at: datetime) -> Blame:
    """Find the answer, and keep it if `before`, the mark of trust and the stamp of the journal, still is what they are."""
    from byline.core.report import ranges_to_json
    from byline.flow.proofs import prove_statements
    from byline.flow.resolve import open_resolver

    with open_resolver(workshop) as resolver:
        resolved, answer = resolver.answer(subject)
        statements = {byline.statement for byline in resolved.bylines} - {None}
        here = trust.load() if statements else None
        proofs = prove_statements(resolver.index, statements, trust=here, at=at)
        ranges = ranges_to_json(resolved.bylines, {digest for digest, proof in proofs.items() if proof.verified})
        blame = Blame(subject=subject, ranges=ranges, findings=resolved.findings)
        mark, stamp = before
        is_known = not statements or (mark is None if here is None else here.expires > at and trust.mark() == mark)
        is_settled = not answer.asked_journal or (stamp is not None and journal_stamp(workshop) == stamp)
        if answer.is_whole and is_known and is_settled:
            value = _format(blame, stamp if answer.asked_journal else None, here.expires.timestamp() if here else None)
            resolver.index.keep({_key(workshop, subject, mark, resolver.fingerprint): value})
        return blame


def _format(blame: Blame, stamp: str | None, until: float | None) -> bytes:
    numbers: dict[str, int] = {}
    facts: list[dict[str, Json]] = []
    rows = []
    for each in blame.ranges:
        said: Any = dict(each)
        start, end = said.pop("start"), said.pop("end")
        number = numbers.setdefault(repr(said), len(facts))
        if number == len(facts):
            facts.append(said)
        rows.append((end - start + 1, number))
    value = {"rows": rows, "facts": facts, "findings": blame.findings, "until": until, "journal": stamp}
    return json.dumps(value, separators=(",", ":")).encode()

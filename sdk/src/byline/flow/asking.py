# SPDX-License-Identifier: Apache-2.0
"""What `flow.resolve` asks when nobody has asked the same before: claims, git's objects, and the journal.

The journal is settled and folded as far as it goes; nothing is signed.
"""

from __future__ import annotations

import hashlib
import json
from functools import reduce
from typing import TYPE_CHECKING

from byline.attribute.match import Draft
from byline.attribute.rows import BylineTable, expand, read_rows, read_tables, to_rows
from byline.attribute.search import Ground, Target, read_seen, search
from byline.core.attribution import UNATTRIBUTED, Byline, stricter
from byline.core.finding import FindingCode
from byline.core.version import Version
from byline.flow.progress import take_up
from byline.flow.resolve import Answer
from byline.flow.versions import Versions

if TYPE_CHECKING:
    from byline.flow.subject import Subject
    from byline.flow.workshop import Workshop
    from byline.log.index import EvidenceIndex

KEPT = b"byline.resolved/3"
IN_HEAD, IN_JOURNAL = range(2)  # where a draft of the work tree says that a line stood


class Asking:
    """One clone, as its journal and its evidence are now. Not thread-safe."""

    def __init__(self, workshop: Workshop, index: EvidenceIndex, fingerprint: str) -> None:
        self._workshop = workshop
        self._index = index
        self._fingerprint = fingerprint
        self._versions = Versions(workshop, index)
        take_up(workshop, self._versions)

    @property
    def versions(self) -> Versions:
        """What is known of committed versions, and the folded journal."""
        return self._versions

    def answer(self, subject: Subject, lines: tuple[bytes, ...]) -> Answer:
        """Answer for the text `lines` of `subject`; what stands in the work tree is read as if it were committed now."""
        versions = self._versions
        versions.findings.clear()
        versions.note_missing_evidence()
        version = self._committed(subject.commit, subject) if subject.commit else None
        draft = None if subject.is_committed else self._draft(subject, lines, version)
        known = version.bylines if version else (UNATTRIBUTED,) * len(lines)
        return Answer(
            bylines=draft.close() if draft else known,
            findings=tuple(sorted(versions.findings)),
            asked_journal=versions.asked_journal,
            is_whole=versions.is_whole,
            draft=draft,
        )

    def _draft(self, subject: Subject, lines: tuple[bytes, ...], head: Version | None) -> Draft:
        versions, path = self._versions, subject.path
        grounds = self._grounds(subject, lines, head)
        draft = Draft(lines)
        for number, ground in grounds.items():
            draft.take_base(number, ground.bylines(), ground.matching)
        target = Target(path=path, blob=subject.blob, worktree=self._workshop.worktree)
        search(draft, target, [*grounds.values()], versions.state, versions)
        return draft

    def hand(self, blob: str, path: bytes) -> Byline:
        """Answer for content without lines: who made it what it is, the strictest of what is claimed."""
        claims = self._versions.claims
        hands = [each.byline(each.claim.hand) for each in claims.newest(claims.of(blob, path))]
        return reduce(_stricter, hands) if hands else UNATTRIBUTED

    def _grounds(self, subject: Subject, lines: tuple[bytes, ...], head: Version | None) -> dict[int, Ground]:
        """HEAD's version, then the journal's last one, unless one of the journal's is these very bytes (rule 3)."""
        seen = self._versions.state.seen(self._workshop.worktree, subject.path)
        found = {IN_HEAD: head}
        if seen and subject.blob not in {each.blob for each in seen}:
            found[IN_JOURNAL] = read_seen(subject.path, seen[-1], self._versions)
        return {number: Ground.of(each, lines) for number, each in found.items() if each}

    # Committed text, as it was answered under the same evidence before

    def _committed(self, commit: str, subject: Subject) -> Version | None:
        """Return the version in `commit`; it is kept where it is asked for again, under a text on disk that changes."""
        versions, path = self._versions, subject.path
        identity = self._workshop.identity
        parts = (KEPT, self._fingerprint.encode(), identity.repository.encode(), identity.line_key, commit.encode(), path)
        key = hashlib.sha256(b"\0".join(parts)).digest()
        found = self._load(key, path)
        if found is None:
            found = versions.committed(commit, path)
            if found and not subject.is_committed and versions.is_whole and not versions.asked_journal:
                self._keep(key, found)
        return found

    def _load(self, key: bytes, path: bytes) -> Version | None:
        kept = self._index.kept(key)
        if kept is None:
            return None
        value = json.loads(kept)
        lines = self._versions.lines(value["blob"])
        bylines = expand(read_rows(value["rows"], read_tables(value)[1]))
        if lines is None or len(lines) != len(bylines):
            return None
        self._versions.findings.update(map(FindingCode, value["findings"]))
        return Version(path=path, blob=value["blob"], lines=lines, bylines=bylines)

    def _keep(self, key: bytes, version: Version) -> None:
        table = BylineTable()
        rows = table.rows(to_rows(version.bylines))
        value = {"blob": version.blob, "rows": rows, "findings": sorted(self._versions.findings), **table.to_json()}
        self._index.keep({key: json.dumps(value, separators=(",", ":")).encode()})


def _stricter(one: Byline, other: Byline) -> Byline:
    return other if stricter(one.owner, other.owner) is other.owner else one

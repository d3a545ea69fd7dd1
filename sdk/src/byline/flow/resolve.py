# SPDX-License-Identifier: Apache-2.0
"""Resolve: whose text each line of a file is, in a commit or in the work tree. The one door for blame, editor and reports.

    with open_resolver(workshop) as resolver:
        resolved = resolver.resolve("HEAD", b"src/a.py")        # resolved.lines[i] is resolved.bylines[i]'s
        resolved = resolver.resolve(None, b"src/a.py")          # the bytes on disk

A commit's version is composed from claims, and derived only where there are none; the same objects and the same bundles give the
same answer in every clone. The bytes on disk are attributed as if they were committed now: what HEAD has keeps its byline, the
rest comes from the journal. Nothing is signed or written but caches; whoever wants what is pending to be signed first calls
`attest_pending` before. Findings are stable words:

    hash-mismatch     a claim names another text than is there; such lines are unknown
    claims-disagree   two clones claim the same content differently; the stricter is shown
    history-cut       objects are missing (a shallow or partial clone); what they would explain is unknown
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from byline.attribute.match import Draft
from byline.attribute.search import Ground, Target, search
from byline.attribute.state import BylineTable, bylines_from_json, expand, rows_from_json, to_rows
from byline.core.attribution import UNATTRIBUTED, Byline, stricter
from byline.core.lines import blob_id
from byline.errors import MalformedError, RepositoryError
from byline.flow.progress import read_state
from byline.flow.texts import text_lines
from byline.flow.versions import REGULAR, Versions
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.flow.workshop import Workshop
    from byline.git.objects import TreeEntry

CACHE = "cache.db"
WORKTREE = "worktree"
CACHED = b"byline.resolved/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A file at a commit (`revision` is its id) or in the work tree, line by line.

    `is_text` is false for what has no lines to speak of: binary content, a symlink, a submodule, more than 5 MB. Then, and for an
    empty file, there are no lines, and `hand` says who made it what it is, as far as a claim says.
    """

    path: bytes
    revision: str
    lines: tuple[bytes, ...]
    bylines: tuple[Byline, ...]
    findings: tuple[str, ...] = ()
    is_text: bool = True
    hand: Byline = UNATTRIBUTED


class Resolver:
    """Answers for one clone, as its evidence was when `refresh` was last called. Not thread-safe."""

    def __init__(self, workshop: Workshop, index: EvidenceIndex) -> None:
        self._workshop = workshop
        self._index = index
        self.refresh()

    @property
    def index(self) -> EvidenceIndex:
        """The index of the evidence that the answers rest on."""
        return self._index

    def refresh(self) -> None:
        """Take up new evidence and new records.

        Raises:
            RepositoryError: Git cannot read the evidence.
        """
        self._fingerprint = self._index.refresh(EvidenceRef(self._workshop.repo))
        self._versions = Versions(self._workshop, self._index)
        self._has_state = False

    def resolve(self, rev: str | None, path: bytes, *, text: bytes | None = None) -> Resolved:
        """Return whose the lines of `path` are at `rev`; None is the work tree, or `text` if that is what an editor holds.

        Raises:
            RepositoryError: There is no such commit, or no such file in it.
        """
        if rev is None:
            return self._worktree(path, text)
        commit = self._workshop.repo.commit_id(rev)
        entry = self._workshop.repo.entry(commit, path)
        if entry is None:
            raise RepositoryError(
                f"{path.decode(errors='replace')!r} is not in {commit[:12]}", hint="paths start at the top of the repository"
            )
        lines = self._versions.lines(entry.oid) if entry.mode in REGULAR else None
        if lines is None:
            return self._no_text(commit, path, entry)
        key = self._key(commit, path, entry.oid)
        kept = self._load(key, len(lines))
        if kept:
            bylines, findings = kept
            return Resolved(path=path, revision=commit, lines=lines, bylines=bylines, findings=findings)
        return self._committed(commit, path, lines, key)

    def _committed(self, commit: str, path: bytes, lines: tuple[bytes, ...], key: bytes) -> Resolved:
        self._load_state()
        self._versions.findings.clear()
        version = self._versions.committed(commit, path)
        bylines = version.bylines if version else ()
        findings = tuple(sorted(self._versions.findings))
        if not self._versions.used_journal:
            self._keep(key, bylines, findings)
        return Resolved(path=path, revision=commit, lines=lines, bylines=bylines, findings=findings)

    def _worktree(self, path: bytes, text: bytes | None) -> Resolved:
        repo, versions = self._workshop.repo, self._versions
        data = repo.worktree_file(path) if text is None else text
        if data is None:
            raise RepositoryError(f"there is no file {path.decode(errors='replace')!r} in the work tree")
        lines = text_lines(data)
        if lines is None:
            return Resolved(path=path, revision=WORKTREE, lines=(), bylines=(), is_text=False)
        self._load_state()
        versions.findings.clear()
        blob = blob_id(data, repo.algorithm)
        grounds = self._grounds(path, blob, lines)
        draft = Draft(lines)
        for ground in grounds:
            draft.take_base(None, ground.bylines(), ground.matching)
        search(draft, Target(path=path, blob=blob, worktree=self._workshop.worktree), grounds, versions.state, versions)
        return Resolved(path=path, revision=WORKTREE, lines=lines, bylines=draft.close(), findings=tuple(sorted(versions.findings)))

    def _grounds(self, path: bytes, blob: str, lines: tuple[bytes, ...]) -> list[Ground]:
        """HEAD's version, then the journal's last one, unless one of them is these very bytes (rule 3)."""
        head = self._workshop.repo.head()
        seen = self._versions.state.seen(self._workshop.worktree, path)
        found = [self._versions.committed(head, path) if head else None]
        if seen and blob not in {each.blob for each in seen}:
            found.append(self._versions.recorded(path, seen[-1]))
        return [Ground.of(each, lines) for each in found if each]

    def _no_text(self, commit: str, path: bytes, entry: TreeEntry) -> Resolved:
        told = self._versions.claims.newest(self._versions.claims.of(entry.oid, path))
        hands = [Byline(owner=each.claim.hand, statement=each.digest, commit=each.statement.commit.id) for each in told]
        hand = (
            reduce(lambda one, other: other if stricter(one.owner, other.owner) is other.owner else one, hands) if hands else UNATTRIBUTED
        )
        return Resolved(path=path, revision=commit, lines=(), bylines=(), is_text=False, hand=hand)

    def _load_state(self) -> None:
        if not self._has_state:
            self._has_state = True
            read_state(self._workshop.place, self._versions)

    # The cache of answers

    def _key(self, *parts: str | bytes) -> bytes:
        identity = self._workshop.identity
        whole = (CACHED, self._fingerprint, identity.repository, identity.line_key, *parts)
        return hashlib.sha256(b"\0".join(part.encode() if isinstance(part, str) else part for part in whole)).digest()

    def _load(self, key: bytes, count: int) -> tuple[tuple[Byline, ...], tuple[str, ...]] | None:
        data = self._index.cached(key)
        try:
            value = json.loads(data) if data else None
            bylines = expand(rows_from_json(value["rows"], bylines_from_json(value)[1])) if value else ()
            return (bylines, tuple(value["findings"])) if value and len(bylines) == count else None
        except (MalformedError, ValueError, KeyError, TypeError, IndexError):  # the cache may be anybody's: it is as good as none
            return None

    def _keep(self, key: bytes, bylines: tuple[Byline, ...], findings: tuple[str, ...]) -> None:
        table = BylineTable()
        rows = table.rows(to_rows(bylines))
        self._index.keep(key, json.dumps({"rows": rows, "findings": findings, **table.to_json()}, separators=(",", ":")).encode())


@contextmanager
def open_resolver(workshop: Workshop) -> Iterator[Resolver]:
    """Open what answers for the clone of `workshop`.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    with EvidenceIndex(workshop.place / CACHE) as index:
        yield Resolver(workshop, index)


def resolve(workshop: Workshop, rev: str | None, path: bytes) -> Resolved:
    """Return whose the lines of `path` are at `rev`, None for the work tree; for one question (`Resolver` for many).

    Raises:
        RepositoryError: There is no such commit, or no such file in it.
    """
    with open_resolver(workshop) as resolver:
        return resolver.resolve(rev, path)

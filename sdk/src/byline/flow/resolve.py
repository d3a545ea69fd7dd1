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
from typing import TYPE_CHECKING

from byline.attribute.rows import BylineTable, expand, read_rows, read_tables, to_rows
from byline.core.attribution import UNATTRIBUTED, Byline
from byline.core.lines import MAX_TEXT, blob_id, text_lines
from byline.errors import RepositoryError
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.flow.asking import Asking
    from byline.flow.workshop import Workshop

CACHE = "cache.db"
WORKTREE = "worktree"
CACHED = b"byline.resolved/1"
REGULAR = ("100644", "100755")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One byline for each line, what was found on the way, and whether the same evidence will always answer the same."""

    bylines: tuple[Byline, ...]
    findings: tuple[str, ...] = ()
    is_lasting: bool = True


class Resolver:
    """Answers for one clone, as its evidence was when `refresh` was last called. Not thread-safe."""

    def __init__(self, workshop: Workshop, index: EvidenceIndex) -> None:
        self._workshop = workshop
        self._index = index
        self._asking: Asking | None = None
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
        self._asking = None

    def resolve(self, rev: str | None, path: bytes, *, text: bytes | None = None) -> Resolved:
        """Return whose the lines of `path` are at `rev`; None is the work tree, or `text` if that is what an editor holds.

        Raises:
            RepositoryError: There is no such commit, or no such file in it.
        """
        if rev is None:
            return self._worktree(path, text)
        repo = self._workshop.repo
        commit = repo.commit_id(rev)
        entry = repo.entry(commit, path)
        if entry is None:
            raise RepositoryError(f"{_name(path)} is not in {commit[:12]}", hint="paths start at the top of the repository")
        has_text = entry.mode in REGULAR and repo.blob_size(entry.oid) <= MAX_TEXT
        lines = text_lines(repo.read_blob(entry.oid)) if has_text else None
        if lines is None:
            return Resolved(path=path, revision=commit, lines=(), bylines=(), is_text=False, hand=self._ask().hand(entry.oid, path))
        key = self._key(commit, path, entry.oid)
        answer = self._load(key, len(lines))
        if answer is None:
            answer = self._ask().committed(commit, path)
            if answer.is_lasting:
                self._keep(key, answer)
        return Resolved(path=path, revision=commit, lines=lines, bylines=answer.bylines, findings=answer.findings)

    def _worktree(self, path: bytes, text: bytes | None) -> Resolved:
        data = self._workshop.repo.worktree_file(path) if text is None else text
        if data is None:
            raise RepositoryError(f"there is no file {_name(path)} in the work tree")
        lines = text_lines(data)
        if lines is None:
            return Resolved(path=path, revision=WORKTREE, lines=(), bylines=(), is_text=False)
        answer = self._ask().found(path, blob_id(data, self._workshop.repo.algorithm), lines)
        return Resolved(path=path, revision=WORKTREE, lines=lines, bylines=answer.bylines, findings=answer.findings)

    def _ask(self) -> Asking:
        if self._asking is None:
            # Most questions have been answered before: what answers new ones is imported for those.
            from byline.flow.asking import Asking

            self._asking = Asking(self._workshop, self._index)
        return self._asking

    # The cache of answers

    def _key(self, *parts: str | bytes) -> bytes:
        identity = self._workshop.identity
        whole = (CACHED, self._fingerprint, identity.repository, identity.line_key, *parts)
        return hashlib.sha256(b"\0".join(part.encode() if isinstance(part, str) else part for part in whole)).digest()

    def _load(self, key: bytes, count: int) -> Answer | None:
        data = self._index.cached(key)
        try:
            value = json.loads(data) if data else None
            bylines = expand(read_rows(value["rows"], read_tables(value)[1])) if value else ()
            return Answer(bylines=bylines, findings=tuple(value["findings"])) if value and len(bylines) == count else None
        except (ValueError, KeyError, TypeError, IndexError):  # a cache that does not read is as good as none
            return None

    def _keep(self, key: bytes, answer: Answer) -> None:
        table = BylineTable()
        rows = table.rows(to_rows(answer.bylines))
        value = {"rows": rows, "findings": answer.findings, **table.to_json()}
        self._index.keep(key, json.dumps(value, separators=(",", ":")).encode())


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


def _name(path: bytes) -> str:
    return repr(path.decode(errors="replace"))

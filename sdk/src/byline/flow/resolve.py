# SPDX-License-Identifier: Apache-2.0
"""Resolve: whose text each line of a file is, in a commit or in the work tree. The one door for blame, editor and reports.

    with open_resolver(workshop) as resolver:
        resolved = resolver.resolve("HEAD", b"src/a.py")        # resolved.lines[i] is resolved.bylines[i]'s
        resolved = resolver.resolve(None, b"src/a.py")          # the bytes on disk

A commit's version is composed from claims, and derived only where there are none; the same objects and the same bundles give the
same answer in every clone. The bytes on disk are attributed as if they were committed now: what HEAD has keeps its byline, the
rest comes from the journal. Nothing is signed or written but caches; whoever wants what is pending to be signed calls `attest_pending`
before. What does not fit together is a finding (`core.finding`): such lines are unknown, or the stricter of two answers is given.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from byline.core.attribution import UNATTRIBUTED, Byline
from byline.core.value import dataclass
from byline.flow.subject import find_subject
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.attribute.match import Draft
    from byline.core.finding import FindingCode
    from byline.flow.asking import Asking
    from byline.flow.subject import Subject
    from byline.flow.versions import Versions
    from byline.flow.workshop import Workshop


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
    findings: tuple[FindingCode, ...] = ()
    is_text: bool = True
    hand: Byline = UNATTRIBUTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One byline for each line, and what was found on the way; whether the journal was asked, and every object was here.

    `draft` is that of a text in the work tree.
    """

    bylines: tuple[Byline, ...]
    findings: tuple[FindingCode, ...] = ()
    asked_journal: bool = False
    is_whole: bool = True
    draft: Draft | None = None


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

    @property
    def versions(self) -> Versions:
        """What the answers are composed from, for whoever walks from version to version."""
        return self._ask().versions

    def refresh(self) -> None:
        """Take up new evidence and new records.

        Raises:
            RepositoryError: Git cannot read the evidence.
        """
        self.fingerprint = self._index.refresh(EvidenceRef(self._workshop.repo))
        self._asking = None

    def resolve(self, rev: str | None, path: bytes, *, text: bytes | None = None) -> Resolved:
        """Return whose the lines of `path` are at `rev`; None is the work tree, or `text` if that is what an editor holds.

        Raises:
            RepositoryError: There is no such commit, or no such file in it.
        """
        return self.answer(find_subject(self._workshop.repo, rev, path, text=text))[0]

    def answer(self, subject: Subject) -> tuple[Resolved, Answer]:
        """Return whose the lines of `subject` are, and what the answer rests on."""
        path, revision = subject.path, subject.revision
        if subject.lines is None:
            hand = self._ask().hand(subject.blob, path) if subject.is_committed else UNATTRIBUTED
            return Resolved(path=path, revision=revision, lines=(), bylines=(), is_text=False, hand=hand), Answer(bylines=())
        answer = self._ask().answer(subject, subject.lines)
        return Resolved(path=path, revision=revision, lines=subject.lines, bylines=answer.bylines, findings=answer.findings), answer

    def _ask(self) -> Asking:
        if self._asking is None:
            from byline.flow.asking import Asking

            self._asking = Asking(self._workshop, self._index, self.fingerprint)
        return self._asking


@contextmanager
def open_resolver(workshop: Workshop) -> Iterator[Resolver]:
    """Open what answers for the clone of `workshop`.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    with EvidenceIndex(workshop.cache) as index:
        yield Resolver(workshop, index)


def resolve(workshop: Workshop, rev: str | None, path: bytes) -> Resolved:
    """Return whose the lines of `path` are at `rev`, None for the work tree; for one question (`Resolver` for many).

    Raises:
        RepositoryError: There is no such commit, or no such file in it.
    """
    with open_resolver(workshop) as resolver:
        return resolver.resolve(rev, path)

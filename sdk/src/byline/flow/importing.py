# SPDX-License-Identifier: Apache-2.0
"""Import: what another tool's record says of commits that are here becomes signed statements that may only tighten.

    report = import_hearsay(workshop, reading.hearsay)      # ImportReport(lines=12, statements=("<sha256>", ...), doubts=(...))

Of what is said only one thing is taken: that an agent wrote lines that a commit brought. A person, or nobody, makes no line anybody's.
Each line is looked up where it is said to be, and is a doubt where it is not: a commit or file that is not here, lines beyond the
file's end, text of another SHA-256, lines that the commit did not bring. Lines that are known to be an agent's are nothing new, so
importing twice makes nothing twice.

What is new is one statement for each commit, oldest first, in a chain of its own: signed by the importer, in whose name nothing
stands; its recorder's channel is `import`, and its claims say nothing about any line but those (`core.authorship`).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from byline.core.attribution import UNKNOWN, Channel
from byline.core.authorship import Commit
from byline.core.bundle import join_receipt
from byline.core.claim import MAX_NEW_LINES, Claim, Copied, New, Op, Segment
from byline.core.hearsay import Doubt
from byline.core.lines import is_git_id
from byline.core.value import dataclass
from byline.errors import ConfigError, RepositoryError
from byline.flow.brought import digest_lines, find_brought
from byline.flow.chain import Issuer
from byline.flow.claiming import base_of, commit_effect
from byline.flow.progress import load_progress
from byline.flow.versions import Versions
from byline.flow.workshop import Signatory, Workshop, hold
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.attribution import Owner
    from byline.core.hearsay import Hearsay
    from byline.flow.brought import Brought

LOCK_SECONDS = 60.0
MAX_SAID = 100  # times that a record may speak of all lines of a file: each is looked up


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """`lines` that are an agent's from now on, by `statements` (SHA-256 of the payloads) about `commits`; what was not taken."""

    lines: int = 0
    statements: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def import_hearsay(workshop: Workshop, hearsay: Iterable[Hearsay], *, seconds: float = LOCK_SECONDS) -> ImportReport:
    """Sign what is new in `hearsay`, and add it to the evidence.

    Raises:
        ConfigError: There is no key to sign with, or somebody else signs here for all the `seconds`.
        RepositoryError: Git cannot read the repository, or cannot write evidence.
        OSError: The disk is full or not writable.
    """
    if workshop.own is None:
        raise ConfigError("there is no key to sign what is imported with", hint="byline init makes one")
    taken = [each for each in hearsay if each.owner is not UNKNOWN]
    with hold(workshop.place, seconds=seconds) as is_held, EvidenceIndex(workshop.cache) as index:
        if not is_held:
            raise ConfigError("another byline signs in this clone at this moment", hint="try again when it is done")
        index.refresh(EvidenceRef(workshop.repo))
        versions = Versions(workshop, index)
        # As far as the attester has read it: an edit that waits still counts when it comes, whatever is imported now.
        versions.load_state_with(lambda: load_progress(workshop.place).state)
        return _Import(workshop, workshop.own, versions).run(taken)


class _Import:
    """One import, under the lock."""

    def __init__(self, workshop: Workshop, by: Signatory, versions: Versions) -> None:
        self._repo = workshop.repo
        self._by = by
        self._issuer = Issuer(workshop)
        self._versions = versions
        self._doubts: list[Doubt] = []
        self._statements: list[str] = []
        self._commits: list[str] = []
        self._lines = 0

    def run(self, hearsay: Sequence[Hearsay]) -> ImportReport:
        by_commit: dict[str, list[Hearsay]] = {}
        for each in hearsay:
            by_commit.setdefault(each.commit, []).append(each)
        here = [commit for commit in by_commit if self._is_here(commit)]
        for commit in self._repo.sort_commits(here):
            claims = tuple(self._claims(commit, by_commit[commit]))
            if claims:
                self._issue(commit, claims)
        return ImportReport(
            lines=self._lines, statements=tuple(self._statements), commits=tuple(self._commits), doubts=tuple(dict.fromkeys(self._doubts))
        )

    def _is_here(self, commit: str) -> bool:
        is_whole = is_git_id(commit)
        try:
            is_here = is_whole and self._repo.commit_id(commit) == commit
        except RepositoryError:
            is_here = False
        if not is_here:
            self._doubt(commit[:64], "there is no such commit here" if is_whole else "not a whole commit id")
        return is_here

    def _claims(self, commit: str, hearsay: Sequence[Hearsay]) -> Iterator[Claim]:
        ordered = sorted(hearsay, key=lambda each: (each.path, each.lines))
        for path, said in groupby(ordered, key=lambda each: each.path):
            where = f"{commit[:12]} {path.decode('utf-8', 'replace')}"
            try:
                brought = find_brought(self._versions, commit, path)
                version = self._versions.committed(commit, path)
            except RepositoryError as error:
                self._doubt(where, str(error))
                continue
            if brought is None or version is None:
                self._doubt(where, "there is no such text file in it")
                continue
            owners: dict[int, Owner] = {}
            left = MAX_SAID * len(brought.lines)
            for each in said:
                left -= min(len(each.lines), len(brought.lines))
                if left < 0:
                    self._doubt(where, f"more is said of its {len(brought.lines)} lines than {MAX_SAID} times whose they are")
                    break
                owner = each.owner
                owners.update((j, owner) for j in self._new_lines(brought, each, where) if not version.bylines[j].owner.is_ai)
            if owners:
                claim = self._claim(brought, owners)
                if sum(part.count for part in claim.segments if isinstance(part, New)) > MAX_NEW_LINES:
                    self._doubt(where, f"it brought more than {MAX_NEW_LINES} lines")
                    continue
                self._lines += len(owners)
                yield claim

    def _new_lines(self, brought: Brought, said: Hearsay, where: str) -> Sequence[int]:
        """Return the lines of `said` that the commit brought; what is wrong with the others is a doubt."""
        shown = f"{said.lines.first}-{said.lines.last}"
        if said.lines.end > len(brought.lines):
            self._doubt(where, f"lines {shown} of {len(brought.lines)}")
            return ()
        text = brought.lines[said.lines.start : said.lines.end]
        if said.digest and said.digest not in (digest_lines(text), digest_lines((*text, b""))):
            self._doubt(where, f"lines {shown} have another text than was recorded")
            return ()
        lines = range(said.lines.start, said.lines.end)
        new = [j for j in lines if brought.places[j] is None]
        if len(new) < len(lines):
            self._doubt(where, f"lines {shown}: {len(lines) - len(new)} of them stood in the commit before")
        return new

    def _claim(self, brought: Brought, owners: dict[int, Owner]) -> Claim:
        repo, entry = self._repo, brought.entry
        return Claim(
            path=brought.path,
            op=Op.MODIFY if brought.standings else Op.ADD,
            mode=entry.mode,
            sha256=repo.content_sha256(entry),
            blob=entry.oid,
            hand=UNKNOWN,
            bases=tuple(base_of(repo, each) for each in brought.standings),
            segments=tuple(self._segments(brought, owners)),
        )

    def _segments(self, brought: Brought, owners: dict[int, Owner]) -> Iterator[Segment]:
        hashes = self._versions.texts.hashes(brought.entry.oid)

        def told(j: int) -> tuple[int, int] | Owner:
            """Return where line `j` begins to be copied from, or whose it is said to be: equal for lines of one segment."""
            place = brought.places[j]
            return (place[0], place[1] - j) if place else owners.get(j, UNKNOWN)

        for what, several in groupby(range(len(brought.lines)), key=told):
            run = list(several)
            if isinstance(what, tuple):
                yield Copied(base=what[0], start=what[1] + run[0], count=len(run))
            else:
                yield New(owner=what, hashes=b"".join(hashes[run[0] : run[-1] + 1]))

    def _issue(self, commit: str, claims: Sequence[Claim]) -> None:
        info = self._repo.commit_info(commit)
        said = Commit(id=info.id, tree=info.tree, parents=info.parents)
        issued = self._issuer.issue(said, commit_effect(self._versions, commit), claims, by=self._by, channel=Channel.IMPORT)
        EvidenceRef(self._repo).add(join_receipt(each, self._by.signer.public, None) for each in issued)
        self._statements += [each.digest for each in issued]
        self._commits.append(commit)

    def _doubt(self, where: str, why: str) -> None:
        self._doubts.append(Doubt(where=where, why=why))

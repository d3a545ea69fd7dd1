# SPDX-License-Identifier: Apache-2.0
"""Whose text each line of a committed file is: claims where they exist, rules 5 to 8 where they do not (rule 10).

`Versions` is the port `Sources` over a repository, its claims and the folded journal. A version with a claim is composed from the
recipes back, without text or git; one without is derived (`flow.deriving`). `flow.choice` says which of several claims counts,
`flow.beginning` before which commits nobody need look.
Claims and derivations ask for older versions: the asking goes `MAX_DEPTH` deep and then starts again from the version that was
wanted first, so that a history of any length needs no deep stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.attribute.compose import compose, confirm, is_contradicted, join, keep_agents
from byline.attribute.state import State
from byline.core.attribution import UNATTRIBUTED
from byline.core.effect import REGULAR
from byline.core.finding import FindingCode
from byline.core.lines import squeeze
from byline.core.version import Block, Claimed, Version
from byline.errors import RepositoryError
from byline.flow.bases import Bases
from byline.flow.beginning import Beginning
from byline.flow.carries import Carries
from byline.flow.choice import Choice
from byline.flow.claims import Claims, Key, Told
from byline.flow.deriving import Derived, derive
from byline.flow.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from byline.core.claim import Base
    from byline.flow.workshop import Workshop
    from byline.log.index import EvidenceIndex

MAX_DEPTH = 16


class _WantedError(Exception):
    """The asking went too deep: `key` first."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.key = key


class Versions:
    """The `Sources` of one clone. Not thread-safe: each thread has its own."""

    def __init__(self, workshop: Workshop, index: EvidenceIndex) -> None:
        self.repo = workshop.repo
        self.texts = Texts(workshop.repo, workshop.place, workshop.identity.line_key)
        self.bases = Bases(self.repo, self.texts)
        carries = Carries(index, workshop.identity.repository, self.texts.lines, self.texts.hash_lines)
        self.claims = Claims(index, carries, self._unclaimed)
        self.choice = Choice(self.repo, self.texts, self.bases, self.claims, self.made_from)
        self.beginning = Beginning(self.repo, index)
        self._state: State | None = None
        self._load: Callable[[], State] = State
        self._index = index
        self.findings: set[FindingCode] = set()
        self._known: dict[Key, Claimed] = {}
        self._chosen: dict[Key, tuple[Told, ...]] = {}
        self.used_journal = False  # something known rests on what the journal says
        self.asked_journal = False  # or on what it does not say
        self._is_cut = False
        self._depth = 0
        self._open: set[Key] = set()

    # The port

    def lines(self, blob: str) -> tuple[bytes, ...] | None:
        """As `Sources.lines`."""
        return self.texts.lines(blob)

    def has(self, commit: str, path: bytes) -> bool:
        """As `Sources.has`."""
        try:
            return self.repo.entry(commit, path) is not None
        except RepositoryError:
            self._is_cut = True
            return False

    def committed(self, commit: str, path: bytes) -> Version | None:
        """As `Sources.committed`."""
        try:
            entry = self.repo.entry(commit, path)
        except RepositoryError:
            self._cut()
            return None
        lines = self.lines(entry.oid) if entry and entry.mode in REGULAR else None
        if entry is None or lines is None:
            return None
        known = self._ask((commit, path, entry.oid))
        bylines, agrees = confirm(known, self.texts.hashes(entry.oid))
        if not agrees:
            self.findings.add(FindingCode.HASH_MISMATCH)
        return Version(path=path, blob=entry.oid, lines=lines, bylines=bylines)

    def claimed(self, blob: str, path: bytes) -> Claimed | None:
        """As `Sources.claimed`."""
        return self.claims.claimed(blob, path)

    def hashes(self, lines: Sequence[bytes]) -> tuple[bytes, ...]:
        """As `Sources.hashes`."""
        return self.texts.hash_lines(lines)

    def similar(self, hashes: Sequence[bytes], paths: Sequence[bytes]) -> Iterable[Claimed]:
        """As `Sources.similar`."""
        return self.claims.similar(hashes, paths)

    def lost(self, commit: str, lines: Sequence[bytes]) -> Iterator[Block]:
        """As `Sources.lost`, over the first parent."""
        places = self.bases.lost(commit)
        wanted = dict.fromkeys(place for line in lines for place in places.get(squeeze(line), ()))
        for path, start, end in wanted:
            version = self.committed(self.repo.parents(commit)[0], path)
            if version:
                yield Block(lines=version.lines[start:end], bylines=version.bylines[start:end])

    # What it rests on

    @property
    def is_whole(self) -> bool:
        """Whether every object that was asked for is here; what is missing may be fetched, and then the answer is another one."""
        return not (self._is_cut or self.texts.is_cut or self.choice.is_cut or self.beginning.is_cut)

    def note_missing_evidence(self) -> None:
        """Say so where claims are not here that the evidence names."""
        if not self._index.is_whole():
            self._cut()

    def _cut(self) -> None:
        self._is_cut = True
        self.findings.add(FindingCode.HISTORY_CUT)

    @property
    def state(self) -> State:
        """The journal, as far as it is known; whoever asks for it rests on it."""
        self.asked_journal = True
        if self._state is None:
            self._state = self._load()
        return self._state

    def made_from(self, commit: str) -> tuple[str, ...]:
        """Return the commits that `commit` was made from, as the journal tells."""
        return self.state.made_from.get(commit, ())

    def is_before_all(self, commit: str) -> bool:
        """Whether `commit` was made before anything was recorded, as far as the journal and the evidence tell."""
        if commit in self.state.marked or commit in self.state.made_from:
            return False
        return self.beginning.is_after(commit)

    def set_state(self, state: State) -> None:
        """Know the journal as far as `state`; what was said on the word of an older one is forgotten."""
        if state is not self._state:
            self._state = state
            self._forget_journal()

    def load_state_with(self, load: Callable[[], State]) -> None:
        """Know the journal as far as `load` tells, once somebody asks."""
        self._state, self._load = None, load
        self._forget_journal()

    def forget_claims(self) -> None:
        """Look claims up anew: there are new ones."""
        self.claims.forget()
        self.beginning.forget()
        self._forget_journal()

    def _forget_journal(self) -> None:
        if self.used_journal:
            self._known.clear()
            self.used_journal = False

    # What is known of a version

    def known(self, key: Key) -> tuple[Claimed, tuple[Told, ...] | None]:
        """Return what is known of the version `key`, and of which claims: () if it was derived, None if it rests on itself."""
        return self._ask(key), self._chosen.get(key)

    def derive_here(self, commit: str, path: bytes, blob: str) -> Derived:
        """Return `derive` with the journal of the work tree where this clone made `commit`, if it did."""
        worktree = self.state.marked.get(commit)
        self.used_journal |= worktree is not None
        return derive(self, commit, path, blob, worktree=worktree)

    def _ask(self, key: Key) -> Claimed:
        """Return what is known of the version `key`, from a shallow stack."""
        if self._depth:
            return self._find(key, None)
        stack = [key]
        while True:
            try:
                found = self._find(stack[-1], None)
            except _WantedError as wanted:
                if wanted.key in stack:
                    self._known[wanted.key] = self._unknown(wanted.key)
                stack.append(wanted.key)
                continue
            finally:
                self._depth = 0
                self._open.clear()
            stack.pop()
            if not stack:
                return found

    def _find(self, key: Key, referrer: Told | None) -> Claimed:
        if key in self._known:
            return self._known[key]
        if key in self._open:  # two commits, each recorded as made from the other
            return self._unknown(key)
        if self._depth >= MAX_DEPTH:
            raise _WantedError(key)
        self._depth += 1
        self._open.add(key)
        commit, path, blob = key
        told = self._chosen[key] = self.choice.of(commit, path, blob, referrer)
        said = self._compose(told) if told else self._derive_claimed(commit, path, blob)
        found = self._keep_agents(self.claims.tighten(said), told, referrer)
        if found is not said and is_contradicted(said, found):
            self.findings.add(FindingCode.CLAIMS_DISAGREE)
        self._depth -= 1
        self._open.discard(key)
        self._known[key] = found
        return found

    def _unknown(self, key: Key) -> Claimed:
        _, path, blob = key
        hashes = self.texts.hashes(blob)
        return Claimed(path=path, blob=blob, hashes=b"".join(hashes), bylines=(UNATTRIBUTED,) * len(hashes))

    def _compose(self, told: Sequence[Told]) -> Claimed:
        versions = []
        for each in told:
            self.findings |= each.found
            copied = each.claim.copied_bases
            bases = [self._find(each.base_key(base), each) if number in copied else None for number, base in enumerate(each.claim.bases)]
            versions.append(compose(each.claim, bases, statement=each.digest, commit=each.statement.commit.id))
        if len(versions) > 1 and len({tuple(byline.owner for byline in version.bylines) for version in versions}) > 1:
            self.findings.add(FindingCode.CLAIMS_DISAGREE)
        return join(versions)

    def _keep_agents(self, version: Claimed, told: Sequence[Told], referrer: Told | None) -> Claimed:
        """Tighten what the claims `told` say by those of the same content that do not count: what they call an agent's stays that.

        Anybody may claim the content again, in anybody's name, for a commit that no other claim names.
        """
        others = [each for each in self.claims.of(version.blob, version.path) if each not in told and each.claim.segments] if told else []
        if not others or not any(byline.owner.is_known and not byline.owner.is_ai for byline in version.bylines):
            return version
        return keep_agents(version, (self._compose((each,)) for each in others if referrer is None or each.is_older(referrer)))

    def _derive_claimed(self, commit: str, path: bytes, blob: str) -> Claimed:
        """Derive a version, and say it in the shape in which claims do. What git cannot say is unknown."""
        if self.is_before_all(commit):
            return self._unknown((commit, path, blob))
        touched = self.choice.last_touch(commit, path)
        if touched != commit:
            return self._find((touched, path, blob), None)
        hashes = self.texts.hashes(blob)
        try:
            bylines = self.derive_here(commit, path, blob).draft.close()
        except RepositoryError:
            self._cut()
            known = self.claims.claimed(blob, path)
            bylines = known.bylines if known and len(known.bylines) == len(hashes) else (UNATTRIBUTED,) * len(hashes)
        return Claimed(path=path, blob=blob, hashes=b"".join(hashes), bylines=self.claims.give_hand(blob, path, bylines))

    def _unclaimed(self, base: Base) -> Claimed:
        """What claims alone can say of a base that none of them describes: its hashes, if its text is here."""
        return self._unknown(("", base.path, base.blob))

# SPDX-License-Identifier: Apache-2.0
"""Whose text each line of a committed file is: claims where they exist, rules 5 to 8 where they do not (rule 10).

`Versions` is the port `Sources` over a repository, its claims and the folded journal. A version with a claim is composed from the
recipes back, without text or git; a version without one is derived from its parents, the journal (if this clone made the commit)
and what claims know. Both ask for older versions: the asking goes `MAX_DEPTH` deep and then starts again from the version that
was wanted first, so that a history of any length needs no deep stack.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from byline.attribute.compose import compose, confirm, is_contradicted, join, keep_agents
from byline.attribute.match import Draft
from byline.attribute.search import Ground, Target, search
from byline.attribute.state import State
from byline.core.attribution import UNATTRIBUTED, Byline, inferred
from byline.core.claim import Copied
from byline.core.finding import FindingCode
from byline.core.lines import squeeze
from byline.core.value import dataclass
from byline.core.version import Block, Claimed, Version
from byline.errors import RepositoryError
from byline.flow.bases import REGULAR, Bases, Standing
from byline.flow.claims import Claims, Told
from byline.flow.rederive import Carries
from byline.flow.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from byline.attribute.state import Seen
    from byline.core.claim import Base
    from byline.flow.workshop import Workshop
    from byline.log.index import EvidenceIndex

MAX_DEPTH = 16

Key: TypeAlias = tuple[str, bytes, str]  # a version: commit, path, blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """An unclaimed version: its draft, the bases that it stands on, and of those that are text the matching, by number."""

    draft: Draft
    standings: tuple[Standing, ...]
    matchings: dict[int, tuple[int, ...]]


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
        self._state: State | None = None
        self._load: Callable[[], State] = State
        self._index = index
        self._first: list[tuple[str, ...]] | None = None
        self._old: set[str] = set()
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

    # Versions

    @property
    def is_whole(self) -> bool:
        """Whether every object that was asked for is here; what is missing may be fetched, and then the answer is another one."""
        return not (self._is_cut or self.texts.is_cut)

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
        self._first = None
        self._old.clear()
        self._forget_journal()

    def _forget_journal(self) -> None:
        if self.used_journal:
            self._known.clear()
            self.used_journal = False

    def recorded(self, path: bytes, seen: Seen) -> Version | None:
        """Return the version `seen` of the journal, if its text is still there."""
        lines = self.lines(seen.blob) if seen.blob else None
        if lines is None or len(lines) != seen.count:
            return None
        return Version(path=path, blob=seen.blob, lines=lines, bylines=seen.bylines)

    def derive(self, commit: str, path: bytes, blob: str, *, worktree: str | None, is_recipe: bool = False) -> Derived:
        """Return what rules 5 to 8 say of the text `blob` at `path` of `commit`, which no claim explains.

        A recipe names the places in the bases and not whose the lines are there, so nobody is asked.
        """
        draft = Draft(self.lines(blob) or ())
        standings = tuple(self.bases.standings(commit, path, blob))
        matchings: dict[int, tuple[int, ...]] = {}
        grounds = []
        for number, standing in enumerate(standings):
            lines = self.lines(standing.entry.oid) if standing.entry.mode in REGULAR else None
            if lines is None:
                continue
            bylines = cache(partial(self._bylines, standing, len(lines)))
            ground = Ground(lines=lines, bylines=bylines, matching=self.texts.matching(standing.entry.oid, blob))
            draft.take_base(number, (UNATTRIBUTED,) * len(lines) if is_recipe else ground.bylines(), ground.matching)
            matchings[number] = ground.matching
            grounds.append(ground)
        target = Target(
            path=path,
            blob=blob,
            old_paths=tuple(standing.path for standing in standings),
            commit=commit,
            made_from=self.state.made_from.get(commit, ()),
            worktree=worktree,
        )
        search(draft, target, grounds, self.state, self)
        return Derived(draft=draft, standings=standings, matchings=matchings)

    def derive_here(self, commit: str, path: bytes, blob: str) -> Derived:
        """Return `derive` with the journal of the work tree where this clone made `commit`, if it did."""
        worktree = self.state.marked.get(commit)
        self.used_journal |= worktree is not None
        return self.derive(commit, path, blob, worktree=worktree)

    def _bylines(self, standing: Standing, count: int) -> tuple[Byline, ...]:
        version = self.committed(standing.commit, standing.path)
        return version.bylines if version else (UNATTRIBUTED,) * count

    def known(self, key: Key) -> tuple[Claimed, tuple[Told, ...] | None]:
        """Return what is known of the version `key`, and of which claims: () if it was derived, None if it rests on itself."""
        return self._ask(key), self._chosen.get(key)

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
        told = self._chosen[key] = self.choose(commit, path, blob, referrer)
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
            used = {segment.base for segment in each.claim.segments if isinstance(segment, Copied)}
            bases = [self._base(each, base) if number in used else None for number, base in enumerate(each.claim.bases)]
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

    def _base(self, told: Told, base: Base) -> Claimed:
        return self._find(base_key(told, base), told)

    def choose(self, commit: str, path: bytes, blob: str, referrer: Told | None = None) -> tuple[Told, ...]:
        """Return the claims that count for the content `blob` at `path` of `commit` (note 4a)."""
        found = [each for each in self.claims.of(blob, path) if each.claim.segments or not self.lines(blob)]
        if referrer:
            found = [each for each in found if each.is_older(referrer)]
        if len(found) > 1:
            direct = _made_for(found, (commit,))
            if not direct:
                touched = self.last_touch(commit, path)
                direct = _made_for(found, (touched,)) or _made_for(found, self.state.made_from.get(touched, ()))
                direct = direct or self._on_base(found, touched, path)
            found = direct or found
        return self.claims.newest(found)

    def _on_base(self, found: Sequence[Told], commit: str, path: bytes) -> list[Told]:
        try:
            blobs = {standing.entry.oid for standing in self.bases.standings(commit, path, None)}
        except RepositoryError:
            self._is_cut = True
            return []
        return [each for each in found if {base.blob for base in each.claim.bases} == blobs]

    def _derive_claimed(self, commit: str, path: bytes, blob: str) -> Claimed:
        """Derive a version, and say it in the shape in which claims do. What git cannot say is unknown."""
        if self.is_before_all(commit):
            return self._unknown((commit, path, blob))
        touched = self.last_touch(commit, path)
        if touched != commit:
            return self._find((touched, path, blob), None)
        hashes = self.texts.hashes(blob)
        try:
            bylines = self.derive_here(commit, path, blob).draft.close()
        except RepositoryError:
            self._cut()
            known = self.claims.claimed(blob, path)
            bylines = known.bylines if known and len(known.bylines) == len(hashes) else (UNATTRIBUTED,) * len(hashes)
        return Claimed(path=path, blob=blob, hashes=b"".join(hashes), bylines=self.whole_file(blob, path, bylines))

    @property
    def has_begun(self) -> bool:
        """Whether any statement is here before which something could be; `is_before_all` found out."""
        return bool(self._first)

    def is_before_all(self, commit: str) -> bool:
        """Whether `commit` was made before anything was recorded: it is older than the first statement of every clone.

        Nobody could record what stands in it, so its history need not be walked.
        """
        if commit in self.state.marked or commit in self.state.made_from:
            return False
        if commit not in self._old and self._reached_by_all(commit):
            self._old.add(commit)
        if commit in self._old:
            self._old.update(self.repo.parents(commit))  # asked from the newest on, git is asked about the first only
        return commit in self._old

    def _reached_by_all(self, commit: str) -> bool:
        """Whether `commit` is older than the first statement of every clone."""
        if self._first is None:
            self._first = []
            for start in self._index.chain_starts():
                try:
                    self._first.append(self.repo.parents(start))
                except RepositoryError:  # the clone's first commit is not here: nobody can say what came before it
                    self._is_cut = True
                    self._first.append(())
        return all(any(self.repo.reaches(parent, commit) for parent in parents) for parents in self._first)

    def whole_file(self, blob: str, path: bytes, bylines: tuple[Byline, ...]) -> tuple[Byline, ...]:
        """A claim without lines (too many of them) names a hand; an agent's is taken for the lines that nothing else explains."""
        for told in self.claims.newest(self.claims.of(blob, path)):
            if not told.claim.segments and told.claim.hand.is_ai:
                hand = inferred(Byline(owner=told.claim.hand, statement=told.digest, commit=told.statement.commit.id))
                return tuple(byline if byline.owner.is_known else hand for byline in bylines)
        return bylines

    def _unclaimed(self, base: Base) -> Claimed:
        """What claims alone can say of a base that none of them describes: its hashes, if its text is here."""
        return self._unknown(("", base.path, base.blob))

    # Git

    def last_touch(self, commit: str, path: bytes) -> str:
        """Return the newest commit, `commit` or before, that changed `path`; `commit` where git cannot say."""
        try:
            return self.repo.last_touch(commit, path) or commit
        except RepositoryError:
            self._is_cut = True
            return commit


def base_key(told: Told, base: Base) -> Key:
    """Return the version that `base` of the claim `told` is."""
    return told.statement.commit.parents[base.parent], base.path, base.blob


def _made_for(found: Iterable[Told], commits: Iterable[str]) -> list[Told]:
    wanted = set(commits)
    return [each for each in found if each.statement.commit.id in wanted]

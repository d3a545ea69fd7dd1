# SPDX-License-Identifier: Apache-2.0
"""What the commits of a range added, and whose it is: one pass, which costs what the commits changed.

    for added in read_history(resolver.versions, commits):      # ids, newest first; in the same order
        added.info.id, added.shares                             # (Share(path=b"a.py", owner=..., count=12, carried=0), ...)

A line is *added* by a commit if it stands where no parent has it: `core.diff` finds it in no base of its file. Text that only changed
its white space was not added, and neither is what a merge takes from its parents: only what its maker wrote into it counts. Lines
without words (blank ones, brackets alone) are not counted. So each line counts once, in the commit that brought it; a block that
moved to another file is added there and keeps its owner.

Whose they are is what blame says of that commit. Where one claim counts for the content, stands on the very bases of the commit and
carries nothing, its new lines are the answer, checked against the text; where none does, what is left is derived; elsewhere the
version is composed as for blame and compared with its bases. `carried` counts the lines whose owner comes from a statement about
another commit.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, TypeAlias

from byline.core.attribution import UNATTRIBUTED, Byline, Owner
from byline.core.claim import Copied, New
from byline.core.diff import ABSENT
from byline.core.effect import REGULAR
from byline.core.finding import FindingCode
from byline.core.lines import has_word, squeeze
from byline.core.value import dataclass
from byline.core.version import split_hashes
from byline.errors import RepositoryError
from byline.flow.claiming import changed_paths
from byline.flow.deriving import derive

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from byline.core.claim import Claim
    from byline.flow.bases import Standing
    from byline.flow.claims import Told
    from byline.flow.versions import Versions
    from byline.git.objects import CommitInfo, FileChange

AT_ONCE = 128  # commits that git is asked about in one question

Run: TypeAlias = "tuple[Collection[int], Byline, bool]"  # numbers of lines, whose they are, carried


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`count` lines with words that a commit added to `path`, all `owner`'s; `carried` of them by another commit's statement."""

    path: bytes
    owner: Owner
    count: int
    carried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What one commit added, by path and owner; `statements` (digests) say so. `is_cut`: not all is known, for an object is not here."""

    info: CommitInfo
    shares: tuple[Share, ...] = ()
    statements: frozenset[str] = frozenset()
    is_cut: bool = False


def read_history(versions: Versions, commits: Sequence[str], *, wants: Callable[[bytes], bool] = lambda _: True) -> Iterator[Added]:
    """Yield what each of `commits` (ids) added to paths that `wants` takes.

    Raises:
        RepositoryError: One of them is no commit that is here.
    """
    for start in range(0, len(commits), AT_ONCE):
        infos = [*versions.repo.commit_infos(commits[start : start + AT_ONCE])]
        cut = versions.repo.shallow_commits()
        changed = versions.bases.read_ahead(info for info in infos if info.id not in cut)
        versions.texts.read_ahead(
            side.oid
            for each in chain(*changed.values())
            if wants(each.path)
            for side in (each.new, each.old)
            if side and side.mode in REGULAR
        )
        for info in infos:
            if info.id in changed:
                yield _added(versions, info, wants)
            else:
                yield Added(info=info, is_cut=info.id in cut)


def _added(versions: Versions, info: CommitInfo, wants: Callable[[bytes], bool]) -> Added:
    """Return what `info` added, as far as the objects are here."""
    statements: set[str] = set()
    shares: list[Share] = []
    is_cut = False
    try:
        changes = {each.path: each for each in versions.bases.changes(info.parents[0] if info.parents else None, info.id)}
        paths = changed_paths(versions, info.id)
    except RepositoryError:
        return Added(info=info, is_cut=True)
    for path in paths:
        if wants(path):
            try:
                shares += _shares(versions, info.id, changes[path], statements)
            except RepositoryError:
                is_cut = True
    return Added(info=info, shares=tuple(shares), statements=frozenset(statements), is_cut=is_cut)


def _shares(versions: Versions, commit: str, change: FileChange, statements: set[str]) -> Iterator[Share]:
    path, entry = change.path, change.new
    if entry is None or entry.mode not in REGULAR:
        return
    lines = versions.lines(entry.oid)
    if lines is None:
        versions.repo.blob_size(entry.oid)  # no text, or too large; what is not here is an error
        return
    counts: Counter[Owner] = Counter()
    carried: Counter[Owner] = Counter()
    for numbers, byline, is_carried in _runs(versions, commit, path, entry.oid, lines):
        count = sum(has_word(lines[number]) for number in numbers)
        if count:
            counts[byline.owner] += count
            carried[byline.owner] += count * is_carried
            if byline.statement:
                statements.add(byline.statement)
    for owner, count in counts.items():
        yield Share(path=path, owner=owner, count=count, carried=carried[owner])


def _runs(versions: Versions, commit: str, path: bytes, blob: str, lines: Sequence[bytes]) -> Iterator[Run]:
    """Yield the added lines of the version `blob` at `path` of `commit`."""
    told = versions.choice.of(commit, path, blob)
    standings = tuple(versions.bases.standings(commit, path, blob))
    is_plain = not versions.claims.imported(blob, path)
    if is_plain and not told and not versions.is_before_all(commit):
        draft = derive(versions, commit, path, blob, worktree=versions.state.marked.get(commit), is_recipe=True).draft
        for number, byline in enumerate(versions.claims.give_hand(blob, path, draft.close())):
            if draft.places[number] is None:
                yield (number,), byline, byline.statement is not None
    elif is_plain and len(told) == len(versions.claims.of(blob, path)) == 1 and _stands_on(told[0].claim, standings):
        yield from _claimed(versions, commit, told[0], lines)
    else:
        version = versions.committed(commit, path) if told or not is_plain else None
        known = version.bylines if version else (UNATTRIBUTED,) * len(lines)
        carried = {number for each in told for number in _carried(each.claim)}
        for number in _new_lines(versions, standings, blob, len(lines)):
            byline = known[number]
            yield (number,), byline, byline.statement is not None and (byline.commit != commit or number in carried)


def _stands_on(claim: Claim, standings: Iterable[Standing]) -> bool:
    """Whether the new lines of `claim` are its own word, and those that none of `standings` has."""
    own = not any(isinstance(segment, New) and segment.carried for segment in claim.segments)
    return own and {(base.path, base.blob) for base in claim.bases} == {(each.path, each.entry.oid) for each in standings}


def _carried(claim: Claim) -> Iterator[int]:
    start = 0
    for segment in claim.segments:
        if isinstance(segment, New) and segment.carried:
            yield from range(start, start + segment.count)
        start += segment.count


def _claimed(versions: Versions, commit: str, told: Told, lines: Sequence[bytes]) -> Iterator[Run]:
    """Yield the new lines of a claim. What the text does not confirm, new or copied, is unknown."""
    start = 0
    versions.findings |= told.found
    bases = [versions.lines(base.blob) or () for base in told.claim.bases]
    for segment in told.claim.segments:
        text = lines[start : start + segment.count]
        numbers = range(start, start + len(text))
        if isinstance(segment, Copied):
            known = bases[segment.base][segment.start : segment.start + segment.count]
            wrong = set() if known == text else _differing(map(squeeze, known), map(squeeze, text), numbers)
        else:
            byline = Byline(owner=segment.owner, statement=told.digest, commit=told.statement.commit.id)
            wrong = _differing(split_hashes(segment.hashes), versions.hashes(text), numbers)
            yield (sorted({*numbers} - wrong) if wrong else numbers), byline, byline.commit != commit
        if wrong:
            yield sorted(wrong), UNATTRIBUTED, False
            versions.findings.add(FindingCode.HASH_MISMATCH)
        start += segment.count
    yield range(start, len(lines)), UNATTRIBUTED, False


def _differing(said: Iterable[bytes], found: Iterable[bytes], numbers: Iterable[int]) -> set[int]:
    """Return those of `numbers` at which `said` is not what was `found`."""
    return {number for one, two, number in zip_longest(said, found, numbers) if one != two and number is not None}


def _new_lines(versions: Versions, standings: Iterable[Standing], blob: str, count: int) -> Iterator[int]:
    """Yield the lines of `blob` that no base has."""
    kept: set[int] = set()
    for standing in standings:
        if standing.entry.mode in REGULAR:
            kept.update(j for j, i in enumerate(versions.texts.matching(standing.entry.oid, blob)) if i != ABSENT)
    yield from (number for number in range(count) if number not in kept)

# SPDX-License-Identifier: Apache-2.0
"""Where lines that no base explains come from: rule 7, source after source, until every line has an owner.

    7a  the journal of this work tree: the very bytes at this path; at a path that is gone (a move) or elsewhere (a copy); else the
        newest version of this path by line diff, as from a base; else older ones, and those of paths that are gone if half of them
        stands here (12)
    7b  the commits that this one was made from: the very bytes, else by line diff
    7c  a claim of the very bytes at this path
    7d  versions that claims know, by line hashes (rule 8), and what agents wrote lately anywhere in this work tree
    7e  the text of a base, in another place of it or wrapped differently
    7f  a block that another file of the same commit lost

What is neither the very bytes at this very path nor unchanged since they were seen there is `inferred` (rule M).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from byline.attribute.match import BLOCK_BYTES, LONG, TIGHTENING
from byline.core.claim import Carry
from byline.core.diff import ABSENT, gaps, match_lines
from byline.core.lines import has_word, squeeze, weigh
from byline.core.value import dataclass
from byline.core.version import Block, Version, split_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from byline.attribute.match import Draft
    from byline.attribute.state import Seen, State
    from byline.core.attribution import Byline
    from byline.core.diff import Gap
    from byline.core.ports import Sources
    from byline.core.version import Claimed

SMALL = 12  # bytes without white space below which equal files prove nothing about each other
MAX_VERSIONS = 20
MAX_SIMILAR = 50
MAX_COPIED = 10_000  # lines of the journal's versions that are looked through for an agent's


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The version whose lines look for owners.

    `old_paths` are the other paths of its bases, `commit` the commit that holds it (None: the work tree), `made_from` the
    commits it may have been made from, `worktree` the work tree whose journal may know it (None: no journal).
    """

    path: bytes
    blob: str
    old_paths: tuple[bytes, ...] = ()
    commit: str | None = None
    made_from: tuple[str, ...] = ()
    worktree: str | None = None

    @property
    def paths(self) -> tuple[bytes, ...]:
        """The paths at which an older version of this file may have stood, its own first."""
        return tuple(dict.fromkeys((self.path, *self.old_paths)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A version on which the target stands: its lines, whose they are if somebody asks, and which of them each line of the target is."""

    lines: tuple[bytes, ...]
    bylines: Callable[[], Sequence[Byline]]
    matching: tuple[int, ...]

    @classmethod
    def of(cls, version: Version, lines: Sequence[bytes]) -> Ground:
        """Return `version` as the ground of a version with `lines`."""
        return cls(lines=version.lines, bylines=lambda: version.bylines, matching=match_lines(version.lines, lines))


def search(draft: Draft, target: Target, grounds: Sequence[Ground], state: State, sources: Sources) -> None:
    """Give the open lines of `draft` the owners that rule 7 finds."""
    for step in (_in_journal, _in_commits, _in_claims, _by_hash, _of_agents):
        if draft.is_settled:
            return
        step(draft, target, state, sources)
    for ground in grounds:
        changed = gaps(ground.matching, len(ground.lines))
        draft.take_blocks(_gone(draft, ground, changed), lambda _, size: size >= BLOCK_BYTES, weakened=True)
        draft.take_rewrapped(ground.lines, ground.bylines, changed)
        draft.take_reworded(ground.lines, ground.bylines, changed)
    if target.commit and draft.is_open:
        lines = [draft.lines[j] for j in draft.open_lines() if has_word(draft.lines[j])]
        draft.take_blocks(sources.lost(target.commit, lines), lambda count, size: count >= 3 or size >= LONG, weakened=True)


def _gone(draft: Draft, ground: Ground, changed: Iterable[Gap]) -> Iterator[Block]:
    """Yield what went away from `ground` and may stand elsewhere in the draft."""
    wanted = {squeeze(draft.lines[j]) for j in draft.open_lines() if has_word(draft.lines[j])}
    for gap in changed if wanted else ():
        lines = ground.lines[gap.old.start : gap.old.end]
        if not wanted.isdisjoint(map(squeeze, lines)):
            yield Block(lines=tuple(lines), bylines=tuple(ground.bylines()[gap.old.start : gap.old.end]))


def _in_journal(draft: Draft, target: Target, state: State, sources: Sources) -> None:
    own = [seen for path in target.paths for seen in reversed(state.seen(target.worktree, path))]
    exact = [seen for seen in own if seen.blob == target.blob and seen.count == len(draft.lines)]
    if exact:
        draft.take_whole(exact[0].bylines)
        return
    elsewhere = [(path, seen) for path, seen in _elsewhere(target, state) if seen.blob == target.blob and seen.count == len(draft.lines)]
    if elsewhere and weigh(draft.lines) >= SMALL:
        gone = [seen for path, seen in elsewhere if _is_gone(path, target, state, sources)]
        if gone:
            draft.take_whole(gone[-1].bylines, weakened=True)
            return
        draft.take_whole(elsewhere[-1][1].bylines, origins=TIGHTENING, weakened=True)
    latest = [read_seen(target.path, seen, sources) for seen in state.seen(target.worktree, target.path)[-1:]]
    for version in filter(None, latest):
        draft.take_latest(version)
    for version in _versions(draft, target, own, state, sources):
        if not draft.is_open:
            return
        draft.take_aligned(version)


def _versions(draft: Draft, target: Target, own: list[Seen], state: State, sources: Sources) -> Iterator[Version]:
    """The journal's versions that may be older ones of the target, each content once, the newest first."""
    blobs: set[str] = set()
    for seen in own:
        version = read_seen(target.path, seen, sources)
        if version and version.blob and version.blob not in blobs and len(blobs) < MAX_VERSIONS:
            blobs.add(version.blob)
            yield version
    if not target.commit:
        return
    for path in dict.fromkeys(path for path, _ in _elsewhere(target, state)):
        if not _is_gone(path, target, state, sources):
            continue
        found = [version for seen in reversed(state.seen(target.worktree, path)) if (version := read_seen(path, seen, sources))]
        if found and _is_half(found[0].lines, draft.lines):
            yield from found[:MAX_VERSIONS]


def _in_commits(draft: Draft, target: Target, _: State, sources: Sources) -> None:
    for commit in target.made_from:
        for path in target.paths:
            version = None if draft.is_settled else sources.committed(commit, path)
            if version and version.blob == target.blob:
                draft.take_whole(version.bylines, weakened=path != target.path)
            elif version:
                draft.take_aligned(version)


def _in_claims(draft: Draft, target: Target, _: State, sources: Sources) -> None:
    for path in target.paths:
        claimed = sources.claimed(target.blob, path)
        if claimed and len(claimed.bylines) == len(draft.lines):
            draft.take_whole(claimed.bylines, weakened=path != target.path)
            return


def search_copies(draft: Draft, worktree: str, state: State, sources: Sources) -> None:
    """Give the open lines of `draft` that were an agent's before to that agent: whoever put them here did not write them."""
    for claimed, hashes in _similar(draft, (), sources):
        draft.take_copied(hashes, split_hashes(claimed.hashes), claimed.bylines, Carry.HASH)
    _of_agents(draft, Target(path=b"", blob="", worktree=worktree), state, sources)


def _by_hash(draft: Draft, target: Target, _: State, sources: Sources) -> None:
    for claimed, hashes in _similar(draft, target.paths, sources):
        draft.take_hashed(claimed, hashes, is_same_path=claimed.path in target.paths)
        draft.take_copied(hashes, split_hashes(claimed.hashes), claimed.bylines, Carry.HASH)


def _similar(draft: Draft, paths: Sequence[bytes], sources: Sources) -> Iterator[tuple[Claimed, Sequence[bytes]]]:
    """Yield the versions whose claims hold an open line, while there is one, and the hashes of the draft's lines."""
    wanted = [draft.lines[j] for j in draft.open_lines() if has_word(draft.lines[j])]
    hashes: Sequence[bytes] = ()
    for claimed in islice(sources.similar(sources.hashes(wanted), paths) if wanted else (), MAX_SIMILAR):
        if not draft.is_open:
            return
        hashes = hashes or sources.hashes(draft.lines)
        yield claimed, hashes


def _of_agents(draft: Draft, target: Target, state: State, sources: Sources) -> None:
    """What agents wrote in any file, the work tree's own and the newest versions first, though no claim may know it yet."""
    if target.worktree is None or not any(has_word(draft.lines[j]) for j in draft.open_lines()):
        return  # what was not made here the journal does not speak of
    keys = [squeeze(line) for line in draft.lines]
    left = MAX_COPIED
    newest = reversed(tuple(state.versions.items()))
    # A stash, or a hand, takes text from one work tree of the clone to another.
    for (_, path), versions in sorted(newest, key=lambda each: each[0][0] != target.worktree):
        for seen in reversed(versions):
            version = read_seen(path, seen, sources) if any(byline.owner.origin in TIGHTENING for _, byline in seen.rows) else None
            left -= len(version.lines) if version else 0
            if left < 0 or not draft.is_open:
                return
            if version:
                draft.take_copied(keys, [squeeze(line) for line in version.lines], version.bylines, Carry.ALIGNED)


def _elsewhere(target: Target, state: State) -> Iterator[tuple[bytes, Seen]]:
    for (worktree, path), versions in state.versions.items():
        if worktree == target.worktree and path not in target.paths:
            for seen in versions:
                yield path, seen


def _is_gone(path: bytes, target: Target, state: State, sources: Sources) -> bool:
    if target.commit:
        return not sources.has(target.commit, path)
    return state.seen(target.worktree, path)[-1].blob is None


def read_seen(path: bytes, seen: Seen, sources: Sources) -> Version | None:
    """Return the version `seen` of the journal, if its text is still there."""
    lines = sources.lines(seen.blob) if seen.blob else None
    if lines is None or len(lines) != seen.count:
        return None
    return Version(path=path, blob=seen.blob, lines=lines, bylines=seen.bylines)


def _is_half(old: Sequence[bytes], new: Sequence[bytes]) -> bool:
    """Rule 12: half of the characters of the shorter version stand in the other."""
    kept = weigh(new[j] for j, i in enumerate(match_lines(old, new)) if i != ABSENT)
    return kept > 0 and 2 * kept >= min(weigh(old), weigh(new))

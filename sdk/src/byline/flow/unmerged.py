# SPDX-License-Identifier: Apache-2.0
"""What others wrote that a commit takes over without their history: a branch squashed, a file checked out of it, commits folded into one.

Whoever commits such a change typed nothing, and git's objects show it: the same change stands in a commit by another author, or by an
agent, that branches, tags, remotes, FETCH_HEAD or ORIG_HEAD reach and the commit itself does not, or that it was made from (an amend). So
nobody declares it to be theirs. It is asked path by path, and only what those commits changed counts: `added` and `gone` hold lines
without white space. A commit that was made from this one took it over from here. Nor is declared what nobody knows of a text that
stood in the file and is there again (`git checkout OLD -- FILE`: of the newest commits the newest versions are looked at), or that
another file lost, or what an agent wrote before a filter of git's made other text of it.

    others = find_others(versions, info, paths, worktree)
    # {b"a.py": Others(added={b"x=1"}, gone=frozenset(), ends={("100644", "3b18e5...")})}
"""

from __future__ import annotations

from collections import Counter
from functools import cache, partial
from itertools import accumulate
from typing import TYPE_CHECKING

from byline.core.lines import has_word, squeeze
from byline.core.value import dataclass, replace
from byline.errors import RepositoryError
from byline.git.ident import read_ident
from byline.git.repository import MAX_BESIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from byline.flow.versions import Versions
    from byline.git.objects import CommitInfo, TreeEntry

MAX_VERSIONS = 20  # of a file that went away
End = tuple[str, str] | None  # mode and blob id; None: the file is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """What others' commits did to one path: lines `added` and `gone`, and what it became (`ends`).

    `is_veiled`: an agent wrote the file, and a filter of git's made other text of it, so that nothing in it can be told from theirs.
    """

    added: frozenset[bytes] = frozenset()
    gone: frozenset[bytes] = frozenset()
    ends: frozenset[End] = frozenset()
    is_veiled: bool = False

    def wrote(self, lines: Sequence[bytes]) -> tuple[bool, ...]:
        """Say of each line whether it is theirs; lines without words are where the line above or below them is."""
        if self.is_veiled or not self.added:
            return (self.is_veiled,) * len(lines)
        known = [squeeze(line) in self.added if has_word(line) else None for line in lines]
        above = accumulate(known, _spread)
        below = reversed(tuple(accumulate(reversed(known), _spread)))
        return tuple(bool(one or other) for one, other in zip(above, below, strict=True))

    def removed(self, line: bytes) -> bool:
        """Say whether they took such a line away."""
        return self.is_veiled or squeeze(line) in self.gone

    def left(self, entry: TreeEntry | None) -> bool:
        """Say whether they made the file what it is: `entry`."""
        return self.is_veiled or _end(entry) in self.ends


def find_others(versions: Versions, info: CommitInfo, paths: Sequence[bytes], worktree: str) -> Mapping[bytes, Others]:
    """Return what commits by others than the author of `info` did to `paths`, as far as `info` does not stand on them.

    Of what agents did in `worktree`, the journal speaks; only what a filter hides from it is told here.

    Raises:
        RepositoryError: A commit is not here.
    """
    repo = versions.repo
    wanted = frozenset(paths)
    found: dict[bytes, Others] = {}
    for other in _takes_over(versions, info, paths):
        for change in repo.tree_changes(other.parents[0] if other.parents else None, other.id):
            if change.path in wanted:
                known = found.get(change.path, Others())
                found[change.path] = _joined(known, _lines(versions, change.old), _lines(versions, change.new), change.new)
    fresh = {path: lines for path in paths if (lines := _fresh(versions, info, path))}
    for path, texts in (*_brought_back(versions, info, fresh), *_moved(versions, info, fresh)) if fresh else ():
        known = found.get(path, Others())
        found[path] = replace(known, added=known.added | texts)
    written = [path for path in paths if any(seen.writer.is_ai for seen in versions.state.seen(worktree, path))]
    return found | {path: Others(is_veiled=True) for path in repo.filtered_paths(written, info.id)}


def _takes_over(versions: Versions, info: CommitInfo, paths: Sequence[bytes]) -> Iterator[CommitInfo]:
    """Yield the commits by others than the author of `info` of which it may have taken something over at `paths`."""
    repo, state = versions.repo, versions.state
    beside = [each for each in repo.commits_beside(info.id, sorted(paths)) if info.id not in versions.made_from(each)]
    for commit in dict.fromkeys((*beside, *versions.made_from(info.id))):
        try:
            other = repo.commit_info(commit)
        except RepositoryError:  # what an amend took the place of may be thrown away by now
            continue
        if state.is_of_agents(commit) or read_ident(other.author).who != read_ident(info.author).who:
            yield other


def _brought_back(versions: Versions, info: CommitInfo, fresh: Mapping[bytes, frozenset[bytes]]) -> Iterator[tuple[bytes, set[bytes]]]:
    """Yield by path what nobody knows of the lines that a version of the file had which went away, and that are there again."""
    repo = versions.repo
    looked: Counter[bytes] = Counter()
    for commit, changes in repo.walk_changes(repo.newest_commits(None, info.parents[0], limit=MAX_BESIDE), paths=sorted(fresh)):
        for change in changes or ():
            lines, old = fresh.get(change.path, frozenset()), change.old
            looked[change.path] += 1
            if old is None or looked[change.path] > MAX_VERSIONS or lines.isdisjoint(versions.lines(old.oid) or ()):
                continue
            version = versions.committed(repo.parents(commit)[0], change.path)
            known = zip(version.lines, version.bylines, strict=True) if version else ()
            yield change.path, {squeeze(line) for line, byline in known if line in lines and not byline.owner.is_known}


def _moved(versions: Versions, info: CommitInfo, fresh: Mapping[bytes, frozenset[bytes]]) -> Iterator[tuple[bytes, set[bytes]]]:
    """Yield by path the lines that nobody knows where they went away over the commit: they moved, however few they are."""
    lost = versions.bases.lost(info.id)
    stood = cache(partial(versions.committed, info.parents[0]))
    for path, lines in fresh.items():
        for text in {squeeze(line) for line in lines if has_word(line)} & lost.keys():
            before = [version.bylines[number] for place, number, _ in lost[text] if (version := stood(place))]
            if not all(byline.owner.is_known for byline in before):
                yield path, {text}


def _fresh(versions: Versions, info: CommitInfo, path: bytes) -> frozenset[bytes]:
    """Return the lines of `path` that its version in the first parent has not; none for a root commit."""
    if not info.parents:
        return frozenset()
    new, old = (versions.repo.entry(commit, path) for commit in (info.id, info.parents[0]))
    return frozenset(versions.lines(new.oid) or () if new else ()).difference(versions.lines(old.oid) or () if old else ())


def _spread(last: bool | None, line: bool | None) -> bool | None:  # noqa: FBT001 - as `accumulate` calls it
    return last if line is None else line


def _joined(known: Others, old: frozenset[bytes], new: frozenset[bytes], entry: TreeEntry | None) -> Others:
    return Others(added=known.added | (new - old), gone=known.gone | (old - new), ends=known.ends | {_end(entry)})


def _lines(versions: Versions, entry: TreeEntry | None) -> frozenset[bytes]:
    lines = versions.lines(entry.oid) if entry and entry.mode.startswith("100") else None
    return frozenset(map(squeeze, lines or ()))


def _end(entry: TreeEntry | None) -> End:
    return (entry.mode, entry.oid) if entry else None

# SPDX-License-Identifier: Apache-2.0
"""What one commit did, as claims: for each path that differs from all of its parents, a recipe and the hands.

Lines that a base holds are copied from it, whatever the journal says: text that did not change over the commit has not changed
(rule 6). The owners of the others come from rule 7, the hands from the journal. A committer may declare text and changes of which no
agent and no claim says anything (`Maker.declared`): theirs, or `mixed` where most words of a line stood in an agent's line that it took
the place of. What nobody declares stays unknown. So does what git's objects show to be another's (`flow.unmerged`), and a mode: the
journal has contents only, so nobody can say that no agent changed it.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import TYPE_CHECKING

from byline.attribute.carry import mix
from byline.attribute.hands import file_hand, removal_hands
from byline.core.attribution import UNKNOWN, Byline, Origin, Owner, inferred, stricter
from byline.core.claim import MAX_NEW_LINES, Base, Carried, Carry, Claim, Copied, New, Op, Removed, Segment
from byline.core.diff import ABSENT, match_lines
from byline.core.effect import REGULAR, FileState, Transition, effect_digest
from byline.core.lines import LineRange
from byline.core.value import dataclass, field, replace
from byline.flow.deriving import Derived, derive
from byline.flow.unmerged import Others

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from byline.attribute.state import Seen
    from byline.flow.bases import Standing
    from byline.flow.versions import Versions
    from byline.git.objects import FileChange, TreeEntry
    from byline.git.repository import Repository

WRITTEN = (Origin.AI, Origin.MIXED, Origin.TOOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who made a commit here: the work tree, the responsible person, and what they declare to be theirs (None: nothing).

    Lines whose hash is `forgotten` were an agent's, and nobody declares them.
    With `is_agent` it is signed with an agent's key, which says of no text that a person wrote it: that is unknown then.
    `replaced` are the commit itself and those that it was made from, but for an agent's: what was unknown in them is still the same
    pending work.
    """

    worktree: str | None
    principal: str | None = None
    declared: Owner | None = None
    replaced: frozenset[str] = frozenset()
    others: Mapping[bytes, Others] = field(default_factory=dict)
    is_agent: bool = False
    forgotten: frozenset[bytes] = frozenset()

    def owner(self, byline: Byline | None, *, is_others: bool = False) -> Owner:
        """Return the owner to claim: text that is new may be declared, and what a program wrote here is the principal's to answer for.

        Text that was committed and moved is not new, though nobody may know whose it is.
        """
        owner = byline.owner if byline else UNKNOWN
        if not owner.is_known:
            is_new = byline is None or byline.commit in self.replaced
            return self.declared if self.declared and is_new and not is_others else owner
        if self.is_agent and owner.origin is Origin.HUMAN and (byline is None or byline.statement is None):
            return UNKNOWN
        if byline and byline.statement is None and owner.origin in WRITTEN and owner.principal is None:
            return replace(owner, principal=self.principal)
        return owner

    def hand(self, hand: Owner, *, is_others: bool = False) -> Owner:
        """Return the hand to claim."""
        return self.owner(Byline(owner=hand) if hand.is_known else None, is_others=is_others)

    def beside(self, path: bytes) -> Others:
        """Return what others did to `path`."""
        return self.others.get(path, Others())


def claim_commit(versions: Versions, commit: str, maker: Maker) -> tuple[Claim, ...]:
    """Return the claims of `commit`, by path.

    Raises:
        RepositoryError: Git cannot say what the commit changed.
    """
    parents = versions.repo.parents(commit)
    changes = {each.path: each for each in versions.bases.changes(parents[0] if parents else None, commit)}
    versions.repo.learn_sha256(entry for each in changes.values() for entry in (each.old, each.new) if entry)
    return tuple(_claim(versions, commit, changes[path], maker) for path in changed_paths(versions, commit))


def changed_paths(versions: Versions, commit: str) -> list[bytes]:
    """Return the paths that differ from all parents of `commit`.

    Raises:
        RepositoryError: Git cannot say what the commit changed.
    """
    first, *others = [{each.path for each in versions.bases.changes(parent, commit)} for parent in versions.repo.parents(commit) or (None,)]
    return sorted(first.intersection(*others))


def commit_effect(versions: Versions, commit: str) -> str:
    """Return the effect of the whole of `commit` against its first parent, the empty tree for a root commit.

    Raises:
        RepositoryError: Git cannot say.
    """
    parents = versions.repo.parents(commit)

    def state(entry: TreeEntry | None) -> FileState | None:
        return FileState(mode=entry.mode, sha256=versions.repo.content_sha256(entry)) if entry else None

    def moves(change: FileChange) -> Iterator[Transition]:
        """A rename is a file that went away and one that came: an effect knows no renames."""
        old, new = state(change.old), state(change.new)
        if change.old_path not in (None, change.path):
            yield Transition(path=change.old_path or b"", old=old, new=None)
            old = None
        yield Transition(path=change.path, old=old, new=new)

    changes = versions.bases.changes(parents[0] if parents else None, commit)
    return effect_digest(move for each in changes for move in moves(each))


def _claim(versions: Versions, commit: str, change: FileChange, maker: Maker) -> Claim:
    new = change.new
    standings = tuple(versions.bases.standings(commit, change.path, new.oid if new else None))
    derived = None
    if new and new.mode in REGULAR and versions.lines(new.oid) is not None:
        derived = derive(versions, commit, change.path, new.oid, worktree=maker.worktree, is_recipe=True)
    segments = tuple(_segments(versions, commit, change.path, new.oid, derived, maker)) if derived and new else ()
    if sum(each.count for each in segments if isinstance(each, New)) > MAX_NEW_LINES:
        derived, segments = None, ()
    removed = tuple(_removed(versions, change, standings, derived, maker)) if derived or not new else ()
    return Claim(
        path=change.path,
        op=_op(versions, commit, change, standings),
        mode=new.mode if new else None,
        sha256=versions.repo.content_sha256(new) if new else None,
        blob=new.oid if new else None,
        hand=_hand(versions, change, standings, (*segments, *removed), maker),
        bases=tuple(base_of(versions.repo, each) for each in standings),
        segments=segments,
        removed=removed,
    )


def base_of(repo: Repository, standing: Standing) -> Base:
    """Return `standing` as a claim names it.

    Raises:
        RepositoryError: Its content is not here.
    """
    entry = standing.entry
    return Base(parent=standing.parent, path=standing.path, mode=entry.mode, sha256=repo.content_sha256(entry), blob=entry.oid)


def _segments(versions: Versions, commit: str, path: bytes, blob: str, derived: Derived, maker: Maker) -> Iterator[Segment]:
    draft = derived.draft
    places = draft.places
    theirs = maker.beside(path).wrote(draft.lines)
    if maker.forgotten:
        hashes = versions.hashes(draft.lines)
        theirs = tuple(one or line in maker.forgotten for one, line in zip(theirs, hashes, strict=True))
    whole = versions.claims.whole(blob, path) if Carry.EXACT in draft.found else ()
    mine = _still_declared(versions, commit, path, draft.lines, maker)
    own = (maker.declared, inferred(Byline(owner=maker.declared)).owner) if maker.declared else ()

    @cache
    def told(j: int) -> tuple[Byline | None, Carry | None, bool, Byline | None]:
        byline, how = draft.bylines[j], draft.found[j]
        if how is Carry.EXACT and byline and byline.statement and (j >= len(whole) or byline.statement not in whole[j]):
            how = Carry.ALIGNED  # the very bytes were seen here, and no claim is about them: others can look at the texts alone
        if j in mine and how is not Carry.EXACT and not theirs[j] and byline and byline.owner in own:
            return None, None, False, None
        return byline, how, theirs[j], draft.made_of(j) if maker.declared and byline is None else None

    start = 0
    while start < len(places):
        end = start + 1
        place = places[start]
        if place is not None:
            number, line = place
            while end < len(places) and places[end] == (number, line + end - start):
                end += 1
            yield Copied(base=number, start=line, count=end - start)
        else:
            byline, how, is_others, other = told(start)
            while end < len(places) and places[end] is None and told(end) == told(start):
                end += 1
            owner = maker.owner(byline, is_others=is_others)
            source = byline.statement if byline and owner is byline.owner else None
            carried = Carried(statement=source, how=how) if source and how else None
            if byline and carried and how is not Carry.EXACT:
                owner = inferred(byline).owner
            if other and owner is maker.declared:
                owner = mix(owner, maker.owner(other))
            yield New(owner=owner, hashes=b"".join(versions.hashes(draft.lines[start:end])), carried=carried)
        start = end


def _still_declared(versions: Versions, commit: str, path: bytes, lines: Sequence[bytes], maker: Maker) -> frozenset[int]:
    """Return which lines the maker declared in a commit that `commit` takes the place of: still the same pending work.

    By their text alone they would be `inferred`, and an amend would leave nobody's word for what was declared a minute before.
    """
    before = [versions.committed(each, path) for each in versions.made_from(commit) if each in maker.replaced] if maker.declared else ()
    return frozenset(
        j
        for version in before
        if version
        for j, i in enumerate(match_lines(version.lines, lines))
        if i != ABSENT and version.bylines[i].owner == maker.declared and version.bylines[i].commit in maker.replaced
    )


def _removed(
    versions: Versions, change: FileChange, standings: Sequence[Standing], derived: Derived | None, maker: Maker
) -> Iterator[Removed]:
    for number, standing in enumerate(standings):
        lines = versions.lines(standing.entry.oid) if standing.entry.mode in REGULAR else None
        if not lines:
            continue
        kept = set(derived.matchings.get(number, ())) if derived else set()
        gone = [i for i in range(len(lines)) if i not in kept]
        if not gone:
            continue
        seen = _seen(versions, change.path, standing, maker)
        blob = change.new.oid if change.new else None
        removed_by = removal_hands(lines, standing.entry.oid, blob, seen, versions.lines)
        others = maker.beside(change.path)
        hands = {i: maker.hand(removed_by[i], is_others=others.removed(lines[i])) for i in gone}
        start = gone[0]
        for i, following in zip(gone, [*gone[1:], None], strict=True):
            if following != i + 1 or hands[following] != hands[i]:
                yield Removed(base=number, lines=LineRange(start, i + 1), hand=hands[i])
                start = following if following is not None else i


def _hand(versions: Versions, change: FileChange, standings: Sequence[Standing], parts: Sequence[Segment | Removed], maker: Maker) -> Owner:
    """Who made the change as a whole: the strictest of those who made its parts, else who was seen to make the file what it is."""
    base = next((each for each in standings if each.path == change.path), None)
    seen = versions.state.seen(maker.worktree, change.path)
    writer = file_hand(base.entry.oid if base else None, change.new.oid if change.new else None, seen)
    hands = [each.owner if isinstance(each, New) else each.hand for each in parts if not isinstance(each, Copied)]
    if writer.is_known or not hands:
        hands.append(maker.hand(writer, is_others=maker.beside(change.path).left(change.new)))
    hand = replace(reduce(stricter, hands, hands[0]), earlier=None)
    return UNKNOWN if hand.origin is Origin.HUMAN and base and _is_chmod(base.entry, change.new) else hand


def _is_chmod(old: TreeEntry, new: TreeEntry | None) -> bool:
    return new is not None and new.mode in REGULAR and old.mode in REGULAR and new.mode != old.mode


def _seen(versions: Versions, path: bytes, standing: Standing, maker: Maker) -> tuple[Seen, ...]:
    """The journal's versions of the file, over its change of name."""
    own = versions.state.seen(maker.worktree, path)
    if standing.path == path:
        return own
    return (*(each for each in versions.state.seen(maker.worktree, standing.path) if each.blob), *own)


def _op(versions: Versions, commit: str, change: FileChange, standings: Sequence[Standing]) -> Op:
    new = change.new
    if new is None:
        return Op.DELETE
    if not standings:
        return Op.ADD
    base = standings[0]
    if base.path != change.path:
        return Op.RENAME if _has_moved(versions, commit, base.path) else Op.COPY
    if (base.entry.mode in REGULAR) != (new.mode in REGULAR) or base.entry.mode[:2] != new.mode[:2]:
        return Op.TYPE
    return Op.MODE if base.entry.oid == new.oid else Op.MODIFY


def _has_moved(versions: Versions, commit: str, path: bytes) -> bool:
    """Whether what stood at `path` went away over `commit`: nothing stands there now, or another file does (names were swapped)."""
    entry = versions.repo.entry(commit, path)
    return entry is None or any(each.path != path for each in versions.bases.standings(commit, path, entry.oid))

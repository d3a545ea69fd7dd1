# SPDX-License-Identifier: Apache-2.0
"""What one observed write does to the owners of a file's lines (rule 4).

Text that the write did not change keeps its owner, and so does text that it only re-wrapped, re-indented or moved, and an agent's
text that a person or a tool copied. What is left is the writer's; a line of which more than half of the words stood, in order, in
one line that was there before and was of the other kind (human, ai) is `mixed`: the writer last, the other as `earlier`.

>>> from byline.core.attribution import Channel, Evidence, Owner, Origin, UNATTRIBUTED
>>> ai = Owner(origin=Origin.AI, evidence=Evidence.OBSERVED, channel=Channel.HOOK)
>>> old = Version(path=b"a", blob=None, lines=(b"x",), bylines=(UNATTRIBUTED,))
>>> [byline.owner.origin.value for byline in carry(old, (b"x", b"y"), ai).bylines]
['unknown', 'ai']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.attribute.match import BLOCK_BYTES, LONG, Draft
from byline.attribute.words import around, nearest
from byline.core.attribution import Byline, Origin, Owner
from byline.core.diff import Gap, gaps, match_lines
from byline.core.value import dataclass, replace
from byline.core.version import Block, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from byline.core.lines import LineRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The owners after a write, and which lines of the old version went away."""

    bylines: tuple[Byline, ...]
    gone: tuple[LineRange, ...]


def carry(
    old: Version,
    lines: Sequence[bytes],
    writer: Owner,
    recent: Sequence[Block] = (),
    search: Callable[[Draft], None] = lambda _: None,
) -> Written:
    """Return the owners of `lines`, which `writer` wrote over `old`.

    `recent` are blocks that went away a moment ago; `search` finds what agents wrote elsewhere.
    """
    draft = Draft(lines)
    matching = match_lines(old.lines, lines)
    draft.take_base(None, old.bylines, matching)
    changed = gaps(matching, len(old.lines))
    gone = tuple(gap.old for gap in changed if gap.old)
    draft.take_rewrapped(old.lines, lambda: old.bylines, changed)
    if writer.origin is not Origin.AI:
        draft.take_reworded(old.lines, lambda: old.bylines, changed)
    here = [Block(lines=old.lines[each.start : each.end], bylines=old.bylines[each.start : each.end]) for each in gone]
    draft.take_blocks(here, lambda _, size: size >= BLOCK_BYTES, weakened=False)
    draft.take_blocks(recent, lambda count, size: (count >= 3 and size >= BLOCK_BYTES) or size >= LONG, weakened=False)
    if writer.origin is not Origin.AI:
        search(draft)
    for gap in changed:
        for j in range(gap.new.start, gap.new.end):
            if draft.bylines[j] is None:
                draft.bylines[j] = Byline(owner=_owner(old, gap, j, lines[j], writer))
    return Written(bylines=draft.close(), gone=gone)


def _owner(old: Version, gap: Gap, j: int, line: bytes, writer: Owner) -> Owner:
    if writer.origin not in (Origin.HUMAN, Origin.AI):
        return writer
    best = nearest(old.lines, around(gap, j), line)
    return writer if best is None else mix(writer, old.bylines[best].owner)


def mix(writer: Owner, other: Owner) -> Owner:
    """Return who owns a line of `writer`'s of which most words stood in a line of `other`'s."""
    if other.origin not in (Origin.HUMAN, Origin.AI, Origin.MIXED) or other.origin is writer.origin:
        return writer
    return replace(writer, origin=Origin.MIXED, earlier=_part(other, writer.origin))


def _part(owner: Owner, than: Origin) -> Owner:
    """Return the writer of `owner` who is of another kind than `than`; mixed text has two."""
    if owner.origin is not Origin.MIXED:
        return owner
    last = replace(owner, origin=Origin.AI if owner.agent else Origin.HUMAN, earlier=None)
    return owner.earlier if last.origin is than and owner.earlier else last

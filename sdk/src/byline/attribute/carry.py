# SPDX-License-Identifier: Apache-2.0
"""What one observed write does to the owners of a file's lines (rule 4).

Text that the write did not change keeps its owner, and so does text that it only re-wrapped, re-indented or moved. What is left
is the writer's; a line of which more than half of the words stood, in order, in one line that was there before and was of the
other kind (human, ai) is `mixed`: the writer last, the other as `earlier`.

>>> from byline.core.attribution import Channel, Evidence, Owner, Origin, UNATTRIBUTED
>>> ai = Owner(origin=Origin.AI, evidence=Evidence.OBSERVED, channel=Channel.HOOK)
>>> old = Version(path=b"a", blob=None, lines=(b"x",), bylines=(UNATTRIBUTED,))
>>> [byline.owner.origin.value for byline in carry(old, (b"x", b"y"), ai).bylines]
['unknown', 'ai']
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from byline.attribute.match import LONG, Draft
from byline.core.attribution import UNKNOWN, Byline, Origin, Owner
from byline.core.diff import Gap, gaps, match_lines
from byline.core.lines import WORD, LineRange
from byline.core.version import Block, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK_BYTES = 16
MAX_PAIRS = 40_000  # pairs of lines of one changed place that are compared; of a larger place only neighbours are
NEAR = 20
MAX_WORDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The owners after a write, and which lines of the old version went away."""

    bylines: tuple[Byline, ...]
    gone: tuple[LineRange, ...]


def carry(old: Version, lines: Sequence[bytes], writer: Owner, recent: Sequence[Block] = ()) -> Written:
    """Return the owners of `lines`, which `writer` wrote over `old`; `recent` are blocks that went away a moment ago."""
    draft = Draft(lines)
    matching = match_lines(old.lines, lines)
    draft.take_base(None, old.bylines, matching)
    changed = gaps(matching, len(old.lines))
    gone = tuple(gap.old for gap in changed if gap.old)
    draft.take_reflow(old.lines, lambda: old.bylines, matching)
    here = [Block(lines=old.lines[each.start : each.end], bylines=old.bylines[each.start : each.end]) for each in gone]
    draft.take_blocks(here, lambda count, size: (count >= 2 and size >= BLOCK_BYTES) or size >= LONG, weakened=False)
    draft.take_blocks(recent, lambda count, size: (count >= 3 and size >= BLOCK_BYTES) or size >= LONG, weakened=False)
    for gap in changed:
        for j in range(gap.new.start, gap.new.end):
            if draft.bylines[j] is None:
                draft.bylines[j] = Byline(owner=_owner(old, gap, j, lines[j], writer))
    return Written(bylines=draft.close(), gone=gone)


def _owner(old: Version, gap: Gap, j: int, line: bytes, writer: Owner) -> Owner:
    if writer.origin not in (Origin.HUMAN, Origin.AI):
        return writer
    words = WORD.findall(line)[:MAX_WORDS]
    best, most = None, 0
    for i in _near(gap, j):
        shared = _shared(WORD.findall(old.lines[i])[:MAX_WORDS], words, most)
        if shared > most:
            best, most = i, shared
    other = old.bylines[best].owner if best is not None and 2 * most > len(words) else UNKNOWN
    if other.origin not in (Origin.HUMAN, Origin.AI, Origin.MIXED) or other.origin is writer.origin:
        return writer
    return replace(writer, origin=Origin.MIXED, earlier=_part(other, writer.origin))


def _near(gap: Gap, j: int) -> range:
    if len(gap.old) * len(gap.new) <= MAX_PAIRS:
        return range(gap.old.start, gap.old.end)
    centre = gap.old.start + (j - gap.new.start) * len(gap.old) // len(gap.new)
    return range(max(gap.old.start, centre - NEAR), min(gap.old.end, centre + NEAR))


def _shared(old: Sequence[bytes], new: Sequence[bytes], least: int) -> int:
    """Return how many words of `new` stand in `old` in the same order, 0 if there cannot be more than `least`."""
    if (Counter(old) & Counter(new)).total() <= least:
        return 0
    row = [0] * (len(new) + 1)
    for word in old:
        corner = 0
        for j, other in enumerate(new, 1):
            above = row[j]
            row[j] = corner + 1 if word == other else max(above, row[j - 1])
            corner = above
    return row[-1]


def _part(owner: Owner, than: Origin) -> Owner:
    """Return the writer of `owner` who is of another kind than `than`; mixed text has two."""
    if owner.origin is not Origin.MIXED:
        return owner
    last = replace(owner, origin=Origin.AI if owner.agent else Origin.HUMAN, earlier=None)
    return owner.earlier if last.origin is than and owner.earlier else last

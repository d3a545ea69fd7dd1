# SPDX-License-Identifier: Apache-2.0
"""Text that was made over: which line of the text before holds most of a new line's words, and what formatters leave alone.

>>> nearest((b"total = price * count", b"x = 1"), range(2), b"total = price * count + tax")
0
>>> nearest((b"x = 1",), range(1), b"y = 2") is None
True
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from byline.core.lines import WORD, squeeze

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from byline.core.diff import Gap

MAX_PAIRS = 40_000  # pairs of lines of one changed place that are compared; of a larger place only neighbours are
NEAR = 20
MAX_WORDS = 400
CLOSER = re.compile(rb",(?=[)\]}])")


def nearest(old: Sequence[bytes], among: range, line: bytes) -> int | None:
    """Return which of the lines `among` of `old` holds the most words of `line` in order, if more than half of them."""
    words = WORD.findall(line)[:MAX_WORDS]
    best, most = None, len(words) // 2
    for i in among:
        shared = _shared(WORD.findall(old[i])[:MAX_WORDS], words, most)
        if shared > most:
            best, most = i, shared
    return best


def around(gap: Gap, j: int) -> range:
    """Return the old lines of a changed place that line `j` of the new ones may have been made of."""
    if len(gap.old) * len(gap.new) <= MAX_PAIRS:
        return range(gap.old.start, gap.old.end)
    centre = gap.old.start + (j - gap.new.start) * len(gap.old) // len(gap.new)
    return range(max(gap.old.start, centre - NEAR), min(gap.old.end, centre + NEAR))


def rewrapped(old: Sequence[bytes], new: Sequence[bytes]) -> list[int]:
    """Return for each new line the old line where its first character stood; nothing if more than the wrapping changed.

    White space, and a comma before a closing bracket, are wrapping.
    """
    return _starts(old, new, squeeze, lambda text: CLOSER.sub(b"", text))


def reworded(old: Sequence[bytes], new: Sequence[bytes]) -> list[int]:
    """As `rewrapped`, if at least the words are the same: quotes, brackets and commas may be a formatter's."""
    return _starts(old, new, lambda line: b"".join(WORD.findall(line)), bytes)


def _starts(old: Sequence[bytes], new: Sequence[bytes], text: Callable[[bytes], bytes], whole: Callable[[bytes], bytes]) -> list[int]:
    before, after = [*map(text, old)], [*map(text, new)]
    if not any(before) or whole(b"".join(before)) != whole(b"".join(after)):
        return []
    out, i, end, start = [], 0, len(before[0]), 0
    for line in after:
        while i + 1 < len(old) and start >= end:
            i += 1
            end += len(before[i])
        out.append(i)
        start += len(line)
    return out


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

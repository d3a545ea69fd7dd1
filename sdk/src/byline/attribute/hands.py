# SPDX-License-Identifier: Apache-2.0
"""Who took lines away, and who changed what has no lines: the *hand*, as far as the journal saw it.

A base's lines are followed from version to version of the journal, up to the version that was committed. The writer of the
version in which a line is gone is its hand; a version that was only found has no writer, so its hand is unknown.

>>> [hand.origin.value for hand in removal_hands((b"a",), "1", "2", (), lambda blob: None)]
['unknown']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import UNKNOWN, Owner
from byline.core.diff import ABSENT, match_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from byline.attribute.state import Seen

    Read = Callable[[str], tuple[bytes, ...] | None]


def removal_hands(base: Sequence[bytes], base_blob: str, blob: str | None, seen: Sequence[Seen], read: Read) -> tuple[Owner, ...]:
    """Return for each line of `base` who took it away on the path from `base_blob` to `blob`; `UNKNOWN` where nobody was seen.

    `seen` are the journal's versions of the file, oldest first; `read` gives the lines of a blob. Without a version that is the
    base, the oldest version stands for it as far as the lines agree.
    """
    hands = [UNKNOWN] * len(base)
    end = _newest(seen, blob, len(seen))
    last = len(seen) - 1 if end is None else end
    start = _newest(seen, base_blob, last + 1)
    lines: Sequence[bytes] = base
    alive = list(range(len(base)))  # line of `lines` -> line of `base`, or ABSENT
    for step, version in enumerate(seen[(0 if start is None else start + 1) : last + 1]):
        after = () if version.blob is None else read(version.blob)
        if after is None:
            break
        matching = match_lines(lines, after)
        if start is not None or step:
            kept = set(matching)
            for i, origin in enumerate(alive):
                if origin != ABSENT and i not in kept:
                    hands[origin] = version.writer
        alive = [ABSENT if i == ABSENT else alive[i] for i in matching]
        lines = after
    return tuple(hands)


def file_hand(base_blob: str | None, blob: str | None, seen: Sequence[Seen]) -> Owner:
    """Return who made the content `blob` (None: who deleted the file) out of `base_blob`; `UNKNOWN` if nobody was seen."""
    at = None if blob == base_blob else _newest(seen, blob, len(seen))
    return UNKNOWN if at is None else seen[at].writer


def _newest(seen: Sequence[Seen], blob: str | None, end: int) -> int | None:
    return next((at for at in range(end - 1, -1, -1) if seen[at].blob == blob), None)

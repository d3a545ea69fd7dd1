# SPDX-License-Identifier: Apache-2.0
"""What becomes of the prompts that a clone keeps (`capture.prompts`): signed, given way to others, forgotten, and found again.

    asked = waiting_prompts(place, upto=time)                            # at most 100, the oldest first
    mark_signed(place, asked, statement="<sha256>", signer="<key id>")   # once a statement with their commitments is kept

Killed between the two, the next statement commits to them once more: twice told, never not at all. A prompt gives way when the file is
full, the oldest first that is signed: its commitment stays in the statement and is nobody's any more to open. What is written in the
place of the file is written under the lock of those who append.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from byline.capture.cut import locked
from byline.capture.prompts import FILE, MAX_FILE, UNSIGNED, Kept, format_line, join_lines, parse_lines, read_all, read_line, read_prompts
from byline.core.value import replace
from byline.flow.workshop import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from byline.core.prompt import Prompt

MOST: Final = 100  # in one statement, whose size is bounded


def waiting_prompts(place: Path, *, upto: int | None = None) -> tuple[Kept, ...]:
    """Return the prompts that no statement commits to yet, so many as go into one; those by the time `upto` where one is told.

    Raises:
        OSError: They are there and cannot be read.
    """
    found = (read_line(line) for line in read_all(place).split(b"\n") if UNSIGNED in line)
    return tuple([each for each in found if each and (upto is None or each.prompt.time <= upto)][:MOST])


def mark_signed(place: Path, asked: Iterable[Kept], *, statement: str, signer: str) -> None:
    """Write down which statement commits to `asked`, and let the oldest go that are signed where there is no more room.

    Raises:
        OSError: It cannot be written; what was there is there.
    """
    named = {(each.prompt.time, each.name) for each in asked}

    def sign(kept: Sequence[Kept]) -> Sequence[Kept]:
        signed = (statement, signer)
        return _with_room([replace(each, signed=signed) if (each.prompt.time, each.name) in named else each for each in kept])

    _rewrite(place, sign)


def drop_prompts(place: Path, sessions: Collection[str | None]) -> int:
    """Remove the prompts of `sessions` with their keys; return how many. Nobody can open their commitments any more.

    Raises:
        OSError: It cannot be written.
    """
    return _rewrite(place, lambda kept: [each for each in kept if each.prompt.session not in sessions])


def prompt_before(place: Path, session: str | None, time: int) -> Prompt | None:
    """Return what was last asked for in `session` before `time`, or in the one that it is a part of; None where nothing is kept.

    Raises:
        OSError: What is kept cannot be read.
    """
    while session:
        asked = [each.prompt for each in read_prompts(place, session) if each.prompt.time <= time]
        if asked:
            return max(asked, key=lambda prompt: prompt.time)
        session = session.rpartition("/")[0]
    return None


def _rewrite(place: Path, change: Callable[[Sequence[Kept]], Sequence[Kept]]) -> int:
    """Put what `change` makes of the prompts in their place, if that is something else; return how many less they are."""
    if not read_all(place):
        return 0
    with locked(place / FILE, alone=True) as handle:
        before = tuple(parse_lines(os.pread(handle, os.fstat(handle).st_size, 0)))
        after = tuple(change(before))
        if after != before:
            write_atomic(place / FILE, join_lines(after))
    return len(before) - len(after)


def _with_room(kept: Sequence[Kept]) -> Sequence[Kept]:
    """Return `kept` without the oldest that are signed, as many as are too much."""
    left = []
    excess = sum(len(format_line(each)) + 1 for each in kept) - MAX_FILE
    for each in kept:
        if excess > 0 and each.signed:
            excess -= len(format_line(each)) + 1
        else:
            left.append(each)
    return left

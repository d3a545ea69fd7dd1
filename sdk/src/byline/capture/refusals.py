# SPDX-License-Identifier: Apache-2.0
"""What agents were refused in one clone (`core.refusal`): lines of `refusals`, and how many of its bytes are signed.

    <git common dir>/byline/refusals           appended by the guard, one write a line
    <git common dir>/byline/refusals.signed    how far statements have told of them: a number of bytes

The attester takes what is after that number into its next statement, and writes the new number once that is kept: killed in between, it
tells of a refusal twice, never not at all.
"""

from __future__ import annotations

from byline.core.refusal import parse_refusal
from byline.core.value import dataclass
from byline.malformed import MalformedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

    from byline.core.refusal import Refusal

FILE: Final = "refusals"
SIGNED: Final = "refusals.signed"
MAX_BYTES: Final = 4 * 1024 * 1024  # an agent that tries for ever must not fill the disk; what comes after is a loss
MOST: Final = 50  # in one statement, whose size is bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Refusals in the order in which they were made, and where the lines that tell of them end."""

    refusals: tuple[Refusal, ...] = ()
    end: int = 0


def read_refusals(place: Path) -> tuple[Refusal, ...]:
    """Return all that is told in `place`; a line that cannot be read is left out.

    Raises:
        OSError: The file is there and cannot be read.
    """
    return _read(place, 0, None).refusals


def unsigned_refusals(place: Path) -> Refused:
    """Return those of which no statement tells yet, so many as go into one.

    Raises:
        OSError: A file is there and cannot be read.
    """
    try:
        start = int((place / SIGNED).read_bytes())
    except (FileNotFoundError, ValueError):
        start = 0
    return _read(place, start, MOST)


def read_line(line: bytes) -> Refusal | None:
    """Return what `line` tells; None where it is empty, or was cut off."""
    try:
        return parse_refusal(line) if line else None
    except MalformedError:
        return None


def format_signed(refused: Refused) -> bytes:
    """Return what `refusals.signed` holds once a statement tells of `refused`."""
    return b"%d\n" % refused.end


def _read(place: Path, start: int, most: int | None) -> Refused:
    try:
        data = (place / FILE).read_bytes()
    except FileNotFoundError:
        return Refused()
    end = start = start if start <= len(data) else 0
    found: list[Refusal] = []
    for line in data[start : data.rfind(b"\n") + 1].split(b"\n")[:-1]:
        if most is not None and len(found) == most:
            break
        end += len(line) + 1
        refusal = read_line(line)
        if refusal is not None:
            found.append(refusal)
    return Refused(refusals=tuple(found), end=end)

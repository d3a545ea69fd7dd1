# SPDX-License-Identifier: Apache-2.0
r"""A document as an editor sends it: lines, positions, changes.

The Language Server Protocol ends a line at LF, CRLF or a lone CR (Byline at LF alone: see `rows`), and counts characters in
the unit that client and server agreed on: UTF-8, UTF-16 or UTF-32. A line keeps its end. A position behind the end of its line
means the end of the line; one behind the last line means that the two sides hold different texts, and `replace` says so.

>>> lines = split_text("a\nb")
>>> replace(lines, ((0, 1), (0, 1)), "!", Unit.UTF16)
Splice(start=0, end=1, lines=['a!\n'], in_range=True)
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Position: TypeAlias = tuple[int, int]


class Unit(StrEnum):
    """What `character` counts in a position."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"

    def measure(self, text: str) -> int:
        """Return the length of `text`."""
        if self is Unit.UTF32 or text.isascii():
            return len(text)
        if self is Unit.UTF8:
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """`lines` stand where the old lines [`start`, `end`) stood; `in_range` is false where the change spoke of lines that are not there."""

    start: int
    end: int
    lines: list[str]
    in_range: bool


def split_text(text: str) -> list[str]:
    """Return the lines of `text` with their ends."""
    return io.StringIO(text, newline="").readlines()


def content(line: str) -> str:
    """Return `line` without its end."""
    if line.endswith("\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith(("\n", "\r")) else line


def rows(lines: Sequence[str]) -> Sequence[int]:
    """Return for each line the number of the row, ended by LF alone, that it is in."""
    if not any(line.endswith("\r") for line in lines):
        return range(len(lines))
    numbers, row = [], 0
    for line in lines:
        numbers.append(row)
        row += line.endswith("\n")
    return numbers


def replace(lines: Sequence[str], where: tuple[Position, Position], text: str, unit: Unit) -> Splice:
    """Return what becomes of `lines` when `text` replaces the characters from the first position of `where` to the second."""
    (first, from_character), (last, to_character) = where
    count = len(lines)
    ends = 0 if lines and not lines[-1].endswith(("\n", "\r")) else 1
    in_range = first <= last < count + ends
    if first >= count:
        first, from_character = count, 0
        if count and not ends:
            first, from_character = count - 1, len(lines[-1]) * 4
    head = lines[first][: _offset(lines[first], from_character, unit)] if first < count else ""
    tail = lines[last][_offset(lines[last], to_character, unit) :] if first <= last < count else ""
    end = min(max(last, first) + 1, count)
    new = head + text + tail
    if first and new.startswith("\n") and lines[first - 1].endswith("\r"):
        first, new = first - 1, lines[first - 1] + new
    return Splice(start=first, end=end, lines=split_text(new), in_range=in_range)


def _offset(line: str, character: int, unit: Unit) -> int:
    """Return the index in `line` of the position that is `character` units from its start, at most its end."""
    line = content(line)
    if unit is Unit.UTF32 or line.isascii():
        return min(character, len(line))
    if unit is Unit.UTF8:
        return len(line.encode("utf-8", "surrogatepass")[:character].decode("utf-8", "ignore"))
    return len(line.encode("utf-16-le", "surrogatepass")[: 2 * character].decode("utf-16-le", "ignore"))

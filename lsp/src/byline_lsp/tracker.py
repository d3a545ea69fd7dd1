# SPDX-License-Identifier: Apache-2.0
"""Which line of the saved file each line of an unsaved document is.

A `Document` follows an editor's changes. For each of its lines it keeps the number of the saved line that it is, or `NEW`: a
change makes the lines that it rewrites `NEW` and moves the others, which costs a keystroke nothing that grows with the number
of edits. `settle` then looks again at each run of `NEW` lines and at the saved lines that are missing there, under the line
diff that Byline signs with: text that came back (undo, a client that sends the whole text) and lines that were only indented
are found again, as they will be once the file is saved. What stays `NEW` is not yet recorded.

Versions rise. A version that goes back, or a change to lines that are not there, means that server and client hold different
texts; from then on the document is `lost` and no line of it is said to be known, until the client sends the whole text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from byline.core.diff import ABSENT, gaps, match_lines
from byline_lsp.text import content, replace, split_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.diff import Gap
    from byline_lsp.text import Position, Unit

NEW: Final = ABSENT
BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The text on disk, in the protocol's lines and without their ends, and for each the row (ended by LF alone) that it is in."""

    lines: tuple[bytes, ...] = ()
    rows: tuple[int, ...] = ()
    is_utf8: bool = True

    @classmethod
    def of(cls, rows: Sequence[bytes]) -> Saved:
        """Return the saved text whose rows, without their LF or CRLF, are `rows`."""
        joined = b"\n".join(rows)
        is_utf8 = _is_utf8(joined)
        lines, numbers = list(rows), list(range(len(rows)))
        if b"\r" in joined:
            lines = [part for row in rows for part in row.split(b"\r")]
            numbers = [number for number, row in enumerate(rows) for _ in row.split(b"\r")]
        if lines:
            lines[0] = lines[0].removeprefix(BOM.encode())
        if not is_utf8:
            lines = [_ascii(line) for line in lines]
        return cls(lines=tuple(lines), rows=tuple(numbers), is_utf8=is_utf8)


@dataclass(slots=True)
class Document:
    """An open document: its `lines`, the saved line that each one is, and whether both sides still hold the same text (`lost`: no).

    `version` is the client's, `edits` counts what changed here, so that an answer made elsewhere can tell whether it is still true.
    """

    lines: list[str]
    version: int
    origins: list[int] = field(default_factory=list)
    lost: bool = False
    edits: int = 0

    @classmethod
    def open(cls, text: str, version: int) -> Document:
        """Return the document with `text`, of which nothing is known yet."""
        lines = split_text(text)
        return cls(lines=lines, version=version, origins=[NEW] * len(lines))

    def advance(self, version: int) -> None:
        """Take note that the changes which follow lead to `version`."""
        self.lost = self.lost or version < self.version
        self.version = version

    def change(self, where: tuple[Position, Position], text: str, unit: Unit) -> None:
        """Replace the characters between the positions of `where` by `text`."""
        splice = replace(self.lines, where, text, unit)
        self.lost = self.lost or not splice.in_range
        self._splice(splice.start, splice.end, splice.lines)

    def change_all(self, text: str) -> None:
        """Take `text` as the whole text; this also finds a lost document again."""
        self.lost = False
        self._splice(0, len(self.lines), split_text(text))

    def _splice(self, start: int, end: int, new: list[str]) -> None:
        self.edits += 1
        old, known = self.lines[start:end], self.origins[start:end]
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        self.lines[start:end] = new
        self.origins[start:end] = [*known[:head], *[NEW] * (len(new) - head - tail), *known[len(known) - tail :]]


def settle(saved: Saved, lines: Sequence[str], origins: Sequence[int]) -> list[int]:
    """Return `origins`, with the `NEW` lines that are saved lines after all."""
    out = list(origins)
    for gap in gaps(origins, len(saved.lines)):
        if gap.old and gap.new:
            found = match_lines(saved.lines[gap.old.start : gap.old.end], _keys(lines, gap, is_utf8=saved.is_utf8))
            out[gap.new.start : gap.new.end] = [NEW if line == NEW else gap.old.start + line for line in found]
    return out


def _keys(lines: Sequence[str], gap: Gap, *, is_utf8: bool) -> list[bytes]:
    """Return the gap's new lines as the saved text would spell them."""
    keys = [content(line).encode("utf-8", "surrogatepass") for line in lines[gap.new.start : gap.new.end]]
    if keys and gap.new.start == 0:
        keys[0] = keys[0].removeprefix(BOM.encode())
    # How the editor decoded a file that is not UTF-8 is its own affair: only the part that all encodings share is compared.
    return keys if is_utf8 else [_ascii(key) for key in keys]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines `one` and `other` have in common at their start."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _ascii(line: bytes) -> bytes:
    return line.decode("ascii", "ignore").encode()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True

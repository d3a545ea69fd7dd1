# SPDX-License-Identifier: Apache-2.0
"""How a difference looks: a unified diff in which each line that came or went says whose it is.

    src/prices.py  +2 ai  -1 human
    @@ -10,3 +10,4 @@
                                                    │ def total(prices):
    - human declared p-ana, by claude-code          │     return sum(prices)
    + ai observed ✓ claude-code · claude-sonnet-4-5 │     cents = sum(prices)
    + ai observed ✓ claude-code · claude-sonnet-4-5 │     return cents / 100

The mark is that of blame (`byline_cli.view`). Behind a line that went away stands who took it, where a claim or a record says. Lines
without words are drawn with the line above them. It is made for people: nothing can apply it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from byline.core.diff import Gap, gaps
from byline.core.lines import has_word
from byline.core.report import owner_to_json
from byline_cli.terminal import Paint, fit, harmless, show_path, width
from byline_cli.view import COLOURS, by_origin, describe_evidence, describe_owner, mark

if TYPE_CHECKING:
    from collections.abc import Container

    from byline.core.attribution import Byline
    from byline.flow.difference import FileDifference

CONTEXT = 3  # lines around a change
NOBODY = ("", "grey")
HEAD = 48  # columns for whose a line is

Row = list[str | Paint]
Head = tuple[str, str]  # words and colour
Draw = Callable[[str, bytes, Head], Iterator[Row]]


def count_words(lines: Mapping[int, Byline], texts: Sequence[bytes]) -> dict[str, int]:
    """Return how many of `lines` have words, by origin."""
    return by_origin((byline.owner.origin, 1) for number, byline in lines.items() if has_word(texts[number]))


def summary(file: FileDifference) -> Iterator[Paint]:
    """Yield how many lines came and went, by whose they are."""
    for sign, lines, texts in (("+", file.came, file.new), ("-", file.went, file.old)):
        for origin, number in count_words(lines, texts).items():
            yield Paint(f"  {sign}{number} {origin}", COLOURS[origin])


def patch_rows(file: FileDifference, *, verified: Container[str], columns: int | None) -> Iterator[Row]:
    """Yield the rows that show `file`; `columns` cuts them."""
    yield [Paint(describe_path(file), "bold"), *summary(file), *_note(file)]
    came = {number: _came(byline, verified) for number, byline in file.came.items()}
    went = {number: _went(file, number) for number in file.went}
    size = min(HEAD, max((width(harmless(text)) for text, _ in (*came.values(), *went.values())), default=0))
    ends = [any(line.endswith(b"\r\n") for line in lines) for lines in (file.old, file.new) if lines]
    shows_returns = len({*ends}) > 1

    def row(sign: str, line: bytes, head: Head) -> Iterator[Row]:
        text = line.removesuffix(b"\n").decode("utf-8", "replace").replace("\t", "    ")
        text = text if sign != " " and shows_returns else text.removesuffix("\r")
        if columns is not None:
            text = fit(text, max(10, columns - size - 5)).rstrip(" ")
        colour = {"+": "green", "-": "red"}.get(sign, "")
        yield [Paint(f"{sign} {fit(head[0], size)}", head[1]), " │ ", Paint(text, colour) if colour else text]
        if not line.endswith(b"\n"):
            yield [" " * (size + 2), " │ ", "\\ no newline at the end"]

    for hunk in _hunks(file):
        first, last = hunk[0], hunk[-1]
        before = min(CONTEXT, first.new.start)
        after = min(CONTEXT, len(file.new) - last.new.end)
        sides = [_side(first.old.start - before, last.old.end + after), _side(first.new.start - before, last.new.end + after)]
        yield [Paint(f"@@ -{sides[0]} +{sides[1]} @@", "cyan")]
        at = first.new.start - before
        for gap in hunk:
            for line in file.new[at : gap.new.start]:
                yield from row(" ", line, NOBODY)
            yield from _changed(row, "-", range(gap.old.start, gap.old.end), file.old, went)
            yield from _changed(row, "+", range(gap.new.start, gap.new.end), file.new, came)
            at = gap.new.end
        for line in file.new[at : at + after]:
            yield from row(" ", line, NOBODY)


def describe_path(file: FileDifference) -> str:
    """Return the path, and where it was renamed from."""
    change = file.change
    return f"{show_path(change.old_path)} -> {show_path(change.path)}" if change.old_path else show_path(change.path)


def _note(file: FileDifference) -> Iterator[str]:
    old, new = file.change.old, file.change.new
    if file.change.is_unmerged:
        yield "  not merged yet"
        return
    if old is None or new is None:
        yield "  new file" if old is None else "  deleted"
    elif old.mode != new.mode:
        yield f"  mode {old.mode} -> {new.mode}"
    if not file.has_lines:
        yield "  (no text, too large, or a filter makes other text of it)"


def _hunks(file: FileDifference) -> Iterator[list[Gap]]:
    hunk: list[Gap] = []
    for gap in gaps(file.kept, len(file.old)):
        if hunk and gap.new.start - hunk[-1].new.end > 2 * CONTEXT:
            yield hunk
            hunk = []
        hunk.append(gap)
    if hunk:
        yield hunk


def _changed(row: Draw, sign: str, numbers: range, texts: Sequence[bytes], heads: Mapping[int, Head]) -> Iterator[Row]:
    head: Head | None = None
    for number in numbers:
        own = heads.get(number, NOBODY)
        head = own if head is None or has_word(texts[number]) else head
        yield from row(sign, texts[number], head)


def _side(start: int, end: int) -> str:
    """Return lines as a unified diff names them: a side without lines is named by the line before it."""
    return f"{start + 1 if end > start else start},{end - start}"


def _came(byline: Byline, verified: Container[str]) -> Head:
    facts: dict[str, Any] = owner_to_json(byline.owner)
    facts |= {"statement": byline.statement, "verified": byline.statement in verified}
    return f"{describe_evidence(facts)} {mark(facts)} {describe_owner(facts)}", COLOURS[byline.owner.origin]


def _went(file: FileDifference, number: int) -> Head:
    owner, hand = file.went[number].owner, file.hands.get(number)
    facts = owner_to_json(owner)
    said = f"{describe_evidence(facts)} {describe_owner(facts)}" if owner.is_known else describe_evidence(facts)
    return said + (f", by {describe_owner(owner_to_json(hand))}" if hand else ""), COLOURS[owner.origin]

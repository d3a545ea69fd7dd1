# SPDX-License-Identifier: Apache-2.0
"""Lines and positions as the Language Server Protocol means them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline_lsp.text import Splice, Unit, content, replace, rows, split_text

TEXTS = st.text(alphabet=["a", "b", "\n", "\r", "\x0c", "\u2028", "é", "𝄞"], max_size=12)


def apply(text: str, where: tuple[tuple[int, int], tuple[int, int]], new: str, unit: Unit = Unit.UTF16) -> str:
    lines = split_text(text)
    splice = replace(lines, where, new, unit)
    lines[splice.start : splice.end] = splice.lines
    return "".join(lines)


def position(text: str, index: int, unit: Unit) -> tuple[int, int]:
    """Return the position of the character `index` of `text`, which is not between CR and LF."""
    lines = split_text(text[:index])
    if not lines or lines[-1].endswith(("\n", "\r")):
        return len(lines), 0
    width = {Unit.UTF8: 1, Unit.UTF16: 2, Unit.UTF32: 4}[unit]
    return len(lines) - 1, len(lines[-1].encode({1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}[width])) // width


def test_only_lf_crlf_and_cr_end_a_line() -> None:
    """Form feed, line separator and their like do not, whatever Python's own splitlines thinks."""
    assert split_text("a\x0cb\u2028c\r\nd\re\n") == ["a\x0cb\u2028c\r\n", "d\r", "e\n"]


def test_a_row_ends_at_lf_alone() -> None:
    assert list(rows(split_text("a\rb\nc\r\nd"))) == [0, 0, 1, 2]


@pytest.mark.parametrize(("line", "expected"), [("a\r\n", "a"), ("a\n", "a"), ("a\r", "a"), ("a", "a"), ("\n", "")])
def test_content_has_no_end(line: str, expected: str) -> None:
    assert content(line) == expected


@pytest.mark.parametrize(("unit", "character"), [(Unit.UTF8, 6), (Unit.UTF16, 3), (Unit.UTF32, 2)])
def test_characters_are_counted_in_the_agreed_unit(unit: Unit, character: int) -> None:
    assert apply("é𝄞x\n", ((0, character), (0, character)), "!", unit) == "é𝄞!x\n"


def test_a_character_behind_the_end_of_its_line_is_its_end() -> None:
    assert apply("ab\r\nc", ((0, 99), (0, 99)), "!") == "ab!\r\nc"


def test_the_line_behind_the_last_end_is_a_place() -> None:
    assert replace(["a\n"], ((1, 0), (1, 0)), "b", Unit.UTF16) == Splice(start=1, end=1, lines=["b"], in_range=True)


@pytest.mark.parametrize("where", [((2, 0), (2, 0)), ((0, 0), (9, 0)), ((1, 0), (0, 0))])
def test_lines_that_are_not_there_are_told(where: tuple[tuple[int, int], tuple[int, int]]) -> None:
    assert not replace(["a\n", "b"], where, "x", Unit.UTF16).in_range


@given(TEXTS, TEXTS, st.integers(0, 12), st.integers(0, 12), st.sampled_from(Unit))
def test_a_change_does_what_it_says(text: str, new: str, one: int, two: int, unit: Unit) -> None:
    """Against the text as one string; a position between CR and LF is none that an editor can name."""
    start, end = sorted((min(one, len(text)), min(two, len(text))))
    if any(0 < index < len(text) and text[index - 1] == "\r" and text[index] == "\n" for index in (start, end)):
        return
    where = (position(text, start, unit), position(text, end, unit))
    expected = text[:start] + new + text[end:]
    assert apply(text, where, new, unit) == expected
    lines = split_text(text)
    splice = replace(lines, where, new, unit)
    lines[splice.start : splice.end] = splice.lines
    assert lines == split_text(expected)

# SPDX-License-Identifier: Apache-2.0
"""What reaches a terminal, and what never does."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline_cli.terminal import Paint, Terminal, fit, harmless, open_terminal, show_line, show_path, show_table, width


def _terminal(*, colour: bool = False, unicode: bool = True) -> Terminal:
    return Terminal(out=io.StringIO(), err=io.StringIO(), colour=colour, unicode=unicode)


def _out(terminal: Terminal) -> str:
    assert isinstance(terminal.out, io.StringIO)
    return terminal.out.getvalue()


@given(st.text())
def test_nothing_unprintable_survives(text: str) -> None:
    """Control, bidirectional, invisible and surrogate characters are shown as escapes."""
    assert harmless(text).isprintable()


@given(st.text(), st.booleans())
def test_a_line_is_one_line_without_controls(text: str, colour: bool) -> None:  # noqa: FBT001 - Hypothesis passes by position
    terminal = _terminal(colour=colour)
    terminal.line("a ", Paint(text, "red"), " z")
    said = _out(terminal).replace("\x1b[31m", "").replace("\x1b[0m", "")
    assert said.endswith("\n")
    assert said[:-1].isprintable()


def test_colour_is_put_around_pieces_and_never_read_from_them() -> None:
    terminal = _terminal(colour=True)
    terminal.line(Paint("ai\x1b[32m", "magenta"), " x")
    assert _out(terminal) == "\x1b[35mai\\x1b[32m\x1b[0m x\n"


def test_an_override_of_the_reading_direction_is_shown() -> None:
    assert show_path("a\u202egpj.py".encode()) == "a\\u202egpj.py"
    assert show_path(b"caf\xe9") == "caf\\xe9"


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}, {}, {"TERM": "xterm"}])
def test_no_colour_when_it_is_not_wanted_or_not_seen(environ: dict[str, str]) -> None:
    """`NO_COLOR`, a dumb terminal, no terminal: the last is what a StringIO is."""
    assert not open_terminal(environ, out=io.StringIO(), err=io.StringIO()).colour


def test_marks_have_a_plain_form() -> None:
    terminal = _terminal(unicode=False)
    terminal.line("✓ a │ b")
    assert _out(terminal) == "+ a | b\n"


def test_wide_characters_take_two_columns() -> None:
    assert width("日本") == 4
    assert fit("日本語", 5) == "日本…"
    assert width(fit("日本語", 4)) == 4


def test_tables_align_and_stay_within_the_columns() -> None:
    assert show_table([["a", "one"], ["bcd", "x" * 200]], columns=20) == ["  a    one", "  bcd  xxxxxxxxxxxx…"]


def test_a_tab_is_four_blanks_and_a_bad_byte_is_replaced() -> None:
    assert show_line(b"\ta\xff\r") == "    a\ufffd"


def test_errors_have_one_voice() -> None:
    terminal = _terminal()
    terminal.error("it is\nbroken", "mend  it")
    assert isinstance(terminal.err, io.StringIO)
    assert terminal.err.getvalue() == "byline: error: it is\n  broken\nbyline: hint: mend it\n"

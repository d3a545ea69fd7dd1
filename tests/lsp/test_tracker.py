# SPDX-License-Identifier: Apache-2.0
"""Which saved line each line of an unsaved document is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byline.core.lines import split_lines
from byline_lsp.text import Unit
from byline_lsp.tracker import NEW, Document, Saved, settle


def opened(text: str, saved: bytes | None = None) -> tuple[Document, Saved]:
    disk = Saved.of(split_lines(text.encode() if saved is None else saved))
    document = Document.open(text, 1)
    document.origins = settle(disk, document.lines, document.origins)
    return document, disk


def settled(document: Document, disk: Saved) -> list[int]:
    return settle(disk, document.lines, document.origins)


def test_what_was_not_changed_is_known() -> None:
    document, _ = opened("a\nb\nc\n")
    assert document.origins == [0, 1, 2]


def test_a_new_line_moves_the_others() -> None:
    document, disk = opened("a\nb\nc\n")
    document.change(((1, 0), (1, 0)), "new\n", Unit.UTF16)
    assert document.origins == settled(document, disk) == [0, NEW, 1, 2]


def test_a_line_end_typed_at_the_end_of_a_line_leaves_the_line() -> None:
    document, disk = opened("a\nb\n")
    document.change(((0, 1), (0, 1)), "\n    ", Unit.UTF16)
    assert settled(document, disk) == [0, NEW, 1]


def test_undo_brings_the_owner_back() -> None:
    document, disk = opened("a\nb\nc\n")
    document.change(((1, 0), (2, 0)), "", Unit.UTF16)
    assert settled(document, disk) == [0, 2]
    document.change(((1, 0), (1, 0)), "b\n", Unit.UTF16)
    assert settled(document, disk) == [0, 1, 2]


def test_indentation_leaves_the_owner() -> None:
    document, disk = opened("a\nb\n")
    document.change(((1, 0), (1, 0)), "    ", Unit.UTF16)
    assert settled(document, disk) == [0, 1]


def test_a_client_that_sends_the_whole_text_is_followed() -> None:
    document, disk = opened("a\nb\nc\nd\n")
    document.change_all("a\nB\nc\nx\nd\n")
    assert settled(document, disk) == [0, NEW, 2, NEW, 3]


def test_merged_changes_are_followed() -> None:
    """Neovim and Emacs collect keystrokes; each change speaks of the text that the one before it left."""
    document, disk = opened("a\nb\nc\n")
    document.advance(2)
    document.change(((2, 1), (2, 1)), "x", Unit.UTF16)
    document.change(((0, 0), (1, 0)), "", Unit.UTF16)
    assert ("".join(document.lines), settled(document, disk)) == ("b\ncx\n", [1, NEW])


def test_a_version_that_goes_back_is_a_lost_document() -> None:
    document, _ = opened("a\n")
    document.advance(3)
    document.advance(2)
    assert document.lost


def test_versions_may_leap() -> None:
    document, _ = opened("a\n")
    document.advance(40)
    assert not document.lost


def test_a_change_to_lines_that_are_not_there_loses_the_document_until_the_whole_text_comes() -> None:
    document, disk = opened("a\n")
    document.change(((7, 0), (7, 0)), "x", Unit.UTF16)
    assert document.lost
    document.change_all("a\n")
    assert (document.lost, settled(document, disk)) == (False, [0])


def test_a_file_that_is_not_utf_8_is_compared_by_what_all_encodings_share() -> None:
    document, disk = opened("caf\u00e9\nb\n", b"caf\xe9\nb\n")
    assert settled(document, disk) == [0, 1]


def test_a_byte_order_mark_is_no_change() -> None:
    document, disk = opened("a\nb\n", b"\xef\xbb\xbfa\nb\n")
    assert settled(document, disk) == [0, 1]


def test_line_ends_are_no_change() -> None:
    document, disk = opened("a\nb", b"a\r\nb\r\n")
    assert settled(document, disk) == [0, 1]


def test_a_lone_cr_ends_a_line_but_no_row() -> None:
    document, disk = opened("a\rb\nc\n")
    assert (settled(document, disk), list(disk.rows)) == ([0, 1, 2], [0, 0, 1])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.text("ab\n", max_size=5)), max_size=8))
def test_known_lines_hold_the_saved_text_in_its_order(changes: list[tuple[int, int, str]]) -> None:
    document, disk = opened("a\nb\na\nab\n\nb\n")
    for line, count, text in changes:
        first = min(line, len(document.lines))
        last = min(first + count, len(document.lines))
        document.change(((first, 0), (last, 0)), text, Unit.UTF16)
        if document.lost:
            return
        known = [origin for origin in settled(document, disk) if origin != NEW]
        assert known == sorted(set(known))
        for text_line, origin in zip(document.lines, settled(document, disk), strict=True):
            assert origin == NEW or text_line.strip().encode() == disk.lines[origin]

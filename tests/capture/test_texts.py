# SPDX-License-Identifier: Apache-2.0
"""From an agent's text back to bytes: the text is used only where it tells them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byline.capture.texts import find_bytes, undo_replacement

lines = st.lists(st.sampled_from(["a", "b\u00fc", "", "  x"])).map("\n".join)


@given(lines, st.booleans(), st.booleans())
def test_line_ends_and_mark_of_the_disk_win(text: str, crlf: bool, mark: bool) -> None:  # noqa: FBT001 - Hypothesis gives them
    disk = (b"\xef\xbb\xbf" if mark else b"") + (text.replace("\n", "\r\n") if crlf else text).encode()
    assert find_bytes(text, disk=disk) == disk


@given(st.binary())
def test_a_lossy_text_never_invents_bytes(disk: bytes) -> None:
    assert find_bytes(disk.decode(errors="replace"), disk=disk) == disk
    assert find_bytes("\ufffd and more", disk=disk) is None


def test_without_a_file_the_text_is_all_there_is() -> None:
    assert find_bytes("a\n", disk=None) == b"a\n"
    assert find_bytes("\ud800", disk=None) is None


def test_an_undone_replacement_must_decode_to_the_original() -> None:
    assert undo_replacement(b"\xe9 new", "\ufffd old", ("old", "new")) == b"\xe9 old"
    assert undo_replacement(b"\xe9 new", "another", ("old", "new")) is None
    assert undo_replacement(b"new new", "old new", ("old", "new")) is None

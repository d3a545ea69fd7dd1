# SPDX-License-Identifier: Apache-2.0
"""`byline forget`: shown first, asked, and told what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import byline
from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """An agent wrote a file, and something else of it is gone."""
    clone = Installed.create(repository)
    clone.writes("a.py", b"gone = 1\n", session="6e46bda4-first")
    clone.writes("a.py", b"here = 2\n", session="6e46bda4-first")
    return clone


def test_it_is_shown_and_nothing_goes_unasked(clone: Installed) -> None:
    said = clone.byline("forget", "6e46")
    assert (said.code, "6e46bda4-first" in said.out, "without a terminal" in said.err) == (2, True, True), said
    assert "6e46bda4" in clone.byline("status").out


def test_it_goes_and_the_line_stays_the_agents(clone: Installed) -> None:
    said = clone.byline("forget", "6e46", "--yes")
    assert (said.code, "forgotten: 1 text, 2 records and 0 payloads" in said.out) == (0, True), said
    assert "6e46bda4" not in clone.byline("status").out
    clone.commit()
    assert clone.owners("a.py", rev="HEAD") == ["ai"]
    again = clone.byline("forget", "6e46", "--yes")
    assert (again.code, again.out) == (1, "nothing of it is here\n")


def test_a_short_id_names_the_session_that_has_it_and_no_longer_one(clone: Installed) -> None:
    clone.writes("b.py", b"b = 1\n", session="6e4")
    assert clone.byline("forget", "6e4", "--yes").code == 0
    assert "6e46bda4" in clone.byline("status").out
    said = clone.byline("forget", "6e4", "--yes")
    assert (said.code, "too short" in said.err) == (2, True), said


def test_without_git_it_is_about_folders_without_git(clone: Installed, tmp_path: Path) -> None:
    """A session is looked for in all of them; any other wish is about the folder, one above or one below."""
    for name, session in (("one", "11111111-a"), ("one", "22222222-b"), ("two", "33333333-c")):
        (tmp_path / name).mkdir(exist_ok=True)
        with byline.session(agent="mine", root=tmp_path / name, session_id=session) as told:
            told.write("a.txt", f"{session}\n")
    inner = tmp_path / "one/inner"
    inner.mkdir()
    said = clone.byline("forget", "--all", "--yes", cwd=inner)
    assert (said.code, "11111111" in said.out, "22222222" in said.out, "33333333" in said.out) == (0, True, True, False), said
    assert clone.byline("forget", "--agent", "mine", "--yes", cwd=inner).code == 1
    assert clone.byline("forget", "--before", "2020-01-01", "--yes", cwd=tmp_path).code == 1
    assert clone.byline("forget", "3333", "--yes", cwd=inner).code == 0
    assert clone.byline("forget", "3333", "--yes").out == "nothing of it is here\n"
    assert clone.byline("forget", "6e46", "--yes").code == 0


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "forget what"),
        (("--all", "--agent", "a"), "forget what"),
        (("6e4",), "too short"),
        (("--before", "yesterday"), "is no day"),
    ],
)
def test_mistakes_are_told(clone: Installed, words: tuple[str, ...], what: str) -> None:
    said = clone.byline("forget", *words)
    assert (said.code, what in said.err) == (2, True), said

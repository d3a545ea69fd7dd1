# SPDX-License-Identifier: Apache-2.0
"""`byline forget`: shown first, asked, and told what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from installed import Installed

if TYPE_CHECKING:
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

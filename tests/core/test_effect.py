# SPDX-License-Identifier: Apache-2.0
"""Transitions, their rows, and the paths they may name."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.effect import (
    FileState,
    Transition,
    check_path,
    effect_digest,
    parse_path,
    path_members,
    transition_from_json,
    transition_to_json,
)
from byline.errors import MalformedError

A, B = "a" * 64, "b" * 64
OLD, NEW = FileState(mode="100644", sha256=A), FileState(mode="100755", sha256=B)
STATES = st.none() | st.builds(FileState, mode=st.sampled_from(["100644", "100755", "120000"]), sha256=st.sampled_from([A, B]))
PATHS = st.lists(st.sampled_from([b"a", b"\xff", b"c d", "é".encode(), b"\n"]), min_size=1, max_size=3).map(b"/".join)
TRANSITIONS = st.builds(Transition, path=PATHS, old=STATES, new=STATES).filter(lambda each: each.old != each.new)


def test_the_effect_is_the_hash_of_the_sorted_rows() -> None:
    rows = f'[["a","100644","{A}",null,null],["b","100644","{A}","100755","{B}"]]'
    changes = [Transition(path=b"b", old=OLD, new=NEW), Transition(path=b"a", old=OLD, new=None)]
    assert effect_digest(changes) == hashlib.sha256(rows.encode()).hexdigest()


@given(st.lists(TRANSITIONS, max_size=5, unique_by=lambda each: each.path), st.randoms(use_true_random=False))
def test_the_order_of_transitions_does_not_matter(changes: list[Transition], random: object) -> None:
    shuffled = list(changes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # the wrong type, on purpose
    assert effect_digest(shuffled) == effect_digest(changes)


@given(TRANSITIONS)
def test_a_row_is_read_back(transition: Transition) -> None:
    assert transition_from_json(transition_to_json(transition)) == transition


@given(PATHS)
def test_every_path_of_a_tree_round_trips(path: bytes) -> None:
    members = path_members(path)
    assert parse_path(members.get("path"), members.get("pathBytes")) == path


@pytest.mark.parametrize("path", [b"", b"/a", b"a//b", b"a/", b".", b"..", b"a/../b", b".git", b"a/.GIT/b", b"a\0b", b"a" * 4097])
def test_a_path_that_cannot_stand_in_a_tree_is_refused(path: bytes) -> None:
    """G3: traversal, aliases of git's own folder, and what no tree can hold."""
    with pytest.raises(MalformedError):
        check_path(path)


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        ["a", None, None, None, None],
        ["a", "100644", A, "100644", A],
        ["a", "100600", A, None, None],
        ["a", "100644", "A", None, None],
        [{"pathBytes": "YQ=="}, "100644", A, None, None],
        [{"path": "a"}, "100644", A, None, None],
        ["a", None, A, None, None],
    ],
)
def test_a_row_that_is_no_transition_is_refused(row: object) -> None:
    with pytest.raises(MalformedError):
        transition_from_json(row)  # type: ignore[arg-type]  # the wrong type, on purpose

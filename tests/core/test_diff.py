# SPDX-License-Identifier: Apache-2.0
"""The line diff: a matching is always a valid common subsequence, and duplicates go where people put them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byline.core import diff
from byline.core.diff import ABSENT, Gap, Run, gaps, match_items, match_lines, runs
from byline.core.lines import LineRange, squeeze

LINES = st.lists(st.sampled_from([b"a", b"b", b" b", b"c", b"", b"}", b"  }", b"d e", b"de"]), max_size=24)


@given(LINES, LINES)
def test_a_matching_is_a_common_subsequence_but_for_white_space(old: list[bytes], new: list[bytes]) -> None:
    matching = match_lines(old, new)
    named = [i for i in matching if i != ABSENT]
    assert len(matching) == len(new)
    assert named == sorted(set(named))
    assert all(squeeze(old[i]) == squeeze(new[j]) for j, i in enumerate(matching) if i != ABSENT)


@given(LINES)
def test_equal_versions_match_line_by_line(lines: list[bytes]) -> None:
    assert match_lines(lines, lines) == tuple(range(len(lines)))


@given(LINES, LINES, LINES)
def test_lines_around_one_insertion_all_match(start: list[bytes], middle: list[bytes], end: list[bytes]) -> None:
    matching = match_items([*start, *end], [*start, *middle, *end])
    assert sum(i != ABSENT for i in matching) == len(start) + len(end)


@given(LINES, LINES)
def test_runs_and_gaps_cover_both_versions_exactly(old: list[bytes], new: list[bytes]) -> None:
    matching = match_lines(old, new)
    changed, same = gaps(matching, len(old)), list(runs(matching))
    assert sorted([i for gap in changed for i in range(gap.old.start, gap.old.end)] + [i for i in matching if i != ABSENT]) == list(
        range(len(old))
    )
    assert sum(len(gap.new) for gap in changed) + sum(run.count for run in same) == len(new)


def test_an_inserted_copy_stands_after_its_original() -> None:
    assert match_lines([b"x", b"y", b"x", b"y"], [b"x", b"y", b"x", b"y", b"x", b"y"]) == (0, 1, 2, 3, ABSENT, ABSENT)


def test_lines_that_differ_in_white_space_match_inside_a_changed_place_only() -> None:
    assert match_lines([b"def f():", b"    a", b"z"], [b"def g():", b"\ta", b"z"]) == (ABSENT, 1, 2)


def test_unique_lines_anchor_what_moved_around_them() -> None:
    old = [b"}", b"alpha", b"}", b"beta", b"}"]
    new = [b"new", b"}", b"alpha", b"}", b"}", b"beta", b"}", b"more"]
    matching = match_lines(old, new)
    assert (matching[2], matching[5]) == (1, 3)


def test_runs_and_gaps_of_a_small_matching() -> None:
    assert list(runs((0, 1, ABSENT, 3))) == [Run(old=0, new=0, count=2), Run(old=3, new=3, count=1)]
    assert gaps((0, 1, ABSENT, 3), 5) == (Gap(LineRange(2, 3), LineRange(2, 3)), Gap(LineRange(4, 5), LineRange(4, 4)))


def test_repetitive_versions_end_within_the_bound() -> None:
    """Work is bounded by steps, not by time; what is matched within the bound is right."""
    old = [b"a", *([b"x", b"y"] * 4000), b"b"]
    new = [b"c", *([b"y", b"x"] * 4000), b"d"]
    assert diff.MAX_STEPS <= 10_000_000
    matching = match_lines(old, new)
    assert all(old[i] == new[j] for j, i in enumerate(matching) if i != ABSENT)

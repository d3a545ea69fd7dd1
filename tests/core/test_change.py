# SPDX-License-Identifier: Apache-2.0
"""Units: what a change between two versions is cut into."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byline.core.change import Side, kind_of
from byline.core.lines import LineRange, split_lines
from byline.core.policy import ChangeKind
from casework import changed

lines = st.lists(st.sampled_from([b"a", b"b", b"  b", b"", b"}", b"a\r", b"c d"]), max_size=12)
texts = st.builds(lambda items, end: b"\n".join(items) + end, lines, st.sampled_from([b"", b"\n"]))


def _runs(old: bytes | None, new: bytes | None) -> list[tuple[str, int, int]]:
    units = changed(b"a", old, new).units
    return [(unit.side.value, unit.lines.start, unit.lines.end) for unit in units if unit.lines]


@given(old=texts, new=texts)
def test_what_is_left_without_the_units_is_the_same_on_both_sides(old: bytes, new: bytes) -> None:
    """Every line that differs in any byte is in a unit, and units of one side do not overlap."""
    if old == new:
        return
    sides = {Side.REMOVED: old, Side.ADDED: new}
    left = {}
    for side, data in sides.items():
        taken = [
            number
            for unit in changed(b"a", old, new).units
            if unit.side is side and unit.lines
            for number in range(unit.lines.start, unit.lines.end)
        ]
        assert len(set(taken)) == len(taken)
        raw = [line + b"\n" for line in data.split(b"\n")]
        raw[-1] = raw[-1][:-1]
        assert not taken or max(taken) < len(split_lines(data))
        left[side] = b"".join(line for number, line in enumerate(raw) if number not in set(taken))
    assert left[Side.REMOVED] == left[Side.ADDED]


def test_runs_come_in_reading_order() -> None:
    assert _runs(b"a\nb\nc\nd\n", b"a\nx\nc\ny\nz\n") == [("removed", 1, 2), ("added", 1, 2), ("removed", 3, 4), ("added", 3, 5)]


def test_white_space_and_line_ends_are_bytes() -> None:
    assert _runs(b"a\n  b\n", b"a\nb\n") == [("removed", 1, 2), ("added", 1, 2)]
    assert _runs(b"a\r\nb\n", b"a\nb\n") == [("removed", 0, 1), ("added", 0, 1)]
    assert _runs(b"a\nb\n", b"a\nb") == [("removed", 1, 2), ("added", 1, 2)]


def test_a_file_that_comes_or_goes_is_all_its_lines() -> None:
    assert _runs(None, b"a\nb\n") == [("added", 0, 2)]
    assert _runs(b"a\nb", None) == [("removed", 0, 2)]


def test_what_has_no_lines_is_one_whole_unit() -> None:
    for file in (
        changed(b"a", None, b""),
        changed(b"a", b"\0", b"\0\0"),
        changed(b"a", b"x\n", b"x\n", modes=("100644", "100755")),
        changed(b"a", b"x\n", b"y\n", modes=("120000", "120000")),
    ):
        assert [(unit.side, unit.lines) for unit in file.units] == [(Side.FILE, None)]


def test_a_mode_that_changes_with_the_text_is_a_unit_too() -> None:
    units = changed(b"a", b"x\n", b"x\ny\n", modes=("100644", "100755")).units
    assert [(unit.side, unit.lines) for unit in units] == [(Side.ADDED, LineRange(1, 2)), (Side.FILE, None)]


def test_kinds() -> None:
    kinds = [
        kind_of(changed(b"a", *sides, modes=modes).transition)
        for sides, modes in (
            ((None, b"x"), ("100644", "100644")),
            ((b"x", None), ("100644", "100644")),
            ((b"x", b"y"), ("100644", "100755")),
            ((b"x", b"x"), ("100644", "100755")),
            ((b"x", b"x"), ("100644", "120000")),
            ((b"x", b"y"), ("160000", "160000")),
        )
    ]
    expected = [ChangeKind.ADD, ChangeKind.DELETE, ChangeKind.MODIFY, ChangeKind.MODE, ChangeKind.TYPE, ChangeKind.MODIFY]
    assert kinds == expected

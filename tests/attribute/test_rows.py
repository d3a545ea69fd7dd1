# SPDX-License-Identifier: Apache-2.0
"""Bylines in little space: what is packed reads back, is written as it was read, and says nothing where it is damaged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.attribute.rows import BylineTable, PackedRows, expand, read_rows, read_tables, to_rows
from byline.attribute.state import Seen, State, format_state, parse_state
from byline.core.attribution import UNATTRIBUTED, Byline, Channel, Evidence, Origin, Owner

if TYPE_CHECKING:
    from collections.abc import Sequence

AI = Owner(origin=Origin.AI, evidence=Evidence.OBSERVED, channel=Channel.HOOK, session="s")
BYLINES = (UNATTRIBUTED, Byline(owner=AI), Byline(owner=AI, statement="0" * 64, commit="1" * 40))
bylines = st.lists(st.sampled_from(BYLINES)).map(tuple)


@given(st.lists(bylines, max_size=4), st.lists(bylines, max_size=3))
def test_what_was_packed_reads_back_and_is_written_as_it_was_read(
    first: Sequence[tuple[Byline, ...]], more: Sequence[tuple[Byline, ...]]
) -> None:
    state = State()
    for number, each in enumerate(first):
        state = state.with_seen("/w", b"%d" % number, Seen(blob="a" * 40, rows=to_rows(each)))
    saved = json.loads(json.dumps(format_state(state)))
    again = parse_state(saved)
    for number, each in enumerate(more):
        again = again.with_seen("/w", b"more%d" % number, Seen(blob="b" * 40, rows=to_rows(each)))
    saved_again = json.loads(json.dumps(format_state(again)))
    rest = parse_state(saved_again)
    assert [rest.seen("/w", b"%d" % number)[0].bylines for number in range(len(first))] == list(first)
    assert [rest.seen("/w", b"more%d" % number)[0].bylines for number in range(len(more))] == list(more)
    assert rest == again
    assert saved_again["versions"][: len(first)] == saved["versions"]


@pytest.mark.parametrize("text", ["1", "1 9", "x y", "1 0 2", "-1 0", "1.5 0"])
def test_damaged_rows_name_no_owner(text: str) -> None:
    assert expand(read_rows(text, BYLINES[:2])) == ()


def test_rows_of_two_readings_share_one_table() -> None:
    one, other = (read_rows("2 0 1 1", table) for table in (list(BYLINES[:2]), list(BYLINES[1:])))
    table = BylineTable([one, other])
    written = [table.rows(each) for each in (one, other)]
    read = read_tables(table.to_json())[1]
    assert written == ["2 0 1 1", "2 1 1 2"]
    assert [expand(PackedRows(each, read)) for each in written] == [expand(one), expand(other)]

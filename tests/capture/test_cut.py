# SPDX-License-Identifier: Apache-2.0
"""A journal that is cut while others append: every record is there, once, and places keep their numbers."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from byline.capture.cut import LENGTH, format_cut, journal_end, locked, parse_cut
from byline.capture.inbox import lock_inbox
from byline.capture.journal import FILE, append_edit, read_events
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import Edit
from byline.flow.compaction import cut_journal

if TYPE_CHECKING:
    from pathlib import Path

WRITERS, RECORDS = 3, 150
EDIT = Edit(
    worktree="/repo/.git",
    path=b"a.py",
    before=None,
    after="a" * 40,
    by=Agent(name="agent", version=None, model=None),
    evidence=Evidence.ATTESTED,
    channel=Channel.SDK,
    session="s",
    call=None,
    head=None,
    in_progress=(),
    time=1_700_000_000_000_000_000,
    seq=0,
)


@given(st.integers(LENGTH + 1, 2**63))
def test_the_first_line_of_a_cut_journal_stands_for_what_is_gone(upto: int) -> None:
    assert len(format_cut(upto)) == LENGTH
    assert parse_cut(format_cut(upto)) + LENGTH == upto


@given(st.binary() | st.binary(max_size=30).map(lambda data: format_cut(2**40)[:-23] + data))
def test_any_other_line_stands_for_nothing_or_is_the_same_as_written(line: bytes) -> None:
    assert parse_cut(line) == 0 or format_cut(parse_cut(line) + LENGTH) == line


def test_a_place_in_the_journal_keeps_its_number(tmp_path: Path) -> None:
    for number in range(6):
        append_edit(tmp_path, replace(EDIT, time=number))
    third = read_events(tmp_path).events[2]
    whole = read_events(tmp_path).cursor
    upto = whole // 6 * 2
    assert cut_journal(tmp_path, upto, at=0) == upto
    cut = read_events(tmp_path)
    assert (cut.begin, cut.cursor, len(cut.events), cut.events[0]) == (upto, whole, 4, third)
    assert journal_end(tmp_path / FILE) == whole
    assert cut_journal(tmp_path, whole, at=0) == whole - upto
    append_edit(tmp_path, replace(EDIT, time=9))
    assert [event.time for event in read_events(tmp_path, whole).events] == [9]
    assert [event.time for event in read_events(tmp_path, 5).events] == [9]


def test_a_cut_between_two_records_takes_whole_records_and_leaves_a_torn_end_as_it_is(tmp_path: Path) -> None:
    for number in range(4):
        append_edit(tmp_path, replace(EDIT, time=number))
    with (tmp_path / FILE).open("ab") as journal:
        journal.write(b'{"schema":"byli')
    cut_journal(tmp_path, read_events(tmp_path).cursor // 4 + 9, at=0)
    assert [event.time for event in read_events(tmp_path).events] == [2, 3]
    assert (tmp_path / FILE).read_bytes().endswith(b'\n{"schema":"byli')


def test_who_waits_for_a_lock_on_a_journal_that_was_replaced_gets_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"old")
    with locked(path, alone=False) as first:
        (tmp_path / "new").write_bytes(b"new")
        (tmp_path / "new").rename(path)
        with locked(path, alone=True) as second:
            assert first != second
    assert path.read_bytes() == b"new"


def test_a_process_that_was_forked_while_a_lock_was_held_does_not_hold_it(tmp_path: Path) -> None:
    """A server forks its workers while another thread writes: they have what it had open for as long as they live."""
    ends, hold = os.pipe()
    with locked(tmp_path / FILE, alone=True), lock_inbox(tmp_path):
        child = os.fork()
        if not child:
            os.close(hold)
            os.read(ends, 1)
            os._exit(0)
    try:
        for name in (FILE, "lock"):
            with (tmp_path / name).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(hold)
        os.waitpid(child, 0)


def _append(place: Path, writer: int) -> None:
    for number in range(RECORDS):
        append_edit(place, replace(EDIT, path=b"x" * 500, time=number, name=f"{writer}.{number}"))


def test_writers_at_once_lose_nothing_to_a_journal_that_is_cut_again_and_again(tmp_path: Path) -> None:
    """As the attester does: read on, keep what was read elsewhere, cut it off."""
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(tmp_path, writer)) for writer in range(WRITERS)]
    for writer in writers:
        writer.start()
    found: list[str] = []
    cursor = cuts = 0
    alive = True
    while alive:
        alive = any(writer.is_alive() for writer in writers)
        reading = read_events(tmp_path, cursor)
        assert (reading.torn, reading.begin <= cursor) == ((), True)
        found += [event.name for event in reading.events]
        cursor = reading.cursor
        cuts += cut_journal(tmp_path, cursor, at=0) > 0 if cursor else 0
    assert sorted(found) == sorted(f"{writer}.{number}" for writer in range(WRITERS) for number in range(RECORDS))
    assert cuts > 1

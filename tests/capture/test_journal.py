# SPDX-License-Identifier: Apache-2.0
"""The journal and the contents beside it: one write a record, and nothing that a torn line could spoil."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.clock import now_ns
from byline.capture.contents import MAX_CONTENT, Contents
from byline.capture.journal import (
    FILE,
    SEES_PEOPLE,
    append_edit,
    append_mark,
    find_events,
    format_event,
    parse_event,
    read_events,
)
from byline.capture.losses import MAX_FILE, Loss, LossCode, read_losses, record_loss
from byline.core.attribution import Agent, Author, Channel, Evidence, Person, Tool
from byline.core.edit import UNSEEN, Edit, Hook, Mark
from byline.core.lines import blob_id
from byline.errors import MalformedError

if TYPE_CHECKING:
    from pathlib import Path

EDIT = Edit(
    worktree="/repo/.git",
    path=b"a.py",
    before=None,
    after="a" * 40,
    by=Agent(name="claude-code", version="2.1.197", model="m"),
    evidence=Evidence.OBSERVED,
    channel=Channel.HOOK,
    session="s",
    call="c",
    head="b" * 40,
    in_progress=("c" * 64,),
    time=1_700_000_000_123_456_789,
    seq=0,
    name="edit.x",
)
MARK = Mark(
    worktree="/repo/.git",
    hook=Hook.POST_REWRITE,
    head=None,
    in_progress=(),
    rewritten=(("a" * 40, "b" * 40),),
    by_agent=True,
    time=1_700_000_000_123_456_790,
    name="mark.x",
)

words = st.text(min_size=1, max_size=20)
ids = st.sampled_from(["a" * 40, "0" * 64])
authors: st.SearchStrategy[Author | None] = st.one_of(
    st.none(),
    st.builds(Agent, name=words, version=st.none() | words, model=st.none() | words),
    st.builds(Tool, name=words, version=st.none() | words),
)
people = st.builds(Person, id=st.none() | words)
edits = st.builds(
    Edit,
    worktree=st.binary(min_size=1).map(os.fsdecode),
    path=st.binary(min_size=1),
    before=st.none() | ids | st.just(UNSEEN),
    after=st.none() | ids,
    by=authors,
    evidence=st.sampled_from([*Evidence]),
    channel=st.sampled_from([*Channel]),
    session=st.none() | words,
    call=st.none() | words,
    head=st.none() | ids,
    in_progress=st.lists(ids).map(tuple),
    time=st.integers(0, 2**64 - 1),
    seq=st.integers(0, 2**40),
    name=words,
)


@given(edits)
def test_a_record_reads_back_as_it_was(edit: Edit) -> None:
    line = format_event(edit)
    assert b"\n" not in line
    assert parse_event(line) == edit


@given(edits, people, st.sampled_from([*Channel]), st.sampled_from([*Evidence]))
def test_only_an_editor_and_the_intake_can_name_a_person(edit: Edit, person: Person, channel: Channel, evidence: Evidence) -> None:
    said = replace(edit, by=person, channel=channel, evidence=evidence)
    if (channel, evidence) in SEES_PEOPLE:
        assert parse_event(format_event(said)) == said
    else:
        with pytest.raises(MalformedError):
            parse_event(format_event(said))


def test_a_mark_reads_back_as_it_was() -> None:
    assert parse_event(format_event(MARK)) == MARK


@given(st.binary() | st.binary().map(lambda data: b'{"schema":"byline.journal/1","type":"edit","x":' + data + b"}"))
def test_anything_else_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_event(data)


@pytest.mark.parametrize("member", [b'"after"', b'"by"', b'"time"', b'"path"', b'"inProgress"', b'"name"'])
def test_a_missing_or_renamed_member_is_malformed(member: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_event(format_event(EDIT).replace(member, member[:-1] + b'x"'))


def test_events_come_in_order_of_time_then_name_and_once(tmp_path: Path) -> None:
    later = replace(EDIT, time=EDIT.time + 5, name="edit.b")
    for event in (later, replace(later, name="edit.a"), EDIT, EDIT):
        append_edit(tmp_path, event)
    append_mark(tmp_path, MARK)
    reading = read_events(tmp_path)
    assert reading.events == (EDIT, MARK, replace(later, name="edit.a"), later)
    assert read_events(tmp_path, reading.cursor).events == ()
    append_edit(tmp_path, replace(EDIT, name="edit.c"))
    assert [event.name for event in read_events(tmp_path, reading.cursor).events] == ["edit.c"]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_reported_once_and_the_next_record_stands_on_its_own(tmp_path: Path) -> None:
    append_edit(tmp_path, EDIT)
    whole = (tmp_path / FILE).stat().st_size
    with (tmp_path / FILE).open("ab") as journal:
        journal.write(format_event(EDIT)[:50])
    reading = read_events(tmp_path)
    assert (len(reading.events), reading.cursor, reading.torn) == (1, whole, ())
    append_mark(tmp_path, MARK)
    reading = read_events(tmp_path, reading.cursor)
    assert reading.events == (MARK,)
    assert [(torn.offset, torn.size) for torn in reading.torn] == [(whole, 50)]
    assert read_events(tmp_path, reading.cursor).torn == ()


def test_a_cursor_beyond_a_compacted_journal_starts_anew(tmp_path: Path) -> None:
    append_edit(tmp_path, EDIT)
    assert read_events(tmp_path, 10**9).events == (EDIT,)
    assert read_events(tmp_path / "nowhere", 5).cursor == 0


def _append_many(place: Path, writer: int) -> None:
    for number in range(50):
        append_edit(place, replace(EDIT, path=b"x" * 3000, name=f"{writer}.{number:03}"))


def test_events_are_found_by_what_they_name_and_no_other_record_is_read(tmp_path: Path) -> None:
    odd = replace(EDIT, path=b"\xff", session=None, time=EDIT.time + 1)
    for edit in (odd, EDIT, EDIT, replace(EDIT, path=b"b.py", session="t")):
        append_edit(tmp_path, edit)
    with (tmp_path / FILE).open("ab") as journal:
        journal.write(b'torn "a.py"\n')
    append_mark(tmp_path, replace(MARK, head="d" * 40))
    assert find_events(tmp_path, [b"a.py"]) == (EDIT,)
    assert find_events(tmp_path, [b"\xff", b"s"]) == (EDIT, odd)
    assert [type(each) for each in find_events(tmp_path, [b"d" * 40])] == [Mark]
    assert find_events(tmp_path / "nowhere", [b"a.py"]) == ()


def test_writers_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(tmp_path, writer)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    reading = read_events(tmp_path)
    assert (len(reading.events), reading.torn) == (200, ())


def test_contents_are_kept_once_whole_and_private(tmp_path: Path) -> None:
    contents = Contents(tmp_path)
    blob = contents.put(b"x\n")
    assert contents.put(b"x\n") == blob == blob_id(b"x\n")
    assert contents.get(blob) == b"x\n"
    (file,) = [path for path in (tmp_path / "contents").rglob("*") if path.is_file()]
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"tampered")
    assert contents.get(blob) is None
    for odd in ("../../etc/passwd", "", "f" * 40):
        assert contents.get(odd) is None


def test_five_megabytes_are_kept_and_one_byte_more_is_not(tmp_path: Path) -> None:
    contents = Contents(tmp_path)
    assert contents.has(contents.put(b"x" * MAX_CONTENT))
    assert not contents.has(contents.put(b"x" * (MAX_CONTENT + 1)))


def test_losses_read_back_cleaned_and_bounded(tmp_path: Path) -> None:
    loss = Loss(code=LossCode.FAILED, message="a\x1b[31mb\n\u202ec" + "x" * 600, source="s", time=1)
    record_loss(tmp_path, loss)
    with (tmp_path / "losses").open("ab") as file:
        file.write(b"{torn")
    record_loss(tmp_path, loss)
    first, torn, second = read_losses(tmp_path)
    assert first == second
    assert first.message.startswith("a[31mbc")
    assert torn.code == LossCode.TORN
    with (tmp_path / "losses").open("ab") as file:
        file.write(b"\n" * MAX_FILE)
    record_loss(tmp_path, loss)
    assert len(read_losses(tmp_path)) == 3


def test_a_loss_that_cannot_be_written_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    record_loss(tmp_path / "file" / "x", Loss(code=LossCode.FAILED, message="m", source="s", time=1))


def test_a_record_is_not_younger_than_a_file_that_is_written_after_it(tmp_path: Path) -> None:
    """Hooks leave files, and their times are those of a clock that is behind the finest one."""
    recorded = now_ns()
    (tmp_path / "mark").touch()
    assert recorded <= (tmp_path / "mark").stat().st_mtime_ns

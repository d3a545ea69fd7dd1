# SPDX-License-Identifier: Apache-2.0
"""What is put into the outbox is there until it is delivered."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from byline.core.envelope import Envelope
from byline.log.outbox import Outbox

if TYPE_CHECKING:
    from pathlib import Path


def _envelope(number: int) -> Envelope:
    return Envelope(payload=b'{"n":%d}' % number, signature=b"s", keyid="k")


def test_what_waits_comes_in_the_order_of_putting(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    assert outbox.pending() == ()
    names = [outbox.put(_envelope(number), b"key") for number in range(12)]
    assert [each.name for each in outbox.pending()] == names
    assert [each.envelope for each in outbox.pending()] == [_envelope(number) for number in range(12)]
    assert {each.public for each in outbox.pending()} == {b"key"}


def test_one_statement_by_one_key_waits_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    first = outbox.put(_envelope(1), b"key")
    assert outbox.put(_envelope(1), b"key") == first
    assert outbox.put(_envelope(1), b"another key") != first
    assert len(outbox.pending()) == 2


def test_what_was_delivered_may_be_put_again_and_is_the_newest_then(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    first, second = outbox.put(_envelope(1), b"key"), outbox.put(_envelope(2), b"key")
    outbox.delivered(first)
    again = outbox.put(_envelope(1), b"key")
    assert [each.name for each in outbox.pending()] == [second, again]
    assert Outbox(tmp_path).put(_envelope(3), b"key").startswith("0000000000000004-")


def test_what_is_delivered_is_gone_and_may_be_said_twice(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    one, two = outbox.put(_envelope(1), b"key"), outbox.put(_envelope(2), b"key")
    outbox.delivered(one)
    outbox.delivered(one)
    assert [each.name for each in outbox.pending()] == [two]


def test_a_file_that_cannot_be_read_is_named_and_stops_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    one, two = outbox.put(_envelope(1), b"key"), outbox.put(_envelope(2), b"key")
    (outbox.folder / one).write_bytes(b"{")
    (outbox.folder / ".new-xyz").write_bytes(b"left by a crash")
    assert [each.name for each in outbox.pending()] == [two]
    assert outbox.damaged() == (one,)
    assert outbox.put(_envelope(3), b"key").startswith("0000000000000003-")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "byline")
    path = outbox.folder / outbox.put(_envelope(1), b"key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(outbox.folder.stat().st_mode) == 0o700


def test_a_disk_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_bytes(b"in the way")
    with pytest.raises(OSError, match="exists"):
        Outbox(tmp_path).put(_envelope(1), b"key")

# SPDX-License-Identifier: Apache-2.0
"""Whom a commit names, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.git.ident import read_ident

EPOCH = datetime.fromtimestamp(0, UTC)


def test_time_is_told_in_the_zone_of_who_wrote_it() -> None:
    ident = read_ident(b"Ana Lima <ana@example.org> 1700000000 -0330")
    assert (ident.text, ident.name) == ("Ana Lima <ana@example.org>", "Ana Lima")
    assert ident.time.isoformat() == "2023-11-14T18:43:20-03:30"


@pytest.mark.parametrize("moment", [b"", b"soon +0000", b"1 +00", b"99999999999999999 +0000", b"1 +9900"])
def test_time_that_is_none_is_the_beginning_of_1970(moment: bytes) -> None:
    assert read_ident(b"Ana <a@b> " + moment).time == EPOCH


def test_name_that_is_no_text_can_be_shown() -> None:
    assert read_ident(b"\xff <a@b> 1 +0000").name == "\ufffd"
    assert read_ident(b"<a@b> 1 +0000").name == "<a@b>"


@given(raw=st.binary(max_size=60))
def test_every_ident_can_be_read(raw: bytes) -> None:
    assert raw.startswith(read_ident(raw).who)

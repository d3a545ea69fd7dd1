# SPDX-License-Identifier: Apache-2.0
"""What a server tells: JSON lines without content, few of them however much comes."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from byline_ledger.events import tell
from byline_ledger.server.diary import REQUEST, Lines, Refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "byline_secret"


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.INFO
    yield out
    root.removeHandler(handler)
    root.setLevel(level)


def lines(told: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(each) for each in told.getvalue().splitlines()]


def test_a_line_says_what_happened_in_members_of_its_own(told: io.StringIO) -> None:
    asked = REQUEST.set("f00d")
    tell(logging.WARNING, "refused", reason="BL-LEDGER-7", identity="an\nyone")
    REQUEST.reset(asked)
    (line,) = lines(told)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "event": "refused", "request": "f00d", "reason": "BL-LEDGER-7", "identity": "an\nyone"}


def test_an_error_that_nobody_foresaw_is_told_without_its_message(told: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("byline_ledger.server").exception("a call failed")
    (line,) = lines(told)
    assert line["error"] == "ValueError"
    assert __file__ in line["at"][-1]
    assert SECRET not in told.getvalue()


def test_what_a_library_quotes_is_not_told(told: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("bad request: %s", SECRET)
    (line,) = lines(told)
    assert (line["event"], line["from"]) == ("bad request: %s", "uvicorn.error")


def test_a_flood_of_refusals_is_a_line_a_second_and_a_number(told: io.StringIO) -> None:
    now = 0.0
    refusals = Refusals(lambda: now)
    for _ in range(500):
        refusals.tell("BL-LEDGER-7", "anyone")
        now += 0.01
    refusals.tell("BL-LEDGER-6", "ci")
    seen = [(line["reason"], line["untold"]) for line in lines(told)]
    assert seen[0] == ("BL-LEDGER-7", 0)
    assert seen[-1] == ("BL-LEDGER-6", 0)
    assert len(seen) <= 7
    assert sum(1 + untold for reason, untold in seen if reason == "BL-LEDGER-7") + 100 >= 500

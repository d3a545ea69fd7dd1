# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC messages, as a proxy hears them that must overlook none."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.rpc import format_answer, parse_messages
from byline.errors import PayloadError

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def _call(beside: str) -> bytes:
    return b'{"jsonrpc": "2.0", "id": 7, "method": "m", "params": {"beside": %s, "path": "p", "text": "]}{[\\""}}' % beside.encode()


@pytest.mark.parametrize("depth", [1, 62, 63, 64, 65, 2_000, 100_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"x":', "}")])
def test_no_message_is_overlooked_for_what_is_nested_beside_its_members(depth: int, opens: str, closes: str) -> None:
    (message,) = parse_messages(_call(opens * depth + '"]}\\\\"' + closes * depth))
    assert (message.method, message.id, message.given["path"], message.given["text"]) == ("m", 7, "p", ']}{["')


def test_bytes_that_are_no_text_hide_nothing() -> None:
    (message,) = parse_messages(_call('"?"').replace(b"?", b"\xff\xfe"))
    assert message.given["path"] == "p"


@given(values)
def test_what_was_answered_is_read(value: object) -> None:
    (message,) = parse_messages(format_answer("a", {"v": value}))
    assert (message.method, message.id, message.given, message.is_error) == (None, "a", {"v": value}, False)


@given(st.binary() | st.text().map(str.encode) | values.map(lambda each: json.dumps(each).encode()))
def test_any_bytes_are_messages_or_none(line: bytes) -> None:
    with suppress(PayloadError):
        parse_messages(line)


def test_what_is_deep_and_broken_is_no_message() -> None:
    for line in (b"[" * 100_000, b'{"a":' * 5_000, _call("[" * 5_000)):
        with pytest.raises(PayloadError):
            parse_messages(line)

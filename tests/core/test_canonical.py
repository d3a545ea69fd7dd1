# SPDX-License-Identifier: Apache-2.0
"""RFC 8785 out, strictly read in."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.canonical import format_canonical, parse_base64, parse_strict
from byline.errors import MalformedError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert parse_strict(format_canonical(value)) == value


@given(VALUES)
def test_a_value_has_one_spelling(value: object) -> None:
    written = format_canonical(value)
    assert format_canonical(parse_strict(written)) == written


def test_members_sort_by_utf16_code_units() -> None:
    """RFC 8785, section 3.2.3: its own example, in which code points and code units disagree."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(parse_strict(format_canonical(dict.fromkeys(names, 0)))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        "1.0",
        "1e3",
        "NaN",
        "Infinity",
        "-0",
        "9007199254740992",
        "1" * 40,
        '"\\ud800"',
        "[" * 40 + "]" * 40,
        "[" * 100_000,
        "",
        "{",
        "1 2",
        "\ufeff1",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_strict(text.encode())


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(MalformedError, match="at most 4"):
        parse_strict(b"[1,2,3]", max_bytes=4)


@given(st.binary(max_size=60))
def test_reading_raises_only_what_it_promises(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_strict(data)


@pytest.mark.parametrize("value", [1.5, {1: 2}, b"", object(), 2**53, ["\ud800"]])
def test_what_has_no_place_in_canonical_json_is_refused(value: object) -> None:
    with pytest.raises(MalformedError):
        format_canonical(value)


@pytest.mark.parametrize("text", ["YQ", "YR==", "YQ==\n", "-_8=", "é", 5, None])
def test_base64_has_one_spelling(text: object) -> None:
    with pytest.raises(MalformedError):
        parse_base64(text)

# SPDX-License-Identifier: Apache-2.0
"""`core.plain_json` reads and writes what the standard library's `json` does, in a program that never imported that, too."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.plain_json import json_text, json_value

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
ODD = (
    *(b"", b"{", b"[1,]", b'"abc', b"nul", b"\xff", b"1 2", b'{"a": 1}x', b"\xed\xa0\x80", b'"\xed\xa0\x80"', b"[" * 100_000, b'{"a"}'),
    *(b"\xef\xbb\xbf{}", '{"a": "b"}'.encode("utf-16"), "[1]".encode("utf-32"), b"1\0", b'"a\nb"', b'"\0ab"'),
    b' \t\r\n{"a": [1.5, -0, 1e999, NaN]}\n',
)


def _read(data: bytes) -> object:
    try:
        return json.loads(data, strict=False)
    except (ValueError, RecursionError) as error:
        return type(error)


@given(VALUES)
def test_what_is_written_is_what_the_library_writes(value: object) -> None:
    assert json_text(value) == json.dumps(value)
    assert json_value(json_text(value).encode()) == value


@given(st.binary() | st.text(alphabet='{}[]:,"\\u0d8 19.e-ntrf\n').map(str.encode))
def test_what_is_read_is_what_the_library_reads(data: bytes) -> None:
    _check(data)


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_what_is_odd_is_the_librarys_to_read_or_to_refuse(data: bytes) -> None:
    _check(data)


def _check(data: bytes) -> None:
    expected = _read(data)
    if isinstance(expected, type):
        with pytest.raises(expected):
            json_value(data)
    else:
        assert repr(json_value(data)) == repr(expected)


def test_the_library_is_imported_for_what_is_odd_alone() -> None:
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from byline.core.plain_json import json_text, json_value\n"
        "json_value(json_text({'a': [1, 'x']}).encode())\n"
        "print('json' in sys.modules)\n"
        "for data in (b'{', b'[1,]', b'\"a', b'nul'):\n"
        "    try: json_value(data)\n"
        "    except ValueError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", *["JSONDecodeError"] * 4]


def test_what_has_no_place_in_json_is_refused() -> None:
    with pytest.raises(TypeError):
        json_text({"a": object()})

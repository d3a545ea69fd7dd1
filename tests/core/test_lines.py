# SPDX-License-Identifier: Apache-2.0
"""Lines, their hashes, and git's ids."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.lines import blob_id, count_lines, hash_lines, is_binary, line_hash, split_lines

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", ()),
        (b"\n", (b"",)),
        (b"a", (b"a",)),
        (b"a\n", (b"a",)),
        (b"a\r\nb\r\n", (b"a", b"b")),
        (b"a\r\r\n", (b"a\r",)),
        (b"a\rb\x0bc\x0cd\xc2\x85e\xe2\x80\xa8f", (b"a\rb\x0bc\x0cd\xc2\x85e\xe2\x80\xa8f",)),
    ],
)
def test_only_lf_ends_a_line(data: bytes, lines: tuple[bytes, ...]) -> None:
    assert split_lines(data) == lines


@given(st.binary(max_size=60))
def test_counting_is_splitting(data: bytes) -> None:
    assert count_lines(data) == len(split_lines(data))


def test_white_space_does_not_change_a_hash() -> None:
    assert line_hash(b"if a:\t return", KEY) == line_hash(b"  if  a:return \r", KEY)


def test_another_key_gives_another_hash() -> None:
    """P3: who lacks the repository's key cannot confirm a guess of a line."""
    assert line_hash(b"password", KEY) != line_hash(b"password", b"j" * 32)


@given(st.lists(st.binary(max_size=8), max_size=12))
def test_hashing_many_lines_is_hashing_each(lines: list[bytes]) -> None:
    assert hash_lines(lines, KEY) == tuple(line_hash(line, KEY) for line in lines)


def test_blob_ids_are_gits_own() -> None:
    data = b"hello\n"
    said = subprocess.run(["git", "hash-object", "--stdin"], input=data, check=True, capture_output=True, timeout=60).stdout
    assert blob_id(data) == said.decode().strip()


def test_binary_is_what_git_calls_binary() -> None:
    assert is_binary(b"a\0b")
    assert not is_binary(b"a" * 8000 + b"\0")

# SPDX-License-Identifier: Apache-2.0
"""`core.shell_scan` reads by hand what its docstring says as regular expressions: each function is held against its own."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from byline.core.globs import fits_word
from byline.core.patch_names import patched_paths
from byline.core.shell_scan import (
    OPERATORS,
    find_assignment,
    find_operator,
    name_end,
    number_end,
    parameter_end,
    plain_end,
    without_backslashes,
)

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
TEXTS = st.text(alphabet="aZ_09+=[]{}<>&|;()$`'\"\\ \t\n*?~@#!-\u00a0\u0665\u00e9\x1c", max_size=12) | st.text(max_size=6)


PARTS = ["*** Add File: ", "*** Move to:", "*** Update File: ", " ", "\n", "\r", "a", "b c", "\u00a0", "*** "]
PATCHES = st.lists(st.sampled_from(PARTS)).map("".join)


def _end(pattern: str, text: str, at: int) -> int:
    found = re.compile(pattern).match(text, at)
    return found.end() if found else at


@given(TEXTS, st.integers(0, 3))
def test_each_ends_where_its_expression_ends(text: str, at: int) -> None:
    at = min(at, len(text))
    assert plain_end(text, at) == _end(r"[^\s;&|<>()'\"\\$`*?\[~]+", text, at)
    assert name_end(text, at) == _end(NAME, text, at)
    assert parameter_end(text, at) == _end(rf"{NAME}|[0-9@*#?$!-]", text, at)
    assert number_end(text, at) == _end(rf"(?:[0-9]+|\{{{NAME}\}})(?=[<>])", text, at)
    assert at + len(find_operator(text, at)) == _end("|".join(map(re.escape, OPERATORS)), text, at)


@given(TEXTS | st.from_regex(rf"{NAME}(\[[^\]]?\])?\+?=?", fullmatch=True))
def test_an_assignment_is_what_its_expression_says(text: str) -> None:
    found = re.match(rf"({NAME})(?:\[[^\]\s$`'\"\\]*\])?\+?=", text)
    assert find_assignment(text, 0) == (None if found is None else (found[1], found.end()))


@given(st.text(alphabet="\\$`ab"))
def test_a_backslash_goes_where_a_shell_takes_it_away(text: str) -> None:
    assert without_backslashes(text) == re.sub(r"\\([$`\\])", r"\1", text)


@given(PATCHES)
def test_a_patch_names_what_its_headers_say(patch: str) -> None:
    found = re.findall(r"^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+?)\s*$", patch, re.MULTILINE)
    assert patched_paths(patch) == tuple(dict.fromkeys(found))


@given(st.text(alphabet="ab[]!*?-\n", max_size=8), st.text(alphabet="ab[]!*?-\n", max_size=6))
def test_a_word_fits_a_glob_as_the_library_says(text: str, glob: str) -> None:
    assert fits_word(text, glob) == fnmatchcase(text, glob)

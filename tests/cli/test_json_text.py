# SPDX-License-Identifier: Apache-2.0
"""What init adds to a person's JSON goes away again, and every other byte stays: whatever stands there, however it is laid out."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byline.capture.agents.claude_code import ADAPTER
from byline.errors import MalformedError
from byline_cli.install.json_hooks import JsonHooks, without_hooks
from byline_cli.install.json_text import insert, parse_text, remove, value_of

SCRIPT = Path("/home/x/byline/claude-code.sh")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3))
ENTRY = st.fixed_dictionaries({"hooks": st.lists(st.fixed_dictionaries({"command": st.text(max_size=5)}), max_size=2)})
HOOKS = st.dictionaries(st.sampled_from(["PreToolUse", "PostToolUse", "Stop", "Mine"]), st.lists(ENTRY, min_size=1, max_size=3), min_size=1)
OBJECTS = st.builds(
    lambda value, hooks: {**value, **({"hooks": hooks} if hooks else {})},
    st.dictionaries(st.text(max_size=4).filter(lambda name: name != "hooks"), VALUES, max_size=4),
    st.none() | HOOKS,
)
LAYOUTS = st.sampled_from([None, 1, 2, 4, "\t"])


def merged(text: str, *, comments: bool = False) -> str:
    return JsonHooks(timeout=20, comments=comments).with_hooks(text.encode(), ADAPTER.hooks, SCRIPT, name="settings").decode()


@settings(max_examples=300)
@given(OBJECTS, LAYOUTS, st.sampled_from(["", "\n", "\r\n"]), st.booleans())
def test_what_is_added_goes_away_byte_for_byte(value: object, layout: int | str | None, end: str, ascii_: bool) -> None:  # noqa: FBT001 - drawn
    text = json.dumps(value, indent=layout, ensure_ascii=ascii_) + end
    text = text.replace("\n", "\r\n") if end == "\r\n" and layout is not None else text
    with contextlib.suppress(UnicodeEncodeError):
        text.encode()
        new = merged(text)
        assert without_hooks(new.encode(), text.encode()) == text.encode()
        assert merged(new) == new
        found, old = json.loads(new), json.loads(text)
        assert {**found, "hooks": 0} == {**old, "hooks": 0}
        assert sum(len(entries) for entries in found["hooks"].values()) == len(ADAPTER.hooks) + sum(
            len(entries) for entries in old.get("hooks", {}).values()
        )


def test_what_a_person_added_since_stays_where_it_stands() -> None:
    text = '{\n    "model": "x",\n    "hooks": {\n        "Stop": []\n    }\n}\n'
    new = merged(text)
    edited = new.replace('"model": "x"', '"model": "y",\n    "more": [1,2]')
    edited = edited.replace('"PreToolUse"', '"Mine": [ {} ],\n        "PreToolUse"')
    rest = without_hooks(edited.encode(), text.encode())
    assert rest is not None
    assert rest.decode() == (
        '{\n    "model": "y",\n    "more": [1,2],\n    "hooks": {\n        "Stop": [],\n        "Mine": [ {} ]\n    }\n}\n'
    )


COMMENTED = """{
  // what I like
  "model": "x", /* or y */
  "hooks": {
    "Stop": [
      {"hooks": [{"type": "command", "command": "mine"}]}, // keep
    ],
  },
}
"""


def test_comments_and_commas_at_the_end_stay_where_the_agent_reads_them() -> None:
    new = merged(COMMENTED, comments=True)
    assert without_hooks(new.encode(), COMMENTED.encode()) == COMMENTED.encode()
    assert new.count("// keep") == new.count("/* or y */") == 1
    value = value_of(new, parse_text(new))
    assert isinstance(value, dict)
    assert [*value] == ["model", "hooks"]


@given(VALUES, LAYOUTS)
def test_a_text_is_read_as_json_reads_it(value: object, layout: int | str | None) -> None:
    text = json.dumps(value, indent=layout)
    assert value_of(text, parse_text(text)) == json.loads(text)


@given(st.text(alphabet='{}[],:"\\\\/*x1 \\n', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MalformedError):
        node = parse_text(text)
        assert text[node.start : node.end].strip()


@pytest.mark.parametrize("text", ["", "{", "[1 2]", '{"a"}', '{"a": 1} 2', "[" * 200, "{,}", "[1,,]", "nul", "{1: 2}"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_text(text)


def test_a_part_goes_with_its_comma() -> None:
    for text, index, rest in (("[1, 2, 3]", 0, "[ 2, 3]"), ("[1, 2, 3]", 1, "[1, 3]"), ("[1, 2, 3]", 2, "[1, 2]"), ("[ 1 ]", 0, "[]")):
        assert remove(text, parse_text(text), index) == rest
    assert insert('{"a": {}}', parse_text('{"a": {}}')["a"], [1], "b") == '{"a": {"b": [1]}}'

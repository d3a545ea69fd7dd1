# SPDX-License-Identifier: Apache-2.0
"""What the arguments of a tool's call tell: never an error, and every path absolute."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from byline.core.tool_arguments import read_arguments, reads_only

NAMES = st.sampled_from(["path", "files", "uri", "command", "args", "commands", "sql", "patch", "cwd", "source", "script", "filePath", "x"])
PATHS = ["a/b.py", "file:///a%20b", "*** Begin Patch\n*** Add File: z\n", "/x/../y", "\ud800"]
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(PATHS))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, TEXTS), inner, max_size=4)),
    max_leaves=12,
)


@given(st.sampled_from(["write", "bash", "read_file", "delete_all", "", "?"]), VALUES)
@example("write", {"path": "\0"})
def test_any_arguments_are_understood_or_passed_by(tool: str, arguments: object) -> None:
    asked = read_arguments(tool, arguments, folder="/repo")
    assert all(path.startswith("/") and "\0" not in path for path in asked.paths)
    assert asked.folder.startswith("/")
    assert asked.command is None or isinstance(asked.command, str)


@given(VALUES)
def test_what_only_reads_writes_no_file(arguments: object) -> None:
    assert read_arguments("read_file", arguments, folder="/repo").paths == ()
    assert read_arguments("any", arguments, folder="/repo", is_read_only=True).paths == ()


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("read_file", True),
        ("ListDirectory", True),
        ("get-blob", True),
        ("view", True),
        ("write_file", False),
        ("find_and_replace", False),
        ("search_replace", False),
        ("getOrCreate", False),
        ("run_query", False),
        ("already_read", False),
        ("", False),
    ],
)
def test_a_name_tells_whether_a_tool_only_reads(tool: str, *, expected: bool) -> None:
    assert reads_only(tool) == expected


def test_where_a_tool_works_is_not_what_it_writes() -> None:
    """But a tool that removes it does."""
    for path in (".", "/repo", "/", "/repo/../repo/"):
        assert read_arguments("git_commit", {"repo_path": path}, folder="/repo").paths == ()
        assert read_arguments("delete_directory", {"path": path}, folder="/repo").paths != ()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"command": "make all"}, "make all"),
        ({"shell_command": "a"}, "a"),
        ({"commandLine": "a"}, "a"),
        ({"argv": ["a b", "c"]}, "'a b' c"),
        ({"commands": ["a", "b c"]}, "a\nb c"),
        ({"steps": [{"command": "a"}, {"cmd": "b"}]}, "a\nb"),
        ({"command": "a b", "args": ["$x"]}, "'a b' '$x'\na b '$x'"),
        ({"query": "select 1"}, None),
        ({"code": "a"}, None),
    ],
)
def test_commands_are_shell_lines(arguments: object, expected: str | None) -> None:
    assert read_arguments("do", arguments, folder="/repo").command == expected

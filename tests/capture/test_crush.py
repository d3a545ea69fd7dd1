# SPDX-License-Identifier: Apache-2.0
"""Crush tells of the beginning of a call and never of its end: what ends a window then, with the hooks that `init` installs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from installed import Installed, Said, run

if TYPE_CHECKING:
    from scratch import Scratch


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A clone whose person declares their own lines."""
    repository.write("human.py", "x = 1\n")
    repository.commit()
    clone = Installed(repository)
    assert clone.byline("init", "--agent", "crush", "--declare-own-lines", "--yes").code == 0
    return clone


def calls(clone: Installed, tool: str, session: str = "s-1", **asked: str) -> None:
    """Say what Crush says before a call."""
    payload = {"event": "PreToolUse", "session_id": session, "cwd": str(clone.path), "tool_name": tool, "tool_input": asked}
    for entry in json.loads((clone.path / ".crush.json").read_text())["hooks"]["PreToolUse"]:
        if re.search(entry["matcher"], tool):
            said = run("sh", "-c", entry["command"], cwd=clone.path, data=json.dumps(payload).encode(), environ={"AI_AGENT": "crush"})
            assert said == Said(0, "", "")


def edits(clone: Installed, name: str, text: str, session: str = "s-1") -> None:
    calls(clone, "edit", session, file_path=name)
    clone.scratch.write(name, text)


def test_a_persons_commit_ends_the_last_edit_and_nothing_else_is_crushs(clone: Installed) -> None:
    edits(clone, "a.py", "a = 1\n")
    clone.scratch.write("human.py", "x = 1\ny = 2\n")
    clone.commit()
    assert (clone.owners("a.py"), clone.owners("human.py")) == (["ai"], ["unknown", "human"])
    clone.scratch.write("a.py", "a = 1\nb = 2\n")
    clone.commit()
    assert clone.owners("a.py") == ["ai", "human"]
    assert clone.losses() == []


def test_what_is_left_uncommitted_is_still_crushs(clone: Installed) -> None:
    edits(clone, "a.py", "a = 1\n")
    clone.scratch.write("human.py", "x = 1\ny = 2\n")
    clone.scratch.git("add", "human.py")
    clone.commit(add=False)
    clone.commit()
    assert (clone.owners("a.py"), clone.owners("human.py")) == (["ai"], ["unknown", "human"])


def test_what_is_typed_after_the_next_call_began_is_no_ones_of_crush(clone: Installed) -> None:
    edits(clone, "a.py", "a = 1\n")
    calls(clone, "view", file_path="a.py")
    clone.scratch.write("a.py", "a = 1\nb = 2\n")
    clone.commit()
    assert clone.owners("a.py") == ["ai", "human"]


def test_the_last_edits_of_two_sessions_are_each_ones_own(clone: Installed) -> None:
    edits(clone, "a.py", "a = 1\n", "s-1")
    edits(clone, "b.py", "b = 1\n", "s-2")
    clone.commit()
    said = {name: json.loads(clone.byline("blame", "--json", name).out)["ranges"][0]["session"] for name in ("a.py", "b.py")}
    assert said == {"a.py": "s-1", "b.py": "s-2"}
    assert clone.losses() == []


def test_after_its_last_command_all_is_crushs_until_a_person_commits(clone: Installed) -> None:
    """The strict side: nothing tells when the command ended."""
    calls(clone, "bash", command="make")
    clone.scratch.write("made.py", "made = 1\n")
    clone.commit()
    clone.scratch.write("mine.py", "mine = 1\n")
    clone.commit()
    assert (clone.owners("made.py"), clone.owners("mine.py")) == (["ai"], ["human"])

# SPDX-License-Identifier: Apache-2.0
"""`byline hook agent-v1`: what an agent says to git-ai, taken as it is."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.agents.agent_v1 import parse_agent_v1
from byline.capture.door import take_hook
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.core.attribution import Agent, Channel, Evidence
from byline.core.edit import Edit
from byline.core.lines import blob_id
from byline.errors import MalformedError

if TYPE_CHECKING:
    from scratch import Scratch

MINE = {"agent_name": "mine", "model": "example/m-1", "conversation_id": "c-1"}


def say(scratch: Scratch, kind: str, **members: object) -> None:
    payload = {"type": kind, "repo_working_dir": str(scratch.path), **members}
    take_hook("agent-v1", json.dumps(payload).encode(), environ={**os.environ, "CLAUDECODE": "1"})


def edits_of(scratch: Scratch) -> list[Edit]:
    return [event for event in read_events(repository_dir(scratch.path / ".git")).events if isinstance(event, Edit)]


def losses(scratch: Scratch) -> list[LossCode]:
    return [loss.code for place in (inbox_dir(os.environ), repository_dir(scratch.path / ".git")) for loss in read_losses(place)]


def test_an_edit_is_what_changed_since_the_agent_announced_it(repository: Scratch) -> None:
    """`human` is what the agent says before it edits: what stood there stays nobody's, and it is no finding."""
    repository.write("a.py", "person\n")
    say(repository, "human", will_edit_filepaths=["a.py"])
    repository.write("a.py", "person\nagent\n")
    say(repository, "ai_agent", edited_filepaths=[str(repository.path / "a.py")], transcript={"messages": [{"t": 1.5}]}, **MINE)
    sighting, edit = edits_of(repository)
    assert (sighting.by, sighting.evidence) == (None, Evidence.UNKNOWN)
    assert (edit.before, edit.after) == (blob_id(b"person\n"), blob_id(b"person\nagent\n"))
    assert (edit.by, edit.session) == (Agent(name="mine", model="example/m-1"), "c-1")
    assert (edit.evidence, edit.channel) == (Evidence.OBSERVED, Channel.GENERIC)
    assert losses(repository) == []


def test_a_command_is_what_changed_in_the_whole_work_tree(repository: Scratch) -> None:
    repository.write("a.py", "one\n")
    repository.write("b.py", "person\n")
    say(repository, "pre_shell_command", command="make", tool_use_id="t1", **MINE)
    repository.write("a.py", "two\n")
    say(repository, "post_shell_command", command="make", tool_use_id="t1", **MINE)
    assert [(edit.path, edit.call) for edit in edits_of(repository) if edit.by] == [(b"a.py", "t1")]


def test_text_that_is_not_saved_yet_is_the_agents(repository: Scratch) -> None:
    repository.write("a.py", b"one\r\n")
    say(repository, "human", will_edit_filepaths=["a.py"])
    say(repository, "ai_agent", edited_filepaths=["a.py"], dirty_files={"a.py": "one\ntwo\n", "else.py": "x"}, **MINE)
    assert edits_of(repository)[-1].after == blob_id(b"one\r\ntwo\r\n")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"type": "robot"},
        {"type": "ai_agent"},
        {"type": "ai_agent", "agent_name": ""},
        {"type": "ai_agent", "agent_name": "a", "edited_filepaths": "a.py"},
        {"type": "ai_agent", "agent_name": "a", "edited_filepaths": [1]},
        {"type": "ai_agent", "agent_name": "a", "dirty_files": {"a": 1}},
        {"type": "human", "repo_working_dir": "relative"},
    ],
)
def test_what_git_ai_would_not_take_is_a_loss(repository: Scratch, members: dict[str, object]) -> None:
    payload = {"repo_working_dir": str(repository.path), **members}
    with pytest.raises(MalformedError):
        parse_agent_v1(json.dumps(payload).encode())
    take_hook("agent-v1", json.dumps(payload).encode(), environ=os.environ)
    assert losses(repository) == [LossCode.MALFORMED]


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
NAMES = st.sampled_from(["type", "repo_working_dir", "edited_filepaths", "agent_name", "model", "dirty_files", "tool_use_id"])
VALUES = JSON | st.sampled_from(["human", "ai_agent", "pre_shell_command", "/repo", "mine"])


@given(st.dictionaries(NAMES, VALUES).map(lambda each: json.dumps(each).encode()) | st.binary())
def test_nothing_but_malformed_is_raised(data: bytes) -> None:
    with suppress(MalformedError):
        parse_agent_v1(data)

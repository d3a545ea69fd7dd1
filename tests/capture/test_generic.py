# SPDX-License-Identifier: Apache-2.0
"""`byline hook generic`: exactly the intake that the design names."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.agents.generic import parse_intake
from byline.capture.door import take_hook
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.core.attribution import Agent, Channel, Evidence, Person, Tool
from byline.core.edit import UNSEEN, Edit
from byline.core.lines import blob_id
from byline.errors import MalformedError

if TYPE_CHECKING:
    from scratch import Scratch

AI = {"kind": "ai", "agent": "mine", "model": "example/m-1", "session": "s1"}


def say(scratch: Scratch, when: str, by: object = None, *, environ: dict[str, str] | None = None, **members: object) -> None:
    line = {"schema": "byline.edit/1", "when": when, "cwd": str(scratch.path), **members}
    if by is not None:
        line["by"] = by
    take_hook("generic", json.dumps(line).encode() + b"\n", environ={**os.environ, **(environ or {})})


def edits_of(scratch: Scratch) -> list[Edit]:
    return [event for event in read_events(repository_dir(scratch.path / ".git")).events if isinstance(event, Edit)]


def inbox_losses() -> list[LossCode]:
    return [loss.code for loss in read_losses(inbox_dir(os.environ))]


def test_a_program_says_for_whom_it_acts_and_a_person_for_nobody(repository: Scratch) -> None:
    told = [({**AI, "onBehalfOf": "p-ana"}, {}), (AI, {"BYLINE_ON_BEHALF_OF": "s-ci"}), (AI, {"BYLINE_ON_BEHALF_OF": "not one"})]
    for number, (by, environ) in enumerate([*told, ({"kind": "human"}, {"BYLINE_ON_BEHALF_OF": "p-ana"})]):
        repository.write("a.py", f"{number}\n")
        say(repository, "after", by, environ=environ, paths=["a.py"])
    assert [edit.on_behalf_of for edit in edits_of(repository)] == ["p-ana", "s-ci", None, None]


def test_after_claims_the_difference_since_before(repository: Scratch) -> None:
    repository.write("a.py", "person\n")
    say(repository, "before", paths=["a.py"])
    repository.write("a.py", "person\nagent\n")
    say(repository, "after", AI, paths=["a.py"], call="c7")
    sighting, edit = edits_of(repository)
    assert (sighting.by, sighting.before, sighting.evidence) == (None, UNSEEN, Evidence.UNKNOWN)
    assert (edit.before, edit.after) == (blob_id(b"person\n"), blob_id(b"person\nagent\n"))
    assert (edit.by, edit.session, edit.call) == (Agent(name="mine", model="example/m-1"), "s1", "c7")
    assert (edit.evidence, edit.channel) == (Evidence.OBSERVED, Channel.GENERIC)


def test_without_paths_it_is_the_whole_work_tree(repository: Scratch) -> None:
    for name in ("clean", "dirty", "restored", "gone"):
        repository.write(name, "1\n")
    repository.commit()
    for name in ("dirty", "restored", "gone"):
        repository.write(name, "person\n")
    say(repository, "before")
    repository.git("checkout", "-q", "restored")
    (repository.path / "gone").unlink()
    repository.write("clean", "tool\n")
    repository.write("new", "tool\n")
    say(repository, "after", {"kind": "tool", "tool": "black 26.1"})
    made = {edit.path: edit for edit in edits_of(repository) if edit.by is not None}
    assert {edit.by for edit in made.values()} == {Tool(name="black", version="26.1")}
    assert sorted(made) == [b"clean", b"gone", b"new", b"restored"]
    assert made[b"restored"].after == blob_id(b"1\n")
    assert made[b"gone"].after is None


def test_human_is_kept_as_declared_and_from_an_agent_it_is_a_finding(repository: Scratch) -> None:
    repository.write("a", "1\n")
    say(repository, "after", {"kind": "human"}, paths=["a"])
    repository.write("a", "2\n")
    say(repository, "after", {"kind": "human"}, paths=["a"], environ={"CLAUDECODE": "1"})
    assert [(edit.by, edit.evidence, edit.channel) for edit in edits_of(repository)] == [(Person(), Evidence.DECLARED, Channel.GENERIC)] * 2
    assert [loss.code for loss in read_losses(repository_dir(repository.path / ".git"))] == [LossCode.CLAIMED_HUMAN]


def test_several_lines_are_taken_in_order(repository: Scratch) -> None:
    repository.write("a", "1\n")
    repository.write("b", "2\n")
    lines = [{"schema": "byline.edit/1", "when": "after", "cwd": str(repository.path), "paths": [name], "by": AI} for name in "ab"]
    take_hook("generic", b"\n\n".join(json.dumps(line).encode() for line in lines), environ=os.environ)
    assert [edit.path for edit in edits_of(repository)] == [b"a", b"b"]


def test_a_named_symlink_leads_to_its_file_and_ignored_ones_are_left_out(repository: Scratch) -> None:
    repository.write(".gitignore", "secret\n")
    repository.write("secret", "x")
    repository.write("folder/file", "x")
    (repository.path / "link").symlink_to("folder/file")
    say(repository, "after", AI, paths=["link", "secret", "/etc/hostname", ".git/config"])
    assert [edit.path for edit in edits_of(repository)] == [b"folder/file"]


LINES = [
    {"when": "after"},
    {"schema": "byline.edit/2"},
    {"when": "during"},
    {"cwd": "relative"},
    {"cwd": 7},
    {"paths": "a"},
    {"paths": [7]},
    {"paths": ["a\0b"]},
    {"by": {"kind": "robot"}},
    {"by": {"kind": "ai"}},
    {"by": {"kind": "ai", "agent": ""}},
    {"by": {"kind": "ai", "agent": "x", "evidence": "attested"}},
    {"by": {"kind": "human", "person": "p-1"}},
    {"by": "me"},
    {"surprise": 1},
]


@pytest.mark.parametrize("wrong", LINES)
def test_a_line_that_is_not_as_documented_is_refused_whole(repository: Scratch, wrong: dict[str, object]) -> None:
    line = {"schema": "byline.edit/1", "when": "after", "cwd": str(repository.path), "paths": ["a"], "by": AI, **wrong}
    if wrong == {"when": "after"}:
        del line["by"]
    repository.write("a", "x")
    take_hook("generic", json.dumps(line).encode(), environ=os.environ)
    assert edits_of(repository) == []
    assert inbox_losses() == [LossCode.MALFORMED]


def test_extensions_are_allowed_and_strings_are_cleaned_and_cut(repository: Scratch) -> None:
    repository.write("a", "x")
    by = {"kind": "ai", "agent": "e\x1b[31mvil\u202e" + "x" * 600, "model": "m\n"}
    say(repository, "after", by, paths=["a"], call="c\x07", extensions={"any": [1, {"thing": None}]})
    (edit,) = edits_of(repository)
    assert isinstance(edit.by, Agent)
    assert edit.by.name.startswith("e[31mvilxxx")
    assert (edit.by.model, edit.call) == ("m", "c")
    assert len(edit.by.name) <= 512


def test_outside_a_work_tree_the_whole_of_it_is_a_loss(repository: Scratch) -> None:
    line = {"schema": "byline.edit/1", "when": "before", "cwd": str(repository.path.parent)}
    take_hook("generic", json.dumps(line).encode(), environ=os.environ)
    assert inbox_losses() == [LossCode.MALFORMED]


@given(st.binary())
def test_the_intake_raises_malformed_error_only(data: bytes) -> None:
    try:
        parse_intake(data)
    except MalformedError:
        return
    assert not data.strip()

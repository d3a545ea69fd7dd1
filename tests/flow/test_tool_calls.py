# SPDX-License-Identifier: Apache-2.0
"""What an adapter tells of a call: whose session it becomes, and which files are looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import byline
from byline.core.attribution import Agent, Evidence
from byline.flow import tool_calls
from byline.flow.tool_calls import ToolCalls

if TYPE_CHECKING:
    from scratch import Scratch


def test_a_call_is_watched_in_the_session_of_its_agent(repository: Scratch) -> None:
    calls = ToolCalls("framework", root=repository.path, paths={"write": "path"})
    with calls.watch("write", {"path": "a.py"}, call_id="c1", agent="coder", model="m-1", run="run-1") as session:
        assert byline.current() is session
        repository.write("a.py", "x = 1\n")
    (edit,) = session.records
    assert (edit.path, edit.call, edit.tool, edit.session) == (b"a.py", "c1", "write", "run-1")
    assert (edit.by, edit.evidence) == (Agent(name="coder", model="m-1"), Evidence.ATTESTED)


def test_the_model_is_the_calls_and_not_the_sessions(repository: Scratch) -> None:
    with byline.session(agent="coder", model="m-1", root=repository.path) as session:
        with ToolCalls("framework").watch("write", {}, model="m-2"):
            repository.write("a.py", "x = 1\n")
            session.write("b.py", "y = 1\n")
        session.write("c.py", "z = 1\n")
    assert [(edit.path, edit.by and edit.by.model) for edit in session.records if isinstance(edit.by, Agent)] == [
        (b"b.py", "m-2"), (b"a.py", "m-2"), (b"c.py", "m-1"),
    ]  # fmt: skip


@pytest.mark.parametrize("raises", [False, True])
def test_calls_are_awaited_and_may_fail(repository: Scratch, *, raises: bool) -> None:
    calls = ToolCalls("framework", agent="coder", root=repository.path)

    async def work() -> None:
        async with calls.awatch("shell", {"command": "touch"}, call_id="c1"):
            repository.write("a.py", "x = 1\n")
            if raises:
                raise ValueError("on fire")

    if raises:
        with pytest.raises(ValueError, match="on fire"):
            asyncio.run(work())
    else:
        asyncio.run(work())
    assert [(edit.path, edit.call) for edit in calls.session().records] == [(b"a.py", "c1")]


def test_agents_of_a_run_are_below_the_first_and_runs_are_apart(repository: Scratch) -> None:
    calls = ToolCalls("framework", root=repository.path)
    first = calls.session(agent="planner", run="run-1")
    second = calls.session(agent="coder", run="run-1")
    assert calls.session(agent="coder", run="run-1") is second
    assert second.id.startswith("run-1/")
    assert calls.session(agent="planner", run="run-1") is calls.session(run="run-1") is first
    assert calls.session(agent="coder", run="run-2").id == "run-2"
    assert calls.session().agent == Agent(name="framework")


def test_an_agent_that_a_tool_runs_is_a_sub_agent_also_of_the_same_name(repository: Scratch) -> None:
    calls = ToolCalls("framework", root=repository.path)
    with calls.watch("delegate", {}, call_id="c1", agent="coder", run="r") as outer:
        with calls.watch("write", {}, agent="coder", run="r") as inner, calls.watch("write", {}) as innermost:
            repository.write("a.py", "x = 1\n")
        assert calls.session(agent="coder", run="r") is inner
    with calls.watch("delegate", {}, call_id="c2", agent="coder", run="r"):
        assert calls.session(agent="coder", run="r") is not inner
    assert inner.id.startswith(f"{outer.id}/")
    assert innermost.id.startswith(f"{inner.id}/")
    assert [edit.session for edit in outer.records] == []
    assert [edit.path for edit in innermost.records] == [b"a.py"]


def test_within_a_session_its_agents_calls_are_its_own_and_others_are_below(repository: Scratch) -> None:
    calls = ToolCalls("framework")
    with byline.session(agent="app", root=repository.path) as session:
        assert calls.session(run="r") is calls.session(agent="app", run="other") is session
        assert calls.session(agent="coder", run="r").id.startswith(f"{session.id}/")
        assert calls.session(agent="coder", run="r") is not calls.session(agent="coder", run="other")


def test_an_environment_that_names_an_agent_is_heard(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYLINE_AGENT", "ci-fixer")
    assert ToolCalls("framework", root=repository.path).session().agent.name == "ci-fixer"


@pytest.mark.parametrize(
    ("paths", "arguments", "seen"),
    [
        ({}, {"path": "a.py"}, {"a.py", "b.py"}),
        ({"tool": "*"}, {"path": "a.py"}, {"a.py", "b.py"}),
        ({"tool": "path"}, {"path": "a.py"}, {"a.py"}),
        ({"tool": ("path", "others")}, {"path": "a.py", "others": ["b.py"]}, {"a.py", "b.py"}),
        ({"tool": lambda path: [path]}, {"path": "b.py"}, {"b.py"}),
        ({"tool": ()}, {"path": "a.py"}, set()),
        ({"tool": "path"}, {}, {"a.py", "b.py"}),
        ({"tool": "path"}, None, {"a.py", "b.py"}),
    ],
)
def test_what_may_change_is_said_for_each_tool(repository: Scratch, paths: object, arguments: object, seen: set[str]) -> None:
    calls = ToolCalls("framework", root=repository.path, paths=paths)  # type: ignore[arg-type]  # all of its forms
    with calls.watch("tool", arguments) as session:
        repository.write("a.py", "x = 1\n")
        repository.write("b.py", "y = 1\n")
    assert {edit.path.decode() for edit in session.records} == seen
    assert not session.incomplete


@pytest.mark.parametrize("arguments", [{"path": 7}, {"path": ["a.py", {}]}])
def test_paths_that_are_none_are_a_loss_and_everything_is_looked_at(repository: Scratch, arguments: object) -> None:
    calls = ToolCalls("framework", root=repository.path, paths={"tool": "path"})
    with calls.watch("tool", arguments) as session:
        repository.write("a.py", "x = 1\n")
    assert [edit.path for edit in session.records] == [b"a.py"]
    assert session.incomplete


def test_runs_of_long_ago_are_forgotten(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_calls, "MOST_REMEMBERED", 3)
    calls = ToolCalls("framework", root=repository.path)
    sessions = [calls.session(run=f"run-{number}") for number in range(5)]
    assert calls.session(run="run-4") is sessions[4]
    assert calls.session(run="run-0") is not sessions[0]
    assert len(calls._sessions) == 3

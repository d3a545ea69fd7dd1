# SPDX-License-Identifier: Apache-2.0
"""Each framework runs the same script (`drivers/script.py`) with its own fake model: what is recorded and blamed is what it says."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import byline
from byline.capture.clone import settle_repository
from byline.capture.journal import read_events
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.prompts import read_prompts
from byline.capture.refusals import read_refusals
from byline.core.attribution import Agent, Channel
from byline.core.edit import Edit
from byline.testing import blame
from casework import SOLO
from frameworks_here import framework_python

if TYPE_CHECKING:
    from scratch import Scratch

HERE = Path(__file__).parent
RULES = """
[[agent]]
models = ["fake-*"]
paths = ["one.py"]
commands = ["say"]
effect = "deny"

[[command]]
kind = "say"
program = "echo"
"""
DRIVERS = {
    "langchain_agents": ("invoke", "ainvoke", "stream", "astream", "graph"),
    "openai_sdk_agents": ("run", "run_sync", "run_streamed"),
    "pydantic_agents": ("run", "run_sync", "run_stream"),
    "google_agents": ("run",),
    "microsoft_agents": ("run",),
    "smol_agents": ("run", "stream"),
    "llama_agents": ("run",),
    "crew_agents": ("kickoff", "async"),
}
# To import a framework takes seconds: one way in each is always tried, the others where there is time.
STORIES = [pytest.param(driver, how, marks=[pytest.mark.slow] * (how != ways[0])) for driver, ways in DRIVERS.items() for how in ways]
# Drivers whose framework has an environment of its own, by its adapter.
ADAPTERS = {
    "crew_agents": "crewai",
    "fastmcp_server": "fastmcp",
    "google_agents": "google_adk",
    "microsoft_agents": "agent_framework",
}

# An agent that smolagents' agents call is called as the tool is.
INNER_NAMES = {"smol_agents": "delegate"}
OUTER = ("coder", "fake-1")
SILENT = ("crew_agents",)  # its crews have tasks, and no prompt
# What the driver calls the run.
RUNS = {("langchain_agents", "invoke"): "thread-1", ("langchain_agents", "stream"): "00000000-0000-0000-0000-000000000007"}


def _drive(repository: Scratch, driver: str, how: str, rules: str = "") -> list[Edit]:
    """Run a driver in the repository, where `rules` say what agents may not do, and return what its agents did there."""
    python = framework_python(ADAPTERS.get(driver, ""))
    repository.write("human.py", "x = 1\n")
    if rules:
        repository.write(".byline/policy.toml", SOLO + rules)
    repository.commit("a person's file")
    repository.git("config", "byline.commitPrompts", "true")
    ours = os.pathsep.join((str(Path(byline.__file__).parents[1]), str(HERE / "drivers")))
    environ = {**os.environ, "PYTHONPATH": ours, "OPENAI_API_KEY": ""}
    command = [python, HERE / "drivers" / f"{driver}.py", how]
    done = subprocess.run(command, cwd=repository.path, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    place = repository_dir(repository.path / ".git")
    settle_repository(place, inbox_dir(os.environ))
    assert [*read_losses(place), *read_losses(inbox_dir(os.environ))] == []
    return [event for event in read_events(place).events if isinstance(event, Edit) and event.by is not None]


def _lines(repository: Scratch, path: str) -> list[tuple[str | None, str | None]]:
    return [(line.agent, line.model) for line in blame(repository.path / path)]


@pytest.mark.parametrize(("driver", "how"), STORIES)
def test_every_line_is_its_agents(repository: Scratch, driver: str, how: str) -> None:
    edits = _drive(repository, driver, how)
    sub_agent = INNER_NAMES.get(driver, "tester")
    said = Counter((edit.path.decode(), getattr(edit.by, "name", None), edit.tool, edit.call) for edit in edits)
    expected = [
        ("a.py", "coder", "write_file", "c1"),
        ("a.py", "coder", "shell", "c2"),
        ("made.py", "coder", "shell", "c2"),
        ("one.py", "coder", "write_file", "c3"),
        ("two.py", "coder", "write_file", "c4"),
        ("broken.py", "coder", "fails", "c5"),
        ("inner.py", sub_agent, "write_file", "i1"),
    ]
    assert said == Counter(expected)
    assert {edit.channel for edit in edits} == {Channel.SDK}
    (main,) = {edit.session for edit in edits if getattr(edit.by, "name", None) == "coder"}
    (inner,) = {edit.session for edit in edits if getattr(edit.by, "name", None) == sub_agent}
    assert inner is not None
    assert RUNS.get((driver, how), main) == main
    asked = [(each.prompt.text, each.prompt.agent, each.prompt.session) for each in read_prompts(repository_dir(repository.path / ".git"))]
    assert asked == ([] if driver in SILENT else [("hi", "coder", main)])
    assert inner.startswith(f"{main}/")
    assert _lines(repository, "a.py") == [OUTER, OUTER]
    assert [_lines(repository, path) for path in ("made.py", "one.py", "two.py", "broken.py")] == [[OUTER]] * 4
    assert _lines(repository, "inner.py") == [(sub_agent, "fake-2")]
    assert (repository.path / "human.py").read_text() == "x = 1\ntyped = 1\n"
    assert _lines(repository, "human.py") == [(None, None), (None, None)]


@pytest.mark.parametrize(("driver", "how"), [*((driver, ways[0]) for driver, ways in DRIVERS.items()), ("fastmcp_server", "")])
def test_a_call_that_the_rules_do_not_allow_is_not_made_and_the_run_goes_on(repository: Scratch, driver: str, how: str) -> None:
    """One of two calls side by side, and a command; everything that comes later is done and recorded as ever."""
    paths = {edit.path.decode() for edit in _drive(repository, driver, how, RULES)}
    assert paths == {"a.py", "two.py", "broken.py"} | ({"inner.py"} if driver in DRIVERS else set())
    assert (repository.path / "a.py").read_text() == "a.py = 1\n"
    assert not {"one.py", "made.py"} & {each.name for each in repository.path.iterdir()}
    refusals = read_refusals(repository_dir(repository.path / ".git"))
    assert Counter(each.what and Path(each.what).name for each in refusals) == {"say": 1, "one.py": 1}
    if driver in DRIVERS:
        assert {(each.agent.name, each.agent.model) for each in refusals} == {OUTER}
        assert {each.call for each in refusals} == {"c2", "c3"}


@pytest.mark.slow
@pytest.mark.parametrize(("driver", "how"), [("openai_sdk_agents", "handoff"), ("llama_agents", "workflow")])
def test_an_agent_that_is_handed_to_is_below_the_one_that_was_asked(repository: Scratch, driver: str, how: str) -> None:
    (edit,) = (edit for edit in _drive(repository, driver, how) if edit.path == b"inner.py")
    assert (edit.by, edit.call) == (Agent(name="tester", model="fake-2"), "i1")
    assert "/" in str(edit.session)


@pytest.mark.slow
def test_a_tool_that_ends_the_run_by_failing_is_recorded_all_the_same(repository: Scratch) -> None:
    (edit,) = _drive(repository, "openai_sdk_agents", "raises")
    assert (edit.path, edit.call) == (b"broken.py", "c5")


@pytest.mark.slow
def test_a_run_that_is_cancelled_in_a_tool_does_not_take_what_a_person_types_later(repository: Scratch) -> None:
    (edit,) = _drive(repository, "openai_sdk_agents", "cancelled")
    assert (edit.path, edit.call) == (b"half.py", "c1")


@pytest.mark.slow
def test_what_an_agent_does_in_code_is_its_own_and_what_its_code_lets_others_do_theirs(repository: Scratch) -> None:
    edits = _drive(repository, "smol_agents", "code")
    said = Counter((edit.path.decode(), getattr(edit.by, "name", None), edit.tool) for edit in edits)
    code = [(path, "coder", "python_interpreter") for path in ("a.py", "a.py", "made.py", "half.py")]
    assert said == Counter([*code, ("inner.py", "delegate", "write_file")])
    (main,) = {edit.session for edit in edits if getattr(edit.by, "name", None) == "coder"}
    assert {str(edit.session).rpartition("/")[0] for edit in edits if edit.path == b"inner.py"} == {main}


@pytest.mark.slow
def test_a_crew_whose_model_asks_in_text_is_recorded_without_ids(repository: Scratch) -> None:
    edits = _drive(repository, "crew_agents", "text")
    said = Counter((edit.path.decode(), getattr(edit.by, "name", None), edit.tool, edit.call) for edit in edits)
    written = [(path, "coder", "write_file", None) for path in ("a.py", "one.py", "two.py")]
    ran = [("a.py", "coder", "shell", None), ("made.py", "coder", "shell", None), ("broken.py", "coder", "fails", None)]
    assert said == Counter([*written, *ran, ("inner.py", "tester", "write_file", None)])


@pytest.mark.slow
def test_whom_the_manager_of_a_crew_asks_is_below_it(repository: Scratch) -> None:
    (edit,) = _drive(repository, "crew_agents", "managed")
    assert (edit.path, edit.by, edit.call) == (b"inner.py", Agent(name="tester", model="fake-2"), "i1")
    assert "/" in str(edit.session)


@pytest.mark.slow
def test_an_agent_without_a_crew_is_a_session(repository: Scratch) -> None:
    (edit,) = _drive(repository, "crew_agents", "alone")
    assert (edit.path, edit.by, edit.call) == (b"a.py", Agent(name="coder", model="fake-1"), None)
    assert edit.session


def test_what_the_tools_of_a_server_write_is_the_clients(repository: Scratch) -> None:
    """The client says what it is called; the requests have ids of their own; nobody tells a server the model."""
    edits = _drive(repository, "fastmcp_server", "")
    said = Counter((edit.path.decode(), edit.tool) for edit in edits)
    written = [(path, "write_file") for path in ("a.py", "one.py", "two.py")]
    assert said == Counter([*written, ("a.py", "shell"), ("made.py", "shell"), ("broken.py", "fails")])
    assert {(getattr(edit.by, "name", None), getattr(edit.by, "model", "")) for edit in edits} == {("mcp", None)}
    assert len({edit.session for edit in edits}) == 1
    assert len({edit.call for edit in edits} - {None}) == 5
    assert _lines(repository, "human.py") == [(None, None), (None, None)]

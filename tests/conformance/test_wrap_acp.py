# SPDX-License-Identifier: Apache-2.0
"""`byline wrap acp` between an editor made with the protocol's own package and real agents, driven by a scripted model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acp_editor import CLAUDE_IN_EDITOR, CODEX_IN_EDITOR, COPILOT_IN_EDITOR, GEMINI_IN_EDITOR, OPENCODE_IN_EDITOR, InEditor, work_in_editor
from byline.capture.places import repository_dir
from byline.capture.prompts import read_prompts
from byline.core.attribution import Agent
from byline.core.refusal import parse_refusal
from installed import Installed
from model_server import Call, ModelServer, Turn
from real_agents import Work
from wrapping import recorded

if TYPE_CHECKING:
    from scratch import Scratch

RULE = """
[[agent]]
agents = ["{agent}"]
paths = ["infra/prod/**"]
effect = "deny"
"""


@pytest.mark.parametrize("which", [GEMINI_IN_EDITOR, OPENCODE_IN_EDITOR], ids=str)
def test_what_a_real_agent_writes_for_an_editor_is_its_own(repository: Scratch, which: InEditor) -> None:
    """It writes through the editor, replaces a line, runs a command, and is refused a file; who types meanwhile is nobody."""
    agent, top = which.agent, repository.path
    clone = Installed.create(repository)
    repository.write("human.py", "x = 1\ny = 2\n")
    clone.commit()
    turns = (
        Turn(agent.writes(top / "app.py", "def add(a, b):\n    return a + b\n")),
        Turn(agent.replaces(top / "human.py", "x = 1", "x = 2")),
        Turn(agent.runs("echo z = 3 >> human.py; echo made > made.py")),
        Turn(agent.writes(top / "denied.py", "no\n")),
    )
    with ModelServer({"": turns}) as model:
        session = work_in_editor(repository, which, model)
    edits = recorded(repository)
    assert [(each.path, each.tool) for each in edits] == [
        (b"app.py", "fs/write_text_file"),
        (b"human.py", "fs/write_text_file"),
        (b"human.py", "execute"),
        (b"made.py", "execute"),
    ]
    name = "scripted/first" if which is OPENCODE_IN_EDITOR else agent.models[0]
    assert {each.by for each in edits} == {Agent(name=agent.name, version=agent.package.rpartition("@")[2], model=name)}
    assert {each.session for each in edits} == {session}
    assert None not in {each.call for each in edits}
    assert clone.owners("human.py") == ["ai", "human", "ai"]
    assert clone.owners("app.py") == ["ai", "ai"]
    assert "ai" not in clone.owners("typed.py")
    assert clone.losses() == []


@pytest.mark.parametrize("which", [GEMINI_IN_EDITOR, OPENCODE_IN_EDITOR], ids=str)
def test_what_a_rule_forbids_is_not_done_in_an_editor(repository: Scratch, which: InEditor) -> None:
    """The agent has no hooks, and the editor says yes to everything: it is not asked."""
    agent, top = which.agent, repository.path
    clone = Installed.create(repository)
    policy = top / ".byline/policy.toml"
    policy.write_text(policy.read_text() + RULE.format(agent=agent.name))
    clone.commit()
    (top / "infra/prod").mkdir(parents=True)
    turns = (
        Turn(agent.writes(top / "infra/prod/db.tf", "size = 0\n")),
        Turn(agent.runs("echo size = 0 > infra/prod/db.tf")),
        Turn(agent.writes(top / "app.py", "app = 1\n")),
    )
    scripts = {f"task {number}": (turn,) for number, turn in enumerate(turns)}
    with ModelServer(scripts) as model:
        for task in scripts:
            work_in_editor(repository, which, model, f"Please do {task}")
    assert not (top / "infra/prod/db.tf").exists()
    refusals = [parse_refusal(line) for line in (top / ".git/byline/refusals").read_bytes().splitlines()]
    assert [(each.rule, each.effect, each.agent.name) for each in refusals] == [("agent:1", "deny", agent.name)] * 2
    assert [each.path for each in recorded(repository)] == [b"app.py"]
    assert (top / "typed.py").read_text() == "typed = 1\n", "it was asked once"


@pytest.mark.parametrize("which", [CLAUDE_IN_EDITOR, CODEX_IN_EDITOR, COPILOT_IN_EDITOR, GEMINI_IN_EDITOR, OPENCODE_IN_EDITOR], ids=str)
def test_what_hooks_tell_and_the_proxy_hears_is_recorded_once(repository: Scratch, which: InEditor) -> None:
    work = Work.begin(repository, which.agent, "--commit-prompts")
    reads = (Turn(Call("Read", {"file_path": str(work.path / "human.py")})),) if which is CLAUDE_IN_EDITOR else ()
    turns = (
        Turn(work.writes("app.py", "app = 1\n")),
        *reads,
        Turn(work.replaces("human.py", "x = 1", "x = 2")),
        Turn(work.runs("echo made > made.py")),
    )
    with work.model(*turns) as model:
        session = work_in_editor(repository, which, model)
    edits = [each for each in recorded(repository) if each.path != b"typed.py"]
    assert [each.path for each in edits] == [b"app.py", b"human.py", b"made.py"]
    assert {each.session for each in edits} == {session}
    asked = [each.prompt for each in read_prompts(repository_dir(work.path / ".git"))]
    assert [(each.text, each.session, each.agent) for each in asked] == [("Write app.py please", session, which.agent.name)]
    work.clone.commit()
    assert {origin for name in ("app.py", "made.py") for origin, _ in work.lines(name)} == {"ai"}
    assert [origin for origin, _ in work.lines("human.py")] == ["ai", "unknown"]
    assert {each.by.name for each in edits if each.by} == {which.agent.name}
    assert work.clone.losses() == []

# SPDX-License-Identifier: Apache-2.0
"""Real agents tell what they were asked for: from a person's words to the proof in a fresh clone, and nothing without their choice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from model_server import Turn
from real_agents import CLAUDE, CODEX, COPILOT, GEMINI, OPENCODE, PI, RealAgent, Work

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

FIRST, SECOND = "Write app.py please", "Now more.py"


@pytest.mark.parametrize("agent", [CLAUDE, CODEX, GEMINI, COPILOT, OPENCODE, PI], ids=str)
def test_what_was_asked_for_is_proven_in_a_fresh_clone(repository: Scratch, agent: RealAgent, tmp_path: Path) -> None:
    work = Work.begin(repository, agent, "--commit-prompts")
    turns = (Turn(work.writes("app.py", "app = 1\n")), Turn(), Turn(work.writes("more.py", "more = 1\n")), Turn())
    with work.model(*turns) as model:
        work.asks(model, FIRST)
        work.asks(model, SECOND, more=True)
    work.clone.commit()
    assert work.clone.losses() == []

    listed = json.loads(work.clone.byline("prompt", "list", "--json").out)["prompts"]
    (session,) = work.sessions("app.py")
    assert [(each["agent"], each["session"], each["number"]) for each in listed] == [(agent.name, session, 1), (agent.name, session, 2)]
    asked = [json.loads(work.clone.byline("prompt", "reveal", f"{session}:{each['number']}").out) for each in listed]
    assert [told["text"].strip('"') for told in asked] == [FIRST, SECOND]  # OpenCode puts quotes around it
    for name, each in zip(("app.py", "more.py"), listed, strict=True):
        (line,) = json.loads(work.clone.byline("why", "--json", f"{name}:1").out)["lines"]
        assert line["prompt"] == {member: each[member] for member in ("session", "number", "time")}

    path = tmp_path / "stranger"
    elsewhere = repository.clone(path, "--no-local")
    elsewhere.git("fetch", "--quiet", "origin", "+refs/byline/evidence:refs/byline/remotes/origin/evidence")
    for told in asked:
        said = work.clone.byline("prompt", "verify", "--json", "-", cwd=path, data=json.dumps(told).encode())
        assert said.code == 0, said
        changed = json.dumps({**told, "text": told["text"] + "!"}).encode()
        assert work.clone.byline("prompt", "verify", "-", cwd=path, data=changed).code == 1
    assert work.clone.byline("forget", session, "--yes").code == 0
    assert work.clone.byline("prompt", "reveal", f"{session}:1").code == 3


@pytest.mark.parametrize("agent", [CLAUDE, CODEX, GEMINI], ids=str)
def test_nothing_is_told_where_nobody_chose_it(repository: Scratch, agent: RealAgent) -> None:
    work = Work.begin(repository, agent)
    with work.model(Turn(work.writes("app.py", "app = 1\n")), Turn()) as model:
        work.asks(model, FIRST)
    assert not [path for path in (work.path / ".git/byline").rglob("*") if path.is_file() and FIRST.encode() in path.read_bytes()]
    work.clone.commit()
    assert work.clone.byline("prompt", "list").out == "no prompt is here\n"

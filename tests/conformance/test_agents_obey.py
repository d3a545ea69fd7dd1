# SPDX-License-Identifier: Apache-2.0
"""Real agents and the policy: what a rule forbids is not done, and the model is told why and whom to ask."""

from __future__ import annotations

import json
import os
from itertools import product
from typing import TYPE_CHECKING

import pytest

from byline.core.refusal import parse_refusal
from model_server import Turn
from real_agents import AGENTS, CLINE, RealAgent, Work

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

RULES = """
[[agent]]
paths = ["infra/prod/**"]
effect = "{effect}"
why = "production is changed by people"

[[agent]]
commands = ["destroy-infrastructure"]
effect = "{effect}"
"""


@pytest.mark.parametrize(
    ("agent", "effect"),
    [*product(AGENTS, ("deny", "ask"))],
    ids=str,
)
def test_what_a_rule_forbids_is_not_done(
    repository: Scratch, agent: RealAgent, effect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`terraform` is on PATH and leaves a mark where it runs; nobody is there who could be asked.

    Cline gives a task up where a call of it is denied, and tells its model nothing any more: each such call is a task of its own.
    """
    work = Work.begin(repository, agent)
    program, mark = tmp_path / "bin" / "terraform", tmp_path / "destroyed"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    policy = work.path / ".byline/policy.toml"
    policy.write_text(policy.read_text() + RULES.format(effect=effect))
    work.clone.commit()
    (work.path / "infra/prod").mkdir(parents=True)

    turns = (
        Turn(work.runs("cd . && sh -c 'terraform destroy -auto-approve'")),
        Turn(work.writes("infra/prod/db.tf", "size = 0\n")),
        Turn(work.runs("echo size = 0 > infra/prod/db.tf")),
        Turn(work.writes(".byline/extra.toml", "x = 1\n")),
        Turn(work.writes("app.py", "a = 1\n")),
        Turn(work.runs("echo b = 2 > other.py")),
    )
    tasks = [(each,) for each in turns[:4]] + [turns[4:]] if agent is CLINE else [turns]
    with work.model(**{f"task {number}": task for number, task in enumerate(tasks)}) as model:
        for number, _ in enumerate(tasks):
            work.asks(model, f"Please do task {number}")
        told = json.dumps(model.asked)

    assert not mark.exists()
    assert not (work.path / "infra/prod/db.tf").exists()
    assert not (work.path / ".byline/extra.toml").exists()
    assert [(work.path / name).read_text().rstrip("\n") for name in ("app.py", "other.py")] == ["a = 1", "b = 2"]  # so Cline ends a file
    refusals = [parse_refusal(line) for line in (work.path / ".git/byline/refusals").read_bytes().splitlines()]
    assert [(each.rule, each.effect, each.kinds) for each in refusals] == [
        ("agent:2", effect, ("destroy-infrastructure",)),
        ("agent:1", effect, ("write",)),
        ("agent:1", effect, ("write",)),
        ("built-in:agents", "deny", ("write",)),
    ]
    assert {each.agent.name for each in refusals} == {agent.name}
    assert agent is CLINE or "the person you work for" in told

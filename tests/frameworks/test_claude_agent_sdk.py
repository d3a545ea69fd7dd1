# SPDX-License-Identifier: Apache-2.0
"""The Claude Agent SDK runs the Claude Code that it brings, against a scripted model."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import byline
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.prompts import read_prompts
from byline.capture.refusals import read_refusals
from byline.capture.settle import settle_inbox
from byline.testing import blame
from casework import SOLO
from frameworks_here import claude_python
from model_server import Call, ModelServer, Turn

if TYPE_CHECKING:
    from scratch import Scratch

HERE = Path(__file__).parent
RULES = """
[[agent]]
models = ["claude-*"]
paths = ["no.py"]
commands = ["say"]
effect = "deny"

[[command]]
kind = "say"
program = "echo"
"""


@pytest.mark.slow
@pytest.mark.parametrize("times", ["once", "twice"])
def test_every_line_is_claudes_where_it_wrote_it(repository: Scratch, times: str) -> None:
    """Also where two configurations tell of each call."""
    python, top = claude_python(), repository.path
    repository.write("human.py", "x = 1\ny = 2\n")
    repository.commit("a person's file")
    repository.git("config", "byline.commitPrompts", "true")

    def types() -> None:
        (top / "human.py").write_text("x = 1\ny = 2\ntyped = 1\n")

    turns = (
        Turn(_writes(top / "a.py")),
        Turn(Call("Bash", {"command": "echo b = 2 >> a.py; echo made = 1 > made.py", "description": "adds"}), before=types),
        Turn(_writes(top / "one.py"), _writes(top / "two.py")),
        Turn(_writes(top / "denied.py")),
        Turn(Call("Agent", {"description": "a part", "prompt": "SUBAGENT writes", "subagent_type": "general-purpose"})),
        Turn(),
    )
    with ModelServer({"SUBAGENT": (Turn(_writes(top / "inner.py")), Turn()), "": turns}) as model:
        _asks(python, top, model, times)

    settle_inbox(inbox_dir(os.environ))
    claude = ("claude-code", "claude-sonnet-4-5")
    lines = {name: [(line.agent, line.model) for line in blame(top / name)] for name in ("a.py", "made.py", "one.py", "two.py", "inner.py")}
    assert lines == {name: [claude] * (2 if name == "a.py" else 1) for name in lines}
    assert [line.agent for line in blame(top / "human.py")] == [None, None, None]
    assert not (top / "denied.py").exists()
    (main,), (inner,) = ({line.session for line in blame(top / name)} for name in ("a.py", "inner.py"))
    assert str(inner).startswith(f"{main}/")
    asked = [each.prompt for each in read_prompts(repository_dir(top / ".git"))]
    assert [(each.text, each.session) for each in asked] == [("write some files", main)]
    assert [*read_losses(repository_dir(top / ".git")), *read_losses(inbox_dir(os.environ))] == []


@pytest.mark.slow
def test_claude_does_not_make_a_call_that_the_rules_do_not_allow(repository: Scratch) -> None:
    python, top = claude_python(), repository.path
    repository.write(".byline/policy.toml", SOLO + RULES)
    repository.commit()
    says = Call("Bash", {"command": "echo x > made.py", "description": "x"})
    with ModelServer({"": (Turn(_writes(top / "no.py")), Turn(says), Turn(_writes(top / "yes.py")), Turn())}) as model:
        _asks(python, top, model, "once")
    assert sorted(path.name for path in top.glob("*.py")) == ["yes.py"]
    refusals = read_refusals(repository_dir(top / ".git"))
    assert [(each.agent.name, each.kinds) for each in refusals] == [("claude-code", ("write",)), ("claude-code", ("say",))]


def _asks(python: Path, top: Path, model: ModelServer, times: str) -> None:
    ours = str(Path(byline.__file__).parents[1])
    environ = {**os.environ, "PYTHONPATH": ours, "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "none"}
    environ |= {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    command = [python, HERE / "drivers" / "claude_sdk.py", "write some files", times]
    done = subprocess.run(command, cwd=top, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def _writes(path: Path) -> Call:
    return Call("Write", {"file_path": str(path), "content": f"{path.stem} = 1\n"})

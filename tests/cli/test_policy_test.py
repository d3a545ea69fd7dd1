# SPDX-License-Identifier: Apache-2.0
"""`byline policy test` says what the guard would, and why; `byline record` does not start what it would not let pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from byline.capture.refusals import read_refusals
from casework import SOLO
from installed import Installed
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from installed import Said

POLICY = ".byline/policy.toml"
RULES = """
[[agent]]
agents = ["codex"]
models = ["gpt-*"]
paths = ["infra/**"]
effect = "deny"
why = "people do that"

[[agent]]
paths = ["infra/**"]
commands = ["ring"]
effect = "ask"

[[command]]
kind = "ring"
program = "ringer"
"""


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    repository.write(POLICY, SOLO + RULES)
    repository.commit()
    return Installed.create(repository)


def _asked(clone: Installed, *words: str, code: int = 1) -> list[dict[str, Any]]:
    said = clone.byline("policy", "test", "--json", *words)
    assert (said.code, said.err) == (code, "")
    answers: list[dict[str, Any]] = json.loads(said.out)["answers"]
    return answers


def _effects(clone: Installed, *words: str) -> list[str]:
    return [each["effect"] for each in _asked(clone, *words, code=1)]


def test_each_file_and_command_is_answered_with_every_rule_that_holds_it(clone: Installed) -> None:
    path, command = _asked(clone, "--agent", "codex", "--model", "gpt-5", "--path", "infra/a.tf", "--command", "sudo ringer > infra/x")
    assert [(each["effect"], each["rule"], each["why"]) for each in path["rulings"]] == [
        ("deny", "agent:1", "people do that"),
        ("ask", "agent:2", ""),
    ]
    assert path["rulings"][0]["revisions"] == ["refs/heads/main", "HEAD"]
    assert (command["kinds"], command["writes"]) == (["ring"], [str(clone.path / "infra/x")])
    assert [each["what"] for each in command["rulings"]] == [str(clone.path / "infra/x"), str(clone.path / "infra/x"), "ring"]
    assert read_refusals(clone.path / ".git/byline") == ()


def test_an_agent_or_model_that_is_not_named_is_every_one(clone: Installed) -> None:
    assert _effects(clone, "--path", "infra/a") == ["deny"]
    assert _effects(clone, "--agent", "codex", "--path", "infra/a") == ["deny"]
    assert _effects(clone, "--agent", "codex", "--model", "o-1", "--path", "infra/a") == ["ask"]
    assert _effects(clone, "--agent", "other", "--path", "infra/a") == ["ask"]


def test_what_is_allowed_is_said_to_people_and_scripts(clone: Installed) -> None:
    said = clone.byline("policy", "test", "--agent", "codex", "--path", "a.py", "--command", "echo ringer")
    assert (said.code, said.err) == (0, "")
    assert [line for line in said.out.splitlines() if not line.startswith(" ")] == ["allow: write a.py", "allow: run echo ringer"]
    said = clone.byline("policy", "test", "--agent", "codex", "--command", "echo x >b.py")
    assert said.out == "allow: run echo x >b.py\n  it writes b.py\n", said
    below, home = clone.path / "docs", clone.path.parent / "home"
    below.mkdir()
    files = ("new", "../infra.md", f"{home}/x/../notes", "/nowhere/else")
    words = [word for each in files for word in ("--path", each)]
    said = clone.byline("policy", "test", *words, cwd=below, HOME=str(home))
    shown = [line.split(": write ")[1] for line in said.out.splitlines() if ": write " in line]
    assert shown == ["new", "../infra.md", "~/notes", "/nowhere/else"], said


def test_what_no_policy_changes_is_said_as_well(clone: Installed) -> None:
    (answer,) = _asked(clone, "--path", POLICY)
    assert [(each["rule"], each["policy"]) for each in answer["rulings"]] == [("built-in:agents", None)]


def test_the_work_tree_does_not_count_and_a_draft_does(clone: Installed, tmp_path: Path) -> None:
    (clone.path / POLICY).write_text(SOLO)
    assert _effects(clone, "--path", "infra/a") == ["deny"]
    draft = tmp_path / "draft.toml"
    draft.write_text(SOLO + '[[agent]]\npaths = ["docs/**"]\neffect = "deny"\n')
    allowed, denied = _asked(clone, "--policy", str(draft), "--path", "infra/a", "--path", "docs/a")
    assert (allowed["effect"], denied["effect"], denied["rulings"][0]["revisions"]) == ("allow", "deny", [])


def test_a_file_of_another_repository_is_answered_by_its_rules(clone: Installed, tmp_path: Path) -> None:
    other = Scratch.create(tmp_path / "other")
    other.write(POLICY, SOLO + '[[agent]]\npaths = ["a.py"]\neffect = "deny"\n')
    other.commit()
    denied, allowed = _asked(clone, "--path", str(other.path / "a.py"), "--path", "a.py")
    assert (denied["effect"], allowed["effect"]) == ("deny", "allow")


def test_rules_that_are_not_in_force_are_said_to_be_so(repository: Scratch) -> None:
    repository.write("a", "x")
    repository.commit()
    clone = Installed.create(repository)
    said = clone.byline("policy", "test", "--path", "a")
    assert said.code == 0
    assert "no policy counts here yet" in said.err


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("--path", "a", "--policy", "nowhere"), 2), (("--path", "a", "--policy", "b.toml"), 1), (("--pth", "a"), 2)],
)
def test_a_question_that_cannot_be_answered_is_refused(clone: Installed, words: tuple[str, ...], code: int) -> None:
    (clone.path / "b.toml").write_text("schema = ")
    said = clone.byline("policy", "test", *words)
    assert said.code == code
    assert "Traceback" not in said.err
    assert "error:" in said.out + said.err


def _recorded(clone: Installed, *command: str) -> Said:
    return clone.byline("record", "--agent", "robot", "--", *command)


def test_a_command_that_the_rules_do_not_allow_is_not_recorded_but_refused(clone: Installed) -> None:
    """Whatever it stands behind; 126 is what shells say of what may not be run."""
    ringer = clone.path / "ringer"
    ringer.write_text("#!/bin/sh\necho rang > rang\n")
    ringer.chmod(0o755)
    for command in (("./ringer",), ("sh", "-c", "true; ./ringer"), ("env", "A=b", "./ringer"), ("tee", "infra/x")):
        said = _recorded(clone, *command)
        assert said.code == 126, command
        assert "the person you work for" in said.err
    assert not (clone.path / "rang").exists()
    assert _recorded(clone, "sh", "-c", "echo ringer; exit 7").code == 7
    assert {each.agent.name for each in read_refusals(clone.path / ".git/byline")} == {"robot"}

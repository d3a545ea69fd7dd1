# SPDX-License-Identifier: Apache-2.0
"""`byline delegate`: an agent signs with a key of its own, for a person, and nothing more."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.capture.places import agents_dir
from installed import PROGRAM, Installed

if TYPE_CHECKING:
    from scratch import Scratch

BYLINE = shlex.join(PROGRAM)
SAY = """{"schema": "byline.edit/1", "when": "after", "cwd": "'$PWD'", "by": {"kind": "ai", "agent": "mine"}}"""


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """Byline in a repository with one commit."""
    clone = Installed.create(repository)
    clone.scratch.write("a.py", "x = 1\n")
    clone.commit()
    return clone


def work(name: str) -> str:
    """Write what an agent does: it adds a file, says so, commits, and waits for its statement."""
    tell = f"echo '{SAY}' | {BYLINE} hook generic"
    return f"mkdir -p src; echo y = 2 > {name}; {tell}; git add -A; git commit -qm work; {BYLINE} attest --wait >/dev/null"


def proven(clone: Installed, rev: str = "HEAD") -> dict[str, object]:
    said = json.loads(clone.byline("verify", "--json", rev).out)
    return {"verified": said["verified"], "codes": [each["code"] for each in said["failures"]], "statements": said["statements"]}


def keys() -> list[Path]:
    folder = agents_dir(os.environ)
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_what_a_command_commits_is_signed_as_the_agents_for_the_person(clone: Installed) -> None:
    said = clone.byline("delegate", "--agent", "mine", "--paths", "src/**", "--", "sh", "-c", f"{work('src/b.py')}; exit 3")
    assert said.code == 3, said.err
    found = proven(clone)
    assert found["verified"], found
    (statement,) = found["statements"]  # type: ignore[misc]  # JSON
    person = json.loads(clone.byline("blame", "--json", "src/b.py").out)["ranges"][0]
    assert (person["origin"], person["agent"], person["verified"], person["person"]) == ("ai", "mine", True, statement["principal"])
    assert (statement["full"], len(statement["delegation"])) == (False, 64)
    assert keys() == []
    for words in (("trust", "list"), ("doctor",)):
        assert "mine for p-" in clone.byline(*words).out
    assert "an agent's key for p-" in clone.byline("show", "HEAD").out


def test_beyond_the_scope_the_check_fails_and_the_line_stays_the_agents(clone: Installed) -> None:
    clone.byline("delegate", "--agent", "mine", "--paths", "docs/**", "--", "sh", "-c", work("src/b.py"))
    found = proven(clone)
    assert (found["verified"], found["codes"]) == (False, ["BL-DELEGATION-1"])
    said = json.loads(clone.byline("blame", "--json", "src/b.py").out)["ranges"][0]
    assert (said["origin"], said["verified"]) == ("ai", False)


def test_a_delegation_is_ended(clone: Installed) -> None:
    said = clone.byline("delegate", "--agent", "mine", "--for", "30m")
    environ = dict(line.removeprefix("export ").split("=", 1) for line in said.out.splitlines())
    assert [Path(environ[name]).stat().st_mode & 0o777 for name in ("BYLINE_KEY", "BYLINE_DELEGATION")] == [0o600, 0o600]
    assert keys()[0].stat().st_mode & 0o777 == 0o700
    name = said.err.split()[1].rstrip(":")
    assert clone.byline("delegate", "--revoke", name).out.startswith("revoked")
    assert keys() == []
    again = clone.byline("delegate", "--revoke", name)
    assert (again.code, again.out) == (1, f"no delegation {name} is in force\n")
    assert "mine for" not in clone.byline("trust", "list").out


def test_an_agents_key_can_do_nothing_else(clone: Installed) -> None:
    """DG3: in the environment that the command makes."""
    said = clone.byline("delegate", "--agent", "mine")
    environ = dict(line.removeprefix("export ").split("=", 1) for line in said.out.splitlines())
    for words in (("delegate", "--agent", "other"), ("delegate", "--revoke", "0" * 12)):
        refused = clone.byline(*words, **environ)
        assert (refused.code, "agents do not delegate" in refused.err) == (2, True), refused
    clone.git("switch", "-qc", "work")
    clone.scratch.write("a.py", "x = 2\n")
    clone.git("commit", "-qam", "work", **environ)
    refused = clone.byline("approve", "--target", "main", "--yes", **environ)
    assert (refused.code, "trust does not know your key" in refused.err) == (1, True), refused


def test_a_person_declares_nothing_through_an_agents_key(clone: Installed) -> None:
    clone.scratch.write("a.py", "x = 1\ny = 2\n")
    clone.byline("delegate", "--agent", "mine", "--", "sh", "-c", f"git commit -qam work; {BYLINE} attest --wait")
    assert clone.owners("a.py", rev="HEAD") == ["human", "unknown"]
    assert proven(clone)["verified"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "name the agent"),
        (("--agent", "a", "--revoke", "12345678"), "name the agent"),
        (("--agent", "a", "--for", "13h"), "twelve hours"),
        (("--agent", "a", "--for", "soon"), "soon is no time"),
        (("--agent", "a", "--", "/nonexistent/command"), "cannot run"),
    ],
)
def test_mistakes_are_told(clone: Installed, words: tuple[str, ...], what: str) -> None:
    said = clone.byline("delegate", *words)
    assert (said.code, what in said.err) == (2, True), said
    assert keys() == []


def test_an_environment_that_does_not_fit_signs_nothing(clone: Installed) -> None:
    said = clone.byline("delegate", "--agent", "mine")
    environ = dict(line.removeprefix("export ").split("=", 1) for line in said.out.splitlines())
    for wrong in ({"BYLINE_KEY": ""}, {"BYLINE_DELEGATION": sys.executable}):
        refused = clone.byline("attest", **{**environ, **wrong})
        assert (refused.code, "BL-CONFIG-1" in refused.err) == (2, True), refused

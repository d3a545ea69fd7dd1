# SPDX-License-Identifier: Apache-2.0
"""`byline trailers`, as a person and as git's hooks call it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from installed import Installed

if TYPE_CHECKING:
    from scratch import Scratch

SIGNED = "Signed-off-by: Test Person <person@example.invalid>"
ASKED = "Assisted-by: claude-code"


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """Begin with a commit of the agent's whose message does not say so."""
    clone = Installed.create(repository)
    clone.writes("app.py", b"def greet(name):\n    return name\n")
    clone.scratch.git("add", "--all")
    clone.scratch.git("commit", "--quiet", "--signoff", "--message", "greet", "--date", "2026-01-02T03:04:05Z")
    return clone


def message(clone: Installed, rev: str = "HEAD") -> list[str]:
    return clone.scratch.git("log", "-1", "--format=%B", rev).split("\n")


def test_fix_amends_the_message_and_nothing_else(clone: Installed) -> None:
    said = clone.byline("trailers")
    assert (said.code, said.err) == (1, "")
    assert said.out.splitlines()[1] == f"  missing:   {ASKED}"
    before = clone.scratch.git("log", "-1", "--format=%T %an %ae %at %P")
    clone.scratch.write("app.py", "staged = 1\n")
    clone.scratch.git("add", "app.py")
    said = clone.byline("trailers", "--fix")
    assert (said.code, said.err) == (0, "")
    assert message(clone) == ["greet", "", SIGNED, ASKED]
    assert clone.scratch.git("log", "-1", "--format=%T %an %ae %at %P") == before
    assert clone.scratch.git("status", "--short", "--untracked-files=no") == "M  app.py"
    clone.attest()
    assert clone.owners("app.py", rev="HEAD") == ["ai", "ai"]
    assert clone.byline("verify", "HEAD").code == 0
    assert clone.byline("trailers").out == "1 message says of agents what the evidence says\n"
    assert clone.byline("trailers", "--fix").code == 0


def test_a_project_that_forbids_them_has_none(clone: Installed) -> None:
    assert clone.byline("trailers", "--preset", "forbidden").code == 0
    clone.scratch.git("commit", "--quiet", "--amend", "--message", f"greet\n\n{SIGNED}\nCo-authored-by: Claude <noreply@anthropic.com>\n")
    assert clone.byline("trailers", "--preset", "forbidden").code == 1
    assert clone.byline("trailers", "--preset", "forbidden", "--fix").code == 0
    assert message(clone) == ["greet", "", SIGNED]


def test_in_the_kernel_an_agent_assists_and_does_not_sign_off(clone: Installed) -> None:
    clone.scratch.git("commit", "--quiet", "--amend", "--message", f"greet\n\nSigned-off-by: Claude <noreply@anthropic.com>\n{SIGNED}\n")
    said = clone.byline("trailers", "--json", "--preset", "kernel")
    wrong = [(each["kind"], each["trailer"]) for each in json.loads(said.out)["commits"][0]["wrong"]]
    assert wrong == [("missing", ASKED), ("forbidden", "Signed-off-by: Claude <noreply@anthropic.com>")]
    assert clone.byline("trailers", "--preset", "kernel", "--fix").code == 0
    assert message(clone) == ["greet", "", SIGNED, ASKED]


def test_a_range_is_told_commit_by_commit_and_a_claim_without_evidence_stays(clone: Installed) -> None:
    clone.scratch.write("mine.py", "mine = 1\n")
    clone.scratch.commit(f"mine\n\n{ASKED}:m-1\n")
    clone.scratch.write("mine.py", "mine = 2\n")
    clone.scratch.commit("mine again")
    said = clone.byline("trailers", "HEAD~2..")
    assert said.code == 1
    assert said.out.splitlines()[1:] == [f"  unknown:   {ASKED}:m-1", "1 of 2 messages should say something else"]
    clone.scratch.git("reset", "--quiet", "--hard", "HEAD~1")
    assert clone.byline("trailers", "--fix").code == 1
    assert message(clone) == ["mine", "", f"{ASKED}:m-1"]


def test_what_a_remote_has_is_not_rewritten(clone: Installed) -> None:
    clone.scratch.git("update-ref", "refs/remotes/origin/main", "HEAD")
    said = clone.byline("trailers", "--fix")
    assert (said.code, message(clone)) == (2, ["greet", "", SIGNED])
    assert "a remote has this commit already" in said.err


@pytest.mark.parametrize("words", [("--message", "f", "HEAD"), ("--fix", "HEAD~1"), ("--fix", "--json"), ("--preset", "mine")])
def test_what_does_not_go_together_is_a_usage_error(clone: Installed, words: tuple[str, ...]) -> None:
    assert clone.byline("trailers", *words).code == 2


@pytest.mark.parametrize("how", [(), ("--all",), ("--only", "app.py")])
def test_as_a_commit_msg_hook_it_speaks_of_what_is_committed(clone: Installed, how: tuple[str, ...]) -> None:
    """`commit -a` and `commit FILE` use an index of their own, which git names to its hooks."""
    hook = clone.path / ".git/hooks/commit-msg"
    hook.write_text(f'#!/bin/sh\nexec {sys.executable} -m byline_cli trailers --message "$1" --fix\n')
    hook.chmod(0o755)
    clone.writes("app.py", b"def greet(name):\n    return name + name\n")
    if not how:
        clone.scratch.git("add", "app.py")
    clone.scratch.git("commit", "--quiet", "--message", "again", *how)
    assert message(clone) == ["again", "", ASKED]
    clone.scratch.write("mine.py", "mine = 1\n")
    clone.scratch.git("add", "mine.py")
    clone.scratch.git("commit", "--quiet", "--message", "mine")
    assert message(clone) == ["mine"]


def test_without_fix_the_message_is_printed(clone: Installed) -> None:
    file = clone.scratch.write("message", "again\n")
    clone.writes("app.py", b"def greet(name):\n    return name + name\n")
    clone.scratch.git("add", "app.py")
    said = clone.byline("trailers", "--message", "message")
    assert (said.code, said.out) == (1, f"again\n\n{ASKED}\n")
    assert file.read_text() == "again\n"

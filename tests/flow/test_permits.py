# SPDX-License-Identifier: Apache-2.0
"""What a session's agent may not do: by the rules that others see, before a byte is written, in every repository that is written to."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

import byline
from byline.capture.refusals import read_refusals
from byline.core.access import Effect
from byline.errors import RefusedError
from casework import SOLO
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.flow.sessions import Session

POLICY = ".byline/policy.toml"
RULES = """
[[agent]]
paths = ["infra/**"]
commands = ["destroy-infrastructure"]
effect = "deny"
why = "people do that"

[[agent]]
models = ["small-*"]
paths = ["docs/**"]
effect = "ask"
"""
PATCH = "*** Begin Patch\n*** Add File: a.py\n+x\n*** Add File: infra/db.tf\n+x\n*** End Patch\n"

WRITES: dict[str, Callable[[Session], object]] = {
    "write": lambda session: session.write("infra/db.tf", "x", call_id="c-1"),
    "edit": lambda session: session.edit("infra/old.tf", "old", "new", call_id="c-1"),
    "delete": lambda session: session.delete("infra/old.tf", call_id="c-1"),
    "move from": lambda session: session.move("infra/old.tf", "old.tf", call_id="c-1"),
    "move to": lambda session: session.move("a.txt", "infra/a.txt", call_id="c-1"),
    "move what is above": lambda session: session.move("infra", "other", call_id="c-1"),
    "patch": lambda session: session.apply_patch(PATCH, call_id="c-1"),
    "another case": lambda session: session.write("INFRA/db.tf", "x", call_id="c-1"),
    "a detour": lambda session: session.write("src/../infra/db.tf", "x", call_id="c-1"),
    "a link": lambda session: session.write("easy/db.tf", "x", call_id="c-1"),
    "the policy": lambda session: session.write(POLICY, "x", call_id="c-1"),
    "a hook": lambda session: session.write(".git/hooks/pre-push", "x", call_id="c-1"),
    "awaited": lambda session: asyncio.run(session.awrite("infra/db.tf", "x", call_id="c-1")),
    "a tool's own": lambda session: session.check(paths=["infra/db.tf"], call_id="c-1"),
}


def _with_rules(repository: Scratch, rules: str = RULES) -> Scratch:
    repository.write(POLICY, SOLO + rules)
    repository.write("infra/old.tf", "old\n")
    repository.write("a.txt", "a\n")
    repository.commit()
    return repository


@pytest.fixture
def guarded(repository: Scratch) -> Scratch:
    """A repository whose branch says what agents may not do."""
    (repository.path / "easy").symlink_to("infra")
    return _with_rules(repository)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_no_agent_may_write_is_not_written(guarded: Scratch, write: Callable[[Session], object]) -> None:
    session = byline.session(agent="coder", model="m-1", root=guarded.path)
    with pytest.raises(RefusedError) as refused:
        write(session)
    assert (refused.value.code, refused.value.effect) == ("BL-REFUSED-1", "deny")
    assert "the person you work for" in str(refused.value)
    assert guarded.git("status", "--porcelain") == ""
    assert session.records == ()
    (record,) = read_refusals(guarded.path / ".git/byline")
    assert (record.agent.name, record.agent.model, record.session, record.call) == ("coder", "m-1", session.id, "c-1")
    assert (record.effect, record.kinds, record.rule) == (Effect.DENY, ("write",), refused.value.rule)


def test_a_refusal_is_what_open_would_raise(guarded: Scratch) -> None:
    """A tool that tells its model what `open` raises tells it this as well."""
    with pytest.raises(PermissionError, match="people do that"):
        byline.session(agent="coder", root=guarded.path).write("infra/db.tf", "x")


def test_what_no_rule_is_about_is_written(guarded: Scratch) -> None:
    session = byline.session(agent="coder", model="m-1", root=guarded.path)
    session.write("infrastructure.md", "x")
    session.write("docs/a.md", "x")
    session.check(command="terraform plan", paths=["b.py"])
    assert [edit.path for edit in session.records] == [b"infrastructure.md", b"docs/a.md"]
    assert read_refusals(guarded.path / ".git/byline") == ()


def test_a_command_is_judged_where_it_runs(guarded: Scratch) -> None:
    session = byline.session(agent="coder", root=guarded.path)
    for line, folder in (("terraform destroy", None), ("echo x > db.tf", "infra"), ("cd infra && touch x > y", None), ("$TOOL x", None)):
        with pytest.raises(RefusedError):
            session.check(command=line, cwd=folder)
    session.check(command="echo x > db.tf", cwd="src")
    assert {each.what for each in read_refusals(guarded.path / ".git/byline")} >= {"destroy-infrastructure", "unclear"}


@pytest.mark.parametrize(("answer", "is_written"), [(True, True), (False, False), ("yes", False), (None, False)])
def test_what_is_to_be_asked_is_written_after_a_yes(guarded: Scratch, answer: object, *, is_written: bool) -> None:
    """An answer that is no plain True, as a coroutine that nobody awaited, is none."""
    session = byline.session(agent="coder", model="small-1", root=guarded.path)
    session.on_ask = None if answer is None else lambda refused: refused.what.endswith("docs/a.md") and answer  # type: ignore[return-value]  # on purpose
    child = session.child(agent="helper")
    for each in (session, child):
        with nullcontext() if is_written else pytest.raises(RefusedError, match="wants a person to say yes"):
            each.write("docs/a.md", each.id)
        assert (guarded.path / "docs/a.md").exists() == is_written
    assert [each.effect for each in read_refusals(guarded.path / ".git/byline")] == [Effect.ASK] * 2
    session.on_ask = lambda _: True
    with pytest.raises(RefusedError):
        session.write("infra/db.tf", "no person is asked about this")


def test_a_policy_that_cannot_be_read_denies(guarded: Scratch) -> None:
    guarded.write(POLICY, "schema = ")
    guarded.commit()
    session = byline.session(agent="coder", root=guarded.path)
    with pytest.raises(RefusedError, match="cannot be read"):
        session.write("b.py", "x")
    assert not (guarded.path / "b.py").exists()


def test_git_that_does_not_answer_denies(guarded: Scratch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RefusedError, match="cannot be read"):
        byline.session(agent="coder", root=guarded.path).write("b.py", "x")


def test_the_work_tree_has_no_say(guarded: Scratch) -> None:
    session = byline.session(agent="coder", root=guarded.path)
    with pytest.raises(RefusedError):
        session.write("infra/a", "x")
    guarded.write(POLICY, SOLO)
    guarded.git("rm", "-qr", "--cached", ".byline")
    (guarded.path / POLICY).unlink()
    with pytest.raises(RefusedError):
        byline.session(agent="coder", root=guarded.path).write("infra/a", "x")


def test_without_a_policy_nothing_is_asked(repository: Scratch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without git in reach: whoever asked it would be told no."""
    repository.write("a.py", "x")
    session = byline.session(agent="coder", root=repository.path)
    loose = byline.session(agent="coder", root=tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    session.write("infra/a", "x")
    loose.write(".byline/policy.toml", "x")
    session.check(command="terraform destroy")


@pytest.mark.parametrize("inside", [False, True])
def test_another_repository_has_its_own_say(repository: Scratch, tmp_path: Path, *, inside: bool) -> None:
    """One beside the agent's, or one that was cloned into it: its rules are about paths from its own top."""
    other = _with_rules(Scratch.create(repository.path / "vendor/other" if inside else tmp_path / "other"))
    session = byline.session(agent="coder", root=repository.path)
    with pytest.raises(RefusedError):
        session.write(other.path / "infra/db.tf", "x")
    with pytest.raises(RefusedError):
        session.check(command=f"echo x > {other.path}/infra/db.tf")
    session.write(other.path / "src.py", "x")
    session.write("infra/db.tf", "x")
    session.check(command="terraform destroy")
    assert len(read_refusals(other.path / ".git/byline")) == 2
    assert read_refusals(repository.path / ".git/byline") == ()


def test_the_rules_around_hold_in_a_repository_that_an_agent_made(guarded: Scratch) -> None:
    Scratch.create(guarded.path / "infra")
    with pytest.raises(RefusedError):
        byline.session(agent="coder", root=guarded.path).write("infra/db.tf", "x")


def test_no_agent_writes_what_a_submodule_runs(guarded: Scratch) -> None:
    session = byline.session(agent="coder", root=guarded.path)
    for name in ("modules/lib/hooks/post-commit", "modules/a/modules/b/config", "worktrees/topic/config.worktree"):
        with pytest.raises(RefusedError):
            session.write(f".git/{name}", "x")


def test_a_tool_that_is_decorated_is_not_called_for_what_is_denied(guarded: Scratch) -> None:
    """By what `paths` says, or else by the names of its arguments."""
    session = byline.session(agent="coder", root=guarded.path)
    called: list[str] = []

    @session.tool(paths="where", call_id="told")
    def keep(where: str, told: str = "c-9") -> None:
        called.append(where + told)

    @session.tool
    async def save_file(path: str) -> None:
        called.append(path)

    @session.tool(paths=())
    def read(path: str) -> None:
        called.append(path)

    for denied in (lambda: keep("infra/a"), lambda: asyncio.run(save_file("infra/a"))):
        with pytest.raises(RefusedError):
            denied()
    keep("a/")
    asyncio.run(save_file("b"))
    read("infra/a")
    assert called == ["a/c-9", "b", "infra/a"]
    first, second = read_refusals(guarded.path / ".git/byline")
    assert (first.call, second.call, first.what) == ("c-9", None, str(guarded.path / "infra/a"))

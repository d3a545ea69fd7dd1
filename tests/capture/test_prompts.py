# SPDX-License-Identifier: Apache-2.0
"""Prompts, from the agent's hook to the file in which they stay: only where a person wants it, each once, with a number and a key."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture import prompts
from byline.capture.agents import Kind
from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.door import take_hook
from byline.capture.inbox import put_payload
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.prompts import Kept, format_line, keep_prompt, parse_line, read_prompts
from byline.capture.settle import settle_inbox
from byline.capture.worktree import find_worktree
from byline.core.prompt import Prompt
from byline.errors import MalformedError
from saved_run import PAYLOADS, spooling

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

ASKED = "Write app.py please"


def place(scratch: Scratch) -> Path:
    return repository_dir(scratch.path / ".git")


def chosen(scratch: Scratch) -> Scratch:
    """Let the person want prompts to be committed to."""
    scratch.git("config", "byline.commitPrompts", "true")
    return scratch


def asks(scratch: Scratch, text: str, *, session: str | None = "s-1", agent: str = "claude-code") -> None:
    payload = {"session_id": session, "cwd": str(scratch.path), "hook_event_name": "UserPromptSubmit", "prompt": text}
    take_hook(agent, json.dumps(payload).encode(), environ=os.environ, cwd=scratch.path)


def saved_prompt(agent: str) -> tuple[dict[str, object], dict[str, str]]:
    """Return the saved payload by which `agent` tells of a prompt, and its environment."""
    call = find_adapter(agent).prompts
    assert call is not None
    (path, *_) = sorted((PAYLOADS / agent.replace("-", "_")).glob(f"*-{call.event}.json"))
    saved = json.loads(path.read_text())
    return saved["payload"], saved["env"]


AGENTS_ASKED = [name for name in AGENTS if find_adapter(name).prompts]


@pytest.mark.parametrize("agent", AGENTS_ASKED)
def test_each_agent_tells_what_it_was_asked_for(agent: str) -> None:
    payload, environ = saved_prompt(agent)
    observed = find_adapter(agent).parse_payload(json.dumps(payload).encode(), environ)
    assert (observed.kind, observed.agent.name, observed.prompt) == (Kind.PROMPT, agent, ASKED)
    assert observed.session


def test_who_tells_of_no_prompt_is_known() -> None:
    assert sorted({*AGENTS} - {*AGENTS_ASKED}) == ["copilot-vscode", "crush"], "one shares the hooks of another"


@pytest.mark.parametrize("agent", AGENTS_ASKED)
def test_both_doors_keep_the_same_prompt(repository: Scratch, tmp_path: Path, agent: str) -> None:
    chosen(repository)
    payload, environ = saved_prompt(agent)
    data = json.dumps(payload).replace('"/repo', f'"{repository.path}').encode()
    call = find_adapter(agent).prompts
    assert call
    spooling(tmp_path)(agent, call, data, environ, repository.path)
    settle_inbox(inbox_dir(os.environ))
    (spooled,) = read_prompts(place(repository))
    (place(repository) / "prompts").unlink()
    take_hook(agent, data, environ={**os.environ, **environ}, cwd=repository.path)
    (taken,) = read_prompts(place(repository))
    assert [(each.prompt.agent, each.prompt.number, each.prompt.text) for each in (spooled, taken)] == [(agent, 1, ASKED)] * 2
    assert spooled.prompt.session == taken.prompt.session
    assert spooled.key != taken.key
    assert list(inbox_dir(os.environ).glob("*.spool")) == []
    assert (place(repository) / "prompts").stat().st_mode & 0o777 == 0o600


def test_nothing_is_kept_where_nobody_wants_it(repository: Scratch) -> None:
    asks(repository, ASKED)
    assert not (place(repository) / "prompts").exists()
    assert list(inbox_dir(os.environ).glob("*")) == [inbox_dir(os.environ) / "lock"], "and no copy of it stays behind"
    repository.git("config", "byline.commitPrompts", "worktrees/elsewhere")
    asks(repository, ASKED)
    assert read_prompts(place(repository)) == ()
    repository.git("config", "byline.commitPrompts", ".")
    asks(repository, ASKED)
    assert len(read_prompts(place(repository))) == 1


def test_prompts_of_a_session_are_numbered(repository: Scratch) -> None:
    chosen(repository)
    for text, session in (("one", "s-1"), ("two", "s-1"), ("other", "s-2"), ("", "s-1"), (" \n", "s-1"), ("three", "s-1")):
        asks(repository, text, session=session)
    found = [(each.prompt.session, each.prompt.number, each.prompt.text) for each in read_prompts(place(repository))]
    assert found == [("s-1", 1, "one"), ("s-1", 2, "two"), ("s-2", 1, "other"), ("s-1", 3, "three")]
    assert len({each.key for each in read_prompts(place(repository))}) == 4
    assert [each.prompt.text for each in read_prompts(place(repository), "s-2")] == ["other"]


def test_what_two_hooks_hear_is_one_prompt_and_what_is_asked_again_later_is_two(repository: Scratch) -> None:
    worktree = find_worktree(chosen(repository).path)
    assert worktree
    told = {"agent": "copilot-cli", "session": "s"}
    assert keep_prompt(worktree, "yes", **told, time=10**18, name="edit.copilot-cli.1.0")
    assert keep_prompt(worktree, "yes", **told, time=10**18 + 10**8, name="edit.claude-code.2.0")
    assert keep_prompt(worktree, "yes", **told, time=10**18, name="edit.copilot-cli.1.0"), "after a crash"
    assert keep_prompt(worktree, "yes", **told, time=10**18 + 3 * 10**9, name="edit.copilot-cli.3.0")
    assert keep_prompt(worktree, "no", **told, time=10**18 + 10**8, name="edit.copilot-cli.4.0")
    assert [(each.prompt.number, each.prompt.text) for each in read_prompts(place(repository))] == [(1, "yes"), (2, "yes"), (3, "no")]


def test_what_a_proxy_hears_and_the_agents_hook_tells_later_is_one_prompt(repository: Scratch) -> None:
    """The hook is called once the agent has read it. Asked again it comes by both doors again; what a program tells is its own."""
    worktree = find_worktree(chosen(repository).path)
    assert worktree
    told, second = {"agent": "gemini-cli", "session": "s"}, 10**9
    for time, name in ((0, "prompt.proxy.1.0"), (20, "edit.gemini-cli.1.0"), (30, "prompt.proxy.1.0"), (50, "edit.gemini-cli.2.0")):
        assert keep_prompt(worktree, "go on", **told, time=10**18 + time * second, name=name)
    assert keep_prompt(worktree, "go on", **told, time=10**18 + 51 * second, name="prompt.sdk.1.0")
    assert [each.name for each in read_prompts(place(repository))] == ["prompt.proxy.1.0"] * 2 + ["prompt.sdk.1.0"]


def test_what_claude_tells_itself_of_its_background_is_no_persons_prompt(repository: Scratch) -> None:
    chosen(repository)
    asks(repository, "<task-notification>\n<task-id>a4</task-id>\n</task-notification>")
    asks(repository, "one")
    assert [each.prompt.text for each in read_prompts(place(repository))] == ["one"]
    assert read_losses(inbox_dir(os.environ)) == ()


def test_a_prompt_that_cannot_be_kept_is_a_loss(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(repository)
    asks(repository, "x" * (prompts.MAX_TEXT + 1))
    monkeypatch.setattr(prompts, "MAX_FILE", 10)
    asks(repository, "one")
    asks(repository, "two")
    assert [each.prompt.text for each in read_prompts(place(repository))] == ["one"]
    assert [str(each.code) for each in read_losses(place(repository))] == ["BL-LOSS-3"] * 2
    asks(repository, "three", session=None)
    assert [str(each.code) for each in read_losses(inbox_dir(os.environ))] == ["BL-LOSS-1"]


def test_a_torn_line_costs_no_other(repository: Scratch) -> None:
    chosen(repository)
    asks(repository, "one")
    with (place(repository) / "prompts").open("ab") as file:
        file.write(b'{"agent":"claude-co')
    asks(repository, "two")
    assert [(each.prompt.number, each.prompt.text) for each in read_prompts(place(repository))] == [(1, "one"), (2, "two")]


def test_who_moved_the_work_tree_has_the_prompt(repository: Scratch, tmp_path: Path) -> None:
    chosen(repository).commit("begun", "--allow-empty")
    repository.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    payload = {"session_id": "s", "cwd": "/", "hook_event_name": "UserPromptSubmit", "prompt": ASKED}
    facts = {"top": str(tmp_path / "linked"), "gitdir": str(repository.path / ".git/worktrees/linked")}
    put_payload(inbox_dir(os.environ), agent="claude-code", facts=facts, payload=json.dumps(payload).encode())
    repository.git("worktree", "move", str(tmp_path / "linked"), str(tmp_path / "elsewhere"))
    settle_inbox(inbox_dir(os.environ))
    assert [each.prompt.text for each in read_prompts(place(repository))] == [ASKED]


def test_writers_at_once_give_each_number_once(repository: Scratch) -> None:
    worktree = find_worktree(chosen(repository).path)
    assert worktree

    def ask(number: int) -> None:
        keep_prompt(worktree, f"prompt {number}", agent="a", session="s", time=number, name=f"prompt.sdk.{number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.prompt.number for each in read_prompts(place(repository))] == list(range(1, 21))


LINES = st.builds(
    Kept,
    prompt=st.builds(
        Prompt,
        agent=st.text(st.characters(exclude_categories=("Cs",))),
        session=st.just("s"),
        number=st.integers(1, 99),
        time=st.integers(0, 10**19),
        text=st.text(st.characters(exclude_categories=("Cs",))),
    ),
    key=st.binary(min_size=32, max_size=32),
    name=st.just("edit.a.1.0"),
    signed=st.none() | st.just(("a" * 64, "b" * 64)),
)


@given(LINES)
def test_a_line_reads_back_and_says_in_bytes_whether_it_is_signed(kept: Kept) -> None:
    line = format_line(kept)
    assert parse_line(line) == kept
    assert b"\n" not in line
    assert (prompts.UNSIGNED in line) is (kept.signed is None)


@given(st.binary())
def test_no_bytes_break_the_reader_of_lines(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_line(data)

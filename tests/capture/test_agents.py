# SPDX-License-Identifier: Apache-2.0
"""Each agent's saved run through both doors: the same journal, and the right one."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byline.capture.agents import Attempt, Kind, Observed
from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.door import take_hook
from byline.capture.inbox import put_payload
from byline.capture.journal import read_events
from byline.capture.losses import read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.scans import scan_worktree, with_submodules
from byline.capture.settle import settle_inbox
from byline.core.edit import Edit
from byline.core.lines import blob_id
from byline.errors import MalformedError
from saved_run import PAYLOADS, SavedRun, knocking, spooling
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from saved_run import Hook

ADD, SUM = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    # sum\n    return a + b\n"
HUMAN = "x = 1\ny = 2\n"
# What most of the runs did: a new file, a command that changed a person's file, and a change of both.
EDITS = (
    ("app.py", None, ADD),
    ("human.py", HUMAN, "x = 2\ny = 2\n"),
    ("app.py", ADD, ADD.replace("return", "return 0 +")),
    ("human.py", "x = 2\ny = 2\n", "x = 2\ny = 2\nz = 3\n"),
)


def _written(new: int, command: int, edit: int, *, meanwhile: bool = True) -> dict[int, dict[str, str]]:
    """Return what came to the disk in such a run, by the payloads before which it did."""
    typed = {"while-it-worked.py": "a person's\n"} if meanwhile else {}
    changed = {"app.py": ADD.replace("return", "return 0 +"), "human.py": "x = 2\ny = 2\nz = 3\n"}
    return {new: {"app.py": ADD}, command: {"human.py": "x = 2\ny = 2\n", **typed}, edit: changed}


RUNS = (
    SavedRun(
        agent="amp",
        names_model=False,
        payloads="amp",
        starts={"human.py": HUMAN},
        writes=_written(2, 4, 6),
        edits=EDITS,
    ),
    SavedRun(
        agent="cline",
        payloads="cline",
        starts={"human.py": HUMAN},
        writes=_written(3, 5, 7),
        edits=EDITS,
        transcript=".cline/data/sessions/1795252370809_utrj5/1795252370809_utrj5.messages.json",
    ),
    SavedRun(
        agent="codex",
        payloads="codex",
        starts={"human.py": HUMAN},
        writes={
            4: {"app.py": ADD},
            6: {"app.py": SUM, "human.py": "x = 2\ny = 2\n"},
            8: {"app.py": SUM.replace("sum", "total"), "human.py": "x = 2\ny = 2\nz = 3\n"},
            10: {"heredoc.py": "h = 1\n"},
        },
        edits=(
            ("app.py", None, ADD),
            ("app.py", ADD, SUM),
            ("human.py", HUMAN, "x = 2\ny = 2\n"),
            ("app.py", SUM, SUM.replace("sum", "total")),
            ("human.py", "x = 2\ny = 2\n", "x = 2\ny = 2\nz = 3\n"),
            ("heredoc.py", None, "h = 1\n"),
        ),
    ),
    SavedRun(
        agent="continue-cli",
        payloads="continue_cli",
        starts={"human.py": HUMAN},
        writes={
            3: {"app.py": ADD},
            5: {"human.py": "x = 2\ny = 2\n", "while-it-worked.py": "a person's\n"},
            7: {"human.py": "x = 2\ny = 2\nz = 3\n"},
        },
        edits=(
            ("app.py", None, ADD),
            ("human.py", HUMAN, "x = 2\ny = 2\n"),
            ("human.py", "x = 2\ny = 2\n", "x = 2\ny = 2\nz = 3\n"),
        ),
        names_model=False,
    ),
    SavedRun(
        agent="copilot-cli",
        payloads="copilot_cli",
        starts={"human.py": HUMAN},
        writes=_written(9, 14, 19),
        edits=EDITS,
        transcript=".copilot/session-state/df0233d3-f738-485d-b5c2-10d6cbf70108/events.jsonl",
    ),
    SavedRun(
        agent="copilot-cli",
        payloads="copilot_vscode",
        author="copilot-vscode",
        starts={"human.py": HUMAN},
        writes={
            4: {"app.py": ADD},  # an edit comes to the disk after its Post event
            5: {"human.py": "x = 2\ny = 2\n", "while-it-worked.py": "a person's\n"},
            7: {"app.py": SUM, "human.py": "x = 2\ny = 2\nz = 3\n"},
            9: {"app.py": SUM.replace("sum", "total")},
        },
        edits=(
            ("app.py", None, ADD),
            ("human.py", HUMAN, "x = 2\ny = 2\n"),
            ("app.py", ADD, SUM),
            ("human.py", "x = 2\ny = 2\n", "x = 2\ny = 2\nz = 3\n"),
            ("app.py", SUM, SUM.replace("sum", "total")),
        ),
        names_model=False,
    ),
    SavedRun(
        agent="cursor",
        payloads="cursor",
        starts={"human.py": HUMAN},
        writes={
            3: {"app.py": ADD},
            5: {"human.py": "x = 2\ny = 2\n", "while-it-worked.py": "a person's\n"},
            7: {"app.py": SUM, "human.py": "x = 2\ny = 2\nz = 3\n"},
            9: {"app.py": SUM.replace("sum", "total")},
            12: {"human.py": "x = 2\ny = 2\nz = 3\nw = 4\ntyped = 5\n"},
        },
        edits=(
            ("app.py", None, ADD),
            ("human.py", HUMAN, "x = 2\ny = 2\n"),
            ("app.py", ADD, SUM),
            ("human.py", "x = 2\ny = 2\n", "x = 2\ny = 2\nz = 3\n"),
            ("app.py", SUM, SUM.replace("sum", "total")),
            ("human.py", "x = 2\ny = 2\nz = 3\nw \ntyped = 5\n", "x = 2\ny = 2\nz = 3\nw = 4\ntyped = 5\n"),
        ),
    ),
    SavedRun(
        agent="factory-droid",
        payloads="factory_droid",
        starts={"human.py": HUMAN},
        writes={
            3: {"app.py": ADD},
            5: {"human.py": "x = 2\ny = 2\n"},
            7: {"app.py": SUM, "new.py": "n = 1\n", "while-it-worked.py": "a person's\n"},
            9: {"app.py": SUM.replace("sum", "total")},
        },
        edits=(
            ("app.py", None, ADD),
            ("human.py", HUMAN, "x = 2\ny = 2\n"),
            ("app.py", ADD, SUM),
            ("new.py", None, "n = 1\n"),
            ("app.py", SUM, SUM.replace("sum", "total")),
        ),
    ),
    SavedRun(
        agent="gemini-cli",
        payloads="gemini_cli",
        starts={"human.py": HUMAN},
        writes=_written(8, 14, 20, meanwhile=False),
        edits=EDITS,
    ),
    SavedRun(
        agent="opencode",
        payloads="opencode",
        starts={"human.py": HUMAN},
        writes=_written(17, 37, 46),
        edits=EDITS,
    ),
    SavedRun(
        agent="pi",
        payloads="pi",
        starts={"human.py": HUMAN},
        writes=_written(3, 5, 7),
        edits=EDITS,
    ),
    SavedRun(
        agent="crush",
        payloads="crush",
        starts={"human.py": HUMAN},
        writes=_written(2, 3, 5),
        edits=EDITS,
        names_model=False,
    ),
    SavedRun(
        agent="goose",
        payloads="goose",
        starts={"human.py": HUMAN},
        writes=_written(3, 5, 7),
        edits=EDITS,
        names_model=False,
    ),
    SavedRun(
        agent="kiro",
        payloads="kiro",
        starts={"human.py": HUMAN},
        writes=_written(3, 5, 7),
        edits=EDITS,
        names_model=False,
    ),
    SavedRun(
        agent="qwen-code",
        payloads="qwen_code",
        starts={"human.py": HUMAN},
        writes=_written(4, 10, 13, meanwhile=False),
        edits=EDITS,
    ),
    SavedRun(
        agent="windsurf",
        payloads="windsurf",
        starts={"human.py": HUMAN},
        writes=_written(3, 5, 7),
        edits=EDITS,
    ),
)


def _live(run: SavedRun, scratch: Scratch, home: Path, hook: Hook) -> list[Edit]:
    run.live(scratch, home, hook)
    settle_inbox(inbox_dir(os.environ))
    events = read_events(repository_dir(scratch.path / ".git")).events
    return [event for event in events if isinstance(event, Edit)]


def _blob(text: str | None) -> str | None:
    return None if text is None else blob_id(text.encode(), "sha1")


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_the_journal_tells_the_run(run: SavedRun, repository: Scratch, home: Path) -> None:
    """Denied, failed and read-only calls leave no edit; every payload is settled, and nothing is lost."""
    edits = _live(run, repository, home, knocking)
    told = [(edit.path.decode(), edit.before, edit.after) for edit in edits]
    assert told == [(path, _blob(before), _blob(after)) for path, before, after in run.edits]
    assert {(edit.by.name, edit.by.model is None) for edit in edits if edit.by} == {(run.by, not run.names_model)}
    assert read_losses(inbox_dir(os.environ)) == read_losses(repository_dir(repository.path / ".git")) == ()
    assert [each.name for each in inbox_dir(os.environ).glob("*.spool")] == []


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_both_doors_write_the_same_journal(run: SavedRun, tmp_path: Path, home: Path) -> None:
    through_shell, through_door = Scratch.create(tmp_path / "a"), Scratch.create(tmp_path / "b")
    spooled, taken = _live(run, through_shell, home, spooling(tmp_path)), _live(run, through_door, home, knocking)
    assert [replace(edit, worktree="", time=0, name="", head=None) for edit in spooled] == [
        replace(edit, worktree="", time=0, name="", head=None) for edit in taken
    ]


def _payloads(agent: str) -> list[tuple[Any, dict[str, str]]]:
    saved = (json.loads(path.read_text()) for path in sorted((PAYLOADS / agent.replace("-", "_")).glob("[0-9]*.json")))
    return [(each["payload"], each["env"]) for each in saved]


SIMPLE = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
ODD = st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@settings(max_examples=300)
@given(st.sampled_from([each for agent in AGENTS for each in zip([agent] * 99, _payloads(agent), strict=False)]), st.data())
def test_a_payload_of_any_form_is_read_or_refused(saved: tuple[str, tuple[Any, dict[str, str]]], data: st.DataObject) -> None:
    """One member of a real payload, at any depth, becomes anything."""
    agent, (payload, environ) = saved
    payload = place = json.loads(json.dumps(payload))
    name = data.draw(st.sampled_from(sorted(place)))
    while isinstance(place[name], dict) and place[name] and data.draw(st.booleans()):
        place = place[name]
        name = data.draw(st.sampled_from(sorted(place)))
    place[name] = data.draw(ODD)
    adapter, told = find_adapter(agent), json.dumps(payload).encode()
    with contextlib.suppress(MalformedError):
        assert isinstance(adapter.parse_payload(told, environ), Observed)
    with contextlib.suppress(MalformedError):
        assert adapter.parse_attempt is None or isinstance(adapter.parse_attempt(told, environ), Attempt | None)


@given(st.binary(max_size=60))
def test_a_transcript_of_any_form_names_a_model_or_none(transcript: bytes) -> None:
    observed = find_adapter("claude-code").parse_payload(json.dumps(_payloads("claude-code")[3][0]).encode(), {})
    lines = transcript + b'\n{"type": "assistant", "model": 1, "timestamp": []}\n[]\n' + (observed.call or "").encode()
    for agent in AGENTS:
        find_model = find_adapter(agent).find_model
        assert find_model is None or find_model(lines, observed) is None


def test_a_payload_at_claudes_hook_is_its_senders(repository: Scratch) -> None:
    """Continue reads Claude's settings, too: with both installed a change is recorded once, as Continue's."""
    for payload, environ in _payloads("continue-cli")[5:7]:  # a shell command
        for agent in ("claude-code", "continue-cli"):
            told = {**payload, "cwd": str(repository.path)}
            take_hook(agent, json.dumps(told).encode(), environ={**os.environ, **environ}, cwd=repository.path)
        repository.write("app.py", ADD)
    events = read_events(repository_dir(repository.path / ".git")).events
    assert [(edit.by.name, edit.path) for edit in events if isinstance(edit, Edit) and edit.by] == [("continue-cli", b"app.py")]
    assert read_losses(inbox_dir(os.environ)) == ()


def _patched(event: str, session: str, repository: Scratch, *paths: str) -> None:
    patch = "\n".join(["*** Begin Patch", *(f"*** Add File: {path}\n+x" for path in paths), "*** End Patch"])
    told = {"hook_event_name": event, "session_id": session, "tool_use_id": session, "cwd": str(repository.path)}
    payload = {**told, "tool_name": "apply_patch", "tool_input": {"command": patch}}
    take_hook("codex", json.dumps(payload).encode(), environ={**os.environ}, cwd=repository.path)


def test_patches_of_two_sessions_at_once_are_each_ones(repository: Scratch) -> None:
    for event in ("PreToolUse", "PostToolUse"):
        for session in ("one", "two"):
            _patched(event, session, repository, f"{session}.py")
            repository.write(f"{session}.py", "x\n")
    events = read_events(repository_dir(repository.path / ".git")).events
    assert [(edit.path, edit.session) for edit in events if isinstance(edit, Edit)] == [(b"one.py", "one"), (b"two.py", "two")]
    assert read_losses(repository_dir(repository.path / ".git")) == ()


def test_a_file_that_a_patch_names_in_another_repository_is_recorded_there(repository: Scratch, tmp_path: Path) -> None:
    other = Scratch.create(tmp_path / "other")
    repository.write("a.py", "")
    _patched("PreToolUse", "s", repository, str(other.path / "a.py"))
    repository.write("a.py", "a person's\n")
    other.write("a.py", "x\n")
    _patched("PostToolUse", "s", repository, str(other.path / "a.py"))
    assert not read_events(repository_dir(repository.path / ".git")).events
    (edit,) = read_events(repository_dir(other.path / ".git")).events
    assert isinstance(edit, Edit)
    assert (edit.path, edit.after) == (b"a.py", _blob("x\n"))


@pytest.mark.parametrize("name", AGENTS)
def test_an_adapter_is_found_by_its_name(name: str) -> None:
    adapter = find_adapter(name)
    assert adapter.name == name
    assert adapter.title
    assert adapter.exact
    assert adapter.lost


SED = "sed -i 's/return/return 0 +/' app.py && echo 'z = 3' >> human.py"


@pytest.mark.parametrize(
    ("agent", "saved", "paths", "command"),
    [
        ("cline", "cline/02-PreToolUse-apply_patch", ("/repo/app.py",), None),
        ("cline", "cline/06-PreToolUse-run_commands", (), SED),
        ("cline", "cline/10-PreToolUse-write_to_file", ("/repo/new.py",), None),
        ("cline", "cline/12-PreToolUse-execute_command", (), "make"),
        ("copilot-cli", "copilot_cli/05-preToolUse-create", ("/repo/app.py",), None),
        ("copilot-cli", "copilot_cli/11-PreToolUse-Edit", ("/repo/human.py",), None),
        ("copilot-cli", "copilot_cli/15-preToolUse-bash", (), SED),
        ("copilot-cli", "copilot_vscode/08-PreToolUse-editFiles", ("/repo/app.py",), None),
        ("copilot-vscode", "copilot_vscode/06-PreToolUse-run_in_terminal", (), SED),
        ("claude-code", "copilot_vscode/02-PreToolUse-create_file", ("/repo/app.py",), None),
        ("claude-code", "cursor/02-preToolUse-Write", ("/repo/app.py",), None),
        ("cursor", "cursor/06-preToolUse-Shell", (), SED),
        ("cursor", "cursor/08-preToolUse-ApplyPatch", ("/repo/app.py",), None),
        ("crush", "crush/02-PreToolUse-edit", ("/repo/human.py",), None),
        ("crush", "crush/04-PreToolUse-bash", (), SED),
        ("goose", "goose/02-PreToolUse-developer__write", ("/repo/app.py",), None),
        ("goose", "goose/06-PreToolUse-developer__shell", (), SED),
        ("kiro", "kiro/02-PreToolUse-fs_write", ("/repo/app.py",), None),
        ("kiro", "kiro/06-PreToolUse-execute_bash", (), SED),
        ("windsurf", "windsurf/04-pre_write_code", ("/repo/human.py",), None),
        ("windsurf", "windsurf/06-pre_run_command", (), SED),
    ],
)
def test_a_call_is_told_before_it_is_made(agent: str, saved: str, paths: tuple[str, ...], command: str | None) -> None:
    told = json.loads((PAYLOADS / f"{saved}.json").read_text())
    parse = find_adapter(agent).parse_attempt
    attempt = parse(json.dumps(told["payload"]).encode(), told["env"]) if parse else None
    assert attempt is not None
    assert (attempt.paths, attempt.command, attempt.cwd) == (paths, command, "" if saved.endswith("_write_code") else "/repo")


def test_what_was_done_is_no_call_that_is_about_to_be_made() -> None:
    done = {"post", "after", "tool_result"}
    for agent in ("copilot-cli", "copilot-vscode", "cursor", "goose", "kiro", "windsurf"):
        parse = find_adapter(agent).parse_attempt
        names = [path.stem for path in sorted((PAYLOADS / agent.replace("-", "_")).glob("[0-9]*.json"))]
        for name, (payload, environ) in zip(names, _payloads(agent), strict=True):
            if parse and any(word in name.lower() for word in done):
                assert parse(json.dumps(payload).encode(), environ) is None


def test_copilot_with_claudes_hooks_beside_its_own_is_recorded_once_and_exactly(repository: Scratch) -> None:
    """Claude Code's hook has no scan before a Write: what the other hook's scans tell counts, whichever comes first."""
    repository.write("app.py", "first = 1\n")
    repository.commit()
    before, after = _payloads("copilot-cli")[5], _payloads("copilot-cli")[8]
    for moment, (payload, environ) in enumerate((before, after)):
        told = {**payload, "cwd": str(repository.path), "tool_input": {"path": "app.py"}}
        for agent in ("claude-code", "copilot-cli")[1 - moment :]:
            facts = {name: environ.get(name, "") for name in ("COPILOT_CLI",)}
            (worktree,) = with_submodules(repository.path)
            scanned, files = scan_worktree(worktree) if agent == "copilot-cli" else ({}, b"")
            put_payload(inbox_dir(os.environ), agent=agent, facts=facts | scanned, files=files, payload=json.dumps(told).encode())
        repository.write("app.py", ADD)
    settle_inbox(inbox_dir(os.environ))
    (edit,) = [event for event in read_events(repository_dir(repository.path / ".git")).events if isinstance(event, Edit)]
    assert (edit.by and edit.by.name, edit.before, edit.after) == ("copilot-cli", _blob("first = 1\n"), _blob(ADD))
    assert read_losses(inbox_dir(os.environ)) == ()


def test_a_subagent_of_copilot_is_its_parents_and_has_its_own_model() -> None:
    """Its `session_id` is its own, and what it answers stands in its parent's file."""
    adapter = find_adapter("copilot-cli")
    said = {"hook_event_name": "PreToolUse", "session_id": "a-1", "cwd": "/repo", "timestamp": "2026-01-01T00:00:09Z"}
    told = {**said, "agent_id": "a-1", "parent_agent_id": "s-1", "tool_name": "Bash", "tool_input": {"command": "x"}}
    observed = adapter.parse_payload(json.dumps(told).encode(), {})
    assert (observed.session, observed.transcript) == ("s-1/a-1", "~/.copilot/session-state/s-1/events.jsonl")
    records = (
        {"type": "assistant.message", "data": {"model": "main"}, "timestamp": "2026-01-01T00:00:01Z"},
        {"type": "subagent.configured", "data": {"model": "small"}, "agentId": "a-1", "timestamp": "2026-01-01T00:00:02Z"},
        {"type": "assistant.message", "data": {"model": "main"}, "timestamp": "2026-01-01T00:00:03Z"},
    )
    transcript = "\n".join(map(json.dumps, records)).encode()
    main = adapter.parse_payload(json.dumps({**told, "session_id": "s-1", "agent_id": None, "parent_agent_id": None}).encode(), {})
    assert adapter.find_model
    assert (adapter.find_model(transcript, observed), adapter.find_model(transcript, main)) == ("small", "main")


def test_a_subagent_of_qwen_code_outlives_its_parents_rest_and_has_its_own_model() -> None:
    adapter = find_adapter("qwen-code")
    told, task = {"session_id": "s-1", "cwd": "/repo", "timestamp": "2026-01-01T00:00:09Z"}, {"id": "part-1", "agent_type": "part"}
    for tasks, kind in (
        ([{**task, "status": "running"}], Kind.NOTHING),
        ([{**task, "status": "completed"}], Kind.STOPS),
        (None, Kind.STOPS),
    ):
        stop = {**told, "hook_event_name": "Stop", "background_tasks": tasks}
        assert adapter.parse_payload(json.dumps(stop).encode(), {}).kind is kind
    call = {**told, "hook_event_name": "PreToolUse", "tool_name": "run_shell_command", "tool_input": {"command": "x"}}
    main, part = (adapter.parse_payload(json.dumps({**call, **who}).encode(), {}) for who in ({}, {"agent_id": "part-1"}))
    assert (main.session, part.session) == ("s-1", "s-1/part-1")
    records = (
        {"type": "assistant", "model": "main", "timestamp": "2026-01-01T00:00:01Z"},
        {"type": "system", "systemPayload": {"uiEvent": {"model": "small", "subagent_id": "part-1"}}, "timestamp": "2026-01-01T00:00:02Z"},
        {"type": "system", "systemPayload": {"uiEvent": {"model": "main"}}, "timestamp": "2026-01-01T00:00:03Z"},
        {"type": "system", "systemPayload": {"uiEvent": {"model": "late", "subagent_id": "part-1"}}, "timestamp": "2026-01-01T00:00:10Z"},
    )
    transcript = "\n".join(map(json.dumps, records)).encode()
    assert adapter.find_model
    assert (adapter.find_model(transcript, main), adapter.find_model(transcript, part)) == ("main", "small")


def test_a_call_of_a_session_that_changes_its_model_is_of_the_model_of_its_time(repository: Scratch, home: Path) -> None:
    """Factory Droid tells no time, its calls have no ids, and both runs are settled together: the hook's time tells."""
    place = home / "s-1.jsonl"
    told = {"session_id": "s-1", "transcript_path": str(place), "cwd": str(repository.path)}
    (worktree,) = with_submodules(repository.path)
    for number in (1, 2):
        call = {"tool_name": "Execute", "tool_input": {"command": f"command {number}"}}
        for event in ("PreToolUse", "PostToolUse"):
            scanned, files = scan_worktree(worktree)
            payload = json.dumps({**told, **call, "hook_event_name": event}).encode()
            name = put_payload(inbox_dir(os.environ), agent="factory-droid", facts=scanned, files=files, payload=payload)
            os.utime(inbox_dir(os.environ) / f"{name}.spool", (2000 * number, 2000 * number))
            repository.write(f"{number}.py", "x\n")
        answer = {"timestamp": f"1970-01-01T00:{33 * number - 20}:00.000Z", "message": {"role": "assistant", "modelId": f"model-{number}"}}
        with place.open("a") as file:
            file.write(json.dumps(answer) + "\n")
    settle_inbox(inbox_dir(os.environ))
    edits = [event for event in read_events(repository_dir(repository.path / ".git")).events if isinstance(event, Edit)]
    assert [(edit.path, edit.by and edit.by.model) for edit in edits] == [(b"1.py", "model-1"), (b"2.py", "model-2")]

# SPDX-License-Identifier: Apache-2.0
"""The guard as it is installed: which rules it reads, what it lets through, what it tells the agent, and what it leaves behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.guard import base_policies, parse_batch
from byline.capture.launcher import format_launcher
from byline.capture.spool import agent_stub
from byline.core.access import Effect
from byline.core.presets import format_preset
from byline.core.refusal import parse_refusal
from casework import REPOSITORY
from installed import PROGRAM, Said, run

if TYPE_CHECKING:
    from scratch import Scratch

PAYLOADS = Path(__file__).parents[1] / "vectors/payloads"
POLICY = ".byline/policy.toml"
SOLO = format_preset("solo", repository=REPOSITORY)
NO_INFRA = SOLO + '\n[[agent]]\npaths = ["infra/**"]\ncommands = ["destroy-infrastructure"]\neffect = "deny"\nwhy = "people do that"\n'
ASK_DOCS = SOLO + '\n[[agent]]\nmodels = ["claude-*"]\npaths = ["docs/**"]\neffect = "ask"\n'


def _guard(repository: Scratch, tool: str, *, agent: str = "claude-code", cwd: Path | None = None, **asked: object) -> Said:
    """Let the agent's hook say what it says before a call of `tool`."""
    folder = cwd or repository.path
    payload = {"session_id": "s-1", "cwd": str(folder), "hook_event_name": "PreToolUse", "tool_name": tool, "tool_use_id": "t-1"}
    if agent == "codex":
        payload["model"] = "gpt-5.5"
    return _run(repository, agent, json.dumps({**payload, "tool_input": asked}).encode(), folder)


def _run(repository: Scratch, agent: str, payload: bytes, folder: Path, python: str = PROGRAM[0]) -> Said:
    launcher = repository.path.parent / "launcher"
    launcher.write_bytes(format_launcher(python))
    script = repository.path.parent / f"{agent}.sh"
    script.write_text(agent_stub(agent, launcher=launcher))
    return run("sh", str(script), "guard", cwd=folder, data=payload)


def _decision(said: Said) -> tuple[str, str]:
    assert (said.code, said.err) == (0, "")
    told: dict[str, Any] = json.loads(said.out)["hookSpecificOutput"]
    return told["permissionDecision"], told["permissionDecisionReason"]


NOTHING = Said(0, "", "")


@pytest.fixture
def guarded(repository: Scratch) -> Scratch:
    """A repository without a remote whose branch says what agents may not do."""
    repository.write(POLICY, NO_INFRA)
    repository.commit()
    return repository


def test_a_call_that_no_rule_is_about_is_made_and_nothing_is_said(guarded: Scratch) -> None:
    assert _guard(guarded, "Write", file_path=str(guarded.path / "a.py"), content="x") == NOTHING
    assert _guard(guarded, "Bash", command="terraform plan && ls > out") == NOTHING
    assert not (guarded.path / ".git/byline/refusals").exists()


def test_a_file_that_no_agent_may_write_is_not_written(guarded: Scratch) -> None:
    effect, reason = _decision(_guard(guarded, "Write", file_path=str(guarded.path / "INFRA/db.tf"), content="x"))
    assert effect == "deny"
    assert "people do that" in reason
    assert "the person you work for" in reason
    (line,) = (guarded.path / ".git/byline/refusals").read_bytes().splitlines()
    refusal = parse_refusal(line)
    assert (refusal.session, refusal.call, refusal.rule, refusal.kinds, refusal.effect) == (
        "s-1",
        "t-1",
        "agent:1",
        ("write",),
        Effect.DENY,
    )
    assert b"content" not in line


def test_a_command_that_destroys_is_not_run_however_it_is_spelled(guarded: Scratch) -> None:
    for line in ("terraform destroy", "cd x && sudo sh -c 'tofu destroy'", "$X", "echo y > infra/z", "cd infra; rm *"):
        assert _decision(_guard(guarded, "Bash", command=line))[0] == "deny", line
    assert b"tofu" not in (guarded.path / ".git/byline/refusals").read_bytes()


@pytest.mark.parametrize("name", [POLICY, ".git/hooks/post-commit", ".git/config", ".claude/settings.json", "sub/../.byline/trust.toml"])
def test_no_agent_writes_what_decides_about_agents(guarded: Scratch, name: str) -> None:
    assert _decision(_guard(guarded, "Edit", file_path=str(guarded.path / name)))[0] == "deny"


def test_a_link_leads_to_what_it_leads_to(guarded: Scratch) -> None:
    (guarded.path / "infra").mkdir()
    (guarded.path / "easy").symlink_to("infra")
    (guarded.path / "notes").symlink_to(POLICY)
    assert _decision(_guard(guarded, "Write", file_path=str(guarded.path / "easy/db.tf")))[0] == "deny"
    assert _decision(_guard(guarded, "Bash", command="echo > easy/db.tf"))[0] == "deny"
    assert _decision(_guard(guarded, "Bash", command="echo > notes"))[0] == "deny"


def test_a_linked_work_tree_has_the_same_rules(guarded: Scratch, tmp_path: Path) -> None:
    linked = guarded.linked(tmp_path / "linked")
    assert _decision(_guard(linked, "Write", file_path=str(linked.path / "infra/a")))[0] == "deny"
    assert _decision(_guard(linked, "Write", file_path=str(guarded.path / ".git/hooks/pre-push")))[0] == "deny"
    assert (guarded.path / ".git/byline/refusals").read_bytes().count(b"\n") == 2


def test_the_work_tree_has_no_say(guarded: Scratch) -> None:
    """F39: neither a policy that was edited, nor one that is gone, nor a branch that never had it changes what holds."""
    write = {"file_path": str(guarded.path / "infra/a")}
    guarded.write(POLICY, SOLO)
    assert _decision(_guard(guarded, "Write", **write))[0] == "deny"
    shutil.rmtree(guarded.path / ".byline")
    assert _decision(_guard(guarded, "Write", **write))[0] == "deny"
    guarded.git("checkout", "-q", "--orphan", "empty")
    guarded.git("rm", "-rqf", "--cached", ".")
    assert _decision(_guard(guarded, "Write", **write))[0] == "deny"


def test_the_rules_are_those_of_the_remote(guarded: Scratch, tmp_path: Path) -> None:
    """A commit of one's own neither adds nor takes a rule; a branch that was pushed takes none from the remote's own."""
    clone = guarded.clone(tmp_path / "clone")
    write = {"file_path": str(clone.path / "infra/a")}
    clone.write(POLICY, SOLO)
    clone.commit()
    assert _decision(_guard(clone, "Write", **write))[0] == "deny"
    clone.git("checkout", "-q", "-b", "topic")
    clone.git("push", "-q", "-u", "origin", "topic")
    assert _decision(_guard(clone, "Write", **write))[0] == "deny"
    assert _guard(clone, "Write", file_path=str(clone.path / "docs/a")) == NOTHING


def test_a_rule_about_models_asks_the_transcript(repository: Scratch, tmp_path: Path) -> None:
    repository.write(POLICY, ASK_DOCS)
    repository.commit()
    transcript = tmp_path / "t.jsonl"
    for model, expected in (("claude-opus-4", "ask"), ("other-1", None), (None, "ask")):
        message = {"model": model, "content": [{"type": "tool_use", "id": "t-1"}]}
        transcript.write_text(json.dumps({"message": message}) + "\n")
        payload = {
            "session_id": "s",
            "cwd": str(repository.path),
            "hook_event_name": "PreToolUse",
            "tool_name": "Write",
            "tool_use_id": "t-1",
        }
        asked = {"transcript_path": str(transcript), "tool_input": {"file_path": str(repository.path / "docs/a")}}
        said = _run(repository, "claude-code", json.dumps({**payload, **asked}).encode(), repository.path)
        assert (_decision(said)[0] if said.out else None) == expected, model


def test_an_agent_that_cannot_ask_is_denied_and_told_to(repository: Scratch) -> None:
    repository.write(POLICY, ASK_DOCS.replace("claude-", "gpt-"))
    repository.commit()
    patch = "*** Begin Patch\n*** Add File: docs/a.md\n+x\n*** End Patch\n"
    effect, reason = _decision(_guard(repository, "apply_patch", agent="codex", command=patch))
    assert (effect, "wants a person to say yes" in reason) == ("deny", True)
    line = f"apply_patch <<'PATCH'\n{patch}PATCH\n"
    assert _decision(_guard(repository, "Bash", agent="codex", command=line))[0] == "deny"
    assert _guard(repository, "Bash", agent="codex", command="ls") == NOTHING


def test_rules_that_cannot_be_read_let_nothing_through(guarded: Scratch) -> None:
    guarded.write(POLICY, NO_INFRA + "[[agent]]\n")
    guarded.commit()
    effect, reason = _decision(_guard(guarded, "Bash", command="ls"))
    assert (effect, "cannot be read" in reason) == ("deny", True)


def test_where_there_is_no_policy_nothing_is_started(repository: Scratch) -> None:
    """The interpreter that would be started is one that could not be overlooked."""
    python = repository.path.parent / "loud"
    python.write_text("#!/bin/sh\necho started\n")
    python.chmod(0o755)
    payload = json.dumps({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "rm -rf /"}}).encode()
    assert _run(repository, "claude-code", payload, repository.path, str(python)) == NOTHING
    assert _run(repository, "claude-code", payload, repository.path.parent, str(python)) == NOTHING
    repository.write(POLICY, SOLO)
    assert _run(repository, "claude-code", payload, repository.path, str(python)).out == "started\n"


def test_where_byline_is_gone_agents_go_on(guarded: Scratch) -> None:
    payload = json.dumps({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "terraform destroy"}}).encode()
    assert _run(guarded, "claude-code", payload, guarded.path, "/nowhere/python") == NOTHING


def test_a_payload_that_is_none_is_for_the_recording_hook_to_tell(guarded: Scratch) -> None:
    for payload in (b"", b"{", b"[]", b'{"hook_event_name": 1}', b'{"hook_event_name": "PostToolUse", "tool_name": "Bash"}'):
        assert _run(guarded, "claude-code", payload, guarded.path) == NOTHING


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_that_can_be_stopped_says_how(agent: str) -> None:
    """An adapter whose settings call the guard reads what is about to be done and says no; one that does not does neither."""
    adapter = find_adapter(agent)
    hooks = find_adapter(adapter.shares).hooks if adapter.shares else adapter.hooks
    is_guarded = any(call.guard for call in hooks)
    assert is_guarded == (adapter.parse_attempt is not None) == (adapter.format_denial is not None)
    if adapter.format_denial:
        denial = adapter.format_denial(Effect.ASK, "because")
        assert b"because" in denial.output + denial.error


def test_saved_payloads_name_what_is_about_to_be_done() -> None:
    found = {}
    for agent, environ in (("claude_code", {}), ("codex", {})):
        adapter = find_adapter(agent.replace("_", "-"))
        assert adapter.parse_attempt
        for path in sorted((PAYLOADS / agent).glob("*.json")):
            saved = json.loads(path.read_bytes())
            attempt = adapter.parse_attempt(json.dumps(saved.get("stdin", saved.get("payload", saved))).encode(), environ)
            if attempt:
                found[f"{agent}/{path.stem}"] = (attempt.paths, attempt.command is not None)
    assert found["claude_code/24-PreToolUse-Write"] == (("/repo/denied.py",), False)
    assert found["codex/05-PreToolUse-apply_patch"] == (("/repo/app.py", "/repo/human.py"), False)
    assert [name for name, (paths, is_command) in found.items() if not paths and is_command] == [
        "claude_code/15-PreToolUse-Bash", "codex/07-PreToolUse-Bash", "codex/09-PreToolUse-Bash",
    ]  # fmt: skip


def test_what_git_says_is_read_or_refused() -> None:
    assert [*parse_batch(b"a missing\n" + b"1" * 40 + b" blob 3\nx\ny\n" + b"@{u} missing\n")] == [None, b"x\ny", None]
    for cut in (b"", b"a missing\n", b"1" * 40 + b" blob 30\nx\n", b"no line end"):
        with pytest.raises(ValueError, match=r"."):
            base_policies(cut)


def test_an_answer_imports_nothing_that_it_does_not_need(guarded: Scratch) -> None:
    """The agent waits: what is known of a policy is not parsed again, and only a command needs the parser of shell lines."""
    assert _guard(guarded, "Write", file_path=str(guarded.path / "a.py"), content="x") == NOTHING
    loud = guarded.path.parent / "loud"
    loud.write_text(f'#!/bin/sh\nexec "{PROGRAM[0]}" -X importtime "$@"\n')
    loud.chmod(0o755)
    payload = {"session_id": "s-1", "cwd": str(guarded.path), "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_use_id": "t-1"}
    data = json.dumps({**payload, "tool_input": {"file_path": str(guarded.path / "a.py"), "content": "x"}}).encode()
    imported = {line.rpartition("|")[2].strip() for line in _run(guarded, "claude-code", data, guarded.path, str(loud)).err.splitlines()}
    assert "byline.core.access" in imported
    assert imported.isdisjoint(("typing", "hashlib", "tomllib", "datetime", "pathlib", "byline.core.policy", "byline.core.shell_line"))


def test_rules_are_those_of_the_policy_that_git_gives_and_of_no_other(guarded: Scratch) -> None:
    infra = str(guarded.path / "infra/db.tf")
    assert _decision(_guard(guarded, "Write", file_path=infra, content="x"))[0] == "deny"
    kept = (guarded.path / ".git/byline/rules").read_bytes()
    guarded.write(POLICY, SOLO)
    guarded.commit()
    assert _guard(guarded, "Write", file_path=infra, content="x") == NOTHING
    (guarded.path / ".git/byline/rules").write_bytes(kept)
    assert _guard(guarded, "Write", file_path=infra, content="x") == NOTHING


@pytest.mark.parametrize("kept", [b"", b"[]", b"{", b'{"schema": "byline.rules/1", "policies": [{"text": 1}]}', b'{"schema": "0"}'])
def test_rules_that_were_kept_and_cannot_be_read_are_read_anew(guarded: Scratch, kept: bytes) -> None:
    place = guarded.path / ".git/byline/rules"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(kept)
    assert _decision(_guard(guarded, "Write", file_path=str(guarded.path / "infra/db.tf"), content="x"))[0] == "deny"
    assert b"infra/**" in place.read_bytes()
    assert place.stat().st_mode & 0o777 == 0o600
    assert not [*place.parent.glob("*.tmp")]

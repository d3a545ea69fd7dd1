# SPDX-License-Identifier: Apache-2.0
"""The guard as it is installed: which rules it reads, what it lets through, what it tells the agent, and what it leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byline.capture.agents import Attempt, Kind, Observed
from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.launcher import format_launcher
from byline.capture.losses import read_losses
from byline.capture.permission import Permissions
from byline.capture.policies import base_policies, parse_batch
from byline.capture.refusals import MAX_BYTES
from byline.capture.spool import PROJECTS, agent_stub
from byline.core.access import Effect
from byline.core.attribution import Agent
from byline.core.refusal import parse_refusal
from byline.core.value import replace
from casework import SOLO
from installed import PROGRAM, Said, run
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOADS = Path(__file__).parents[1] / "vectors/payloads"
POLICY = ".byline/policy.toml"
NO_INFRA = SOLO + '\n[[agent]]\npaths = ["infra/**"]\ncommands = ["destroy-infrastructure"]\neffect = "deny"\nwhy = "people do that"\n'
ASK_DOCS = SOLO + '\n[[agent]]\nmodels = ["claude-*"]\npaths = ["docs/**"]\neffect = "ask"\n'


def _guard(repository: Scratch, tool: str, *, agent: str = "claude-code", cwd: Path | None = None, **asked: object) -> Said:
    """Let the agent's hook say what it says before a call of `tool`."""
    folder = cwd or repository.path
    payload = {"session_id": "s-1", "cwd": str(folder), "hook_event_name": "PreToolUse", "tool_name": tool, "tool_use_id": "t-1"}
    if agent == "codex":
        payload["model"] = "gpt-5.5"
    return _run(repository, agent, json.dumps({**payload, "tool_input": asked}).encode(), folder)


def _run(
    repository: Scratch, agent: str, payload: bytes, folder: Path, python: str = PROGRAM[0], environ: Mapping[str, str] | None = None
) -> Said:
    script = _install(repository, agent, python)
    return run("/bin/sh", str(script), "guard", cwd=folder, data=payload, environ=environ)


def _install(repository: Scratch, agent: str, python: str = PROGRAM[0]) -> Path:
    launcher = repository.path.parent / "launcher"
    launcher.write_bytes(format_launcher(python))
    script = repository.path.parent / f"{agent}.sh"
    script.write_text(agent_stub(agent, launcher=launcher))
    return script


def _decision(said: Said) -> tuple[str, str]:
    assert (said.code, said.err) == (0, "")
    told: dict[str, Any] = json.loads(said.out)["hookSpecificOutput"]
    return told["permissionDecision"], told["permissionDecisionReason"]


NOTHING = Said(0, "", "")
AGENT = Agent(name="claude-code")
COSTLY = (
    *("typing", "enum", "re", "json", "functools", "contextlib", "hashlib", "tomllib", "datetime", "pathlib"),
    *("byline.errors", "byline.core.attribution", "byline.core.edit", "byline.core.policy", "byline.core.table"),
)


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


@pytest.mark.parametrize("agent", ["claude-code", "kiro"])
def test_a_file_whose_name_is_no_text_is_not_written_either(guarded: Scratch, agent: str) -> None:
    name = f"{guarded.path}/infra/\udcff.tf"
    said = _guard(guarded, "Write" if agent == "claude-code" else "fsWrite", agent=agent, file_path=name, path=name, content="x")
    assert "infra/.tf" in said.out + said.err
    assert said.code == (0 if agent == "claude-code" else 2)
    (refusal,) = (guarded.path / ".git/byline/refusals").read_bytes().splitlines()
    assert parse_refusal(refusal).what == f"{guarded.path}/infra/.tf"


def test_a_guard_that_fails_says_no(guarded: Scratch, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text(f'#!/bin/sh\nexec "{PROGRAM[0]}" "$@" <&-\n')
    broken.chmod(0o755)
    said = _run(guarded, "claude-code", b"{}", guarded.path, str(broken))
    assert (said.code, said.out, "Tell the person you work for" in said.err) == (2, "", True)
    broken.write_text("#!/bin/sh\nexit 1\n")  # one that cannot even import what it is
    assert _run(guarded, "claude-code", b"{}", guarded.path, str(broken)).code == 2


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


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_a_tool_of_a_server_is_judged_by_the_names_of_its_arguments(guarded: Scratch, agent: str) -> None:
    """One that only reads, by its name, may name any file."""
    for tool, asked in (
        ("write_file", {"path": "infra/a"}),
        ("move", {"source": "a", "destination": "infra/a"}),
        ("sh", {"command": "$X"}),
    ):
        assert _decision(_guard(guarded, f"mcp__some__server__{tool}", agent=agent, **asked))[0] == "deny"
    for tool, asked in (("read_file", {"path": "infra/a"}), ("write_file", {"path": "a"}), ("ping", {})):
        assert _guard(guarded, f"mcp__some__server__{tool}", agent=agent, **asked) == NOTHING


def test_another_repository_has_its_own_say(guarded: Scratch, tmp_path: Path) -> None:
    """One beside the agent's, or one below: by its own rules, about paths from its own top. The refusal is kept there."""
    for place in (tmp_path / "other", guarded.path / "vendor/other"):
        other = type(guarded).create(place)
        other.write(POLICY, ASK_DOCS)
        other.commit()
        assert _decision(_guard(guarded, "Write", file_path=str(place / "docs/a")))[0] == "ask"
        assert _decision(_guard(guarded, "Bash", command=f"echo > {place}/docs/a"))[0] == "ask"
        assert _guard(guarded, "Write", file_path=str(place / "infra/a")) == NOTHING
        assert (place / ".git/byline/refusals").read_bytes().count(b"\n") == 2
    assert not (guarded.path / ".git/byline/refusals").exists()


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


@pytest.mark.parametrize(("agent", "tool", "file"), [("goose", "developer__write", "path"), ("crush", "write", "file_path")])
def test_an_agent_that_heeds_a_status_hears_no_on_standard_error(guarded: Scratch, agent: str, tool: str, file: str) -> None:
    def asks(name: str) -> Said:
        said = {"event": "PreToolUse", "session_id": "s-1", "cwd": str(guarded.path), "working_dir": str(guarded.path), "tool_name": tool}
        return _run(guarded, agent, json.dumps({**said, "tool_input": {file: name}}).encode(), guarded.path)

    assert asks("a.py") == NOTHING
    denied = asks("infra/db.tf")
    assert (denied.code, denied.out) == (2, "")
    assert "people do that" in denied.err
    assert asks(".agents/plugins/byline/hooks/hooks.json").code == asks(".crush.json").code == 2


def test_where_byline_is_gone_agents_go_on(guarded: Scratch) -> None:
    payload = json.dumps({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "terraform destroy"}}).encode()
    assert _run(guarded, "claude-code", payload, guarded.path, "/nowhere/python") == NOTHING


def test_a_call_that_cannot_be_read_is_not_made(guarded: Scratch) -> None:
    """Words that the agent's model chose must not be what makes the guard look away."""
    told = {"session_id": "s", "cwd": str(guarded.path), "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_use_id": "t"}
    deep = json.dumps({**told, "tool_input": {"file_path": "a.py", "more": []}}).encode().replace(b"[]", b"[" * 5000 + b"]" * 5000)
    odd = json.dumps({**told, "tool_input": {"file_path": str(guarded.path / "infra/\ud800")}}).encode()
    for payload in (b"", b"{", b"[]", b'{"hook_event_name": 1}', deep, odd, odd.replace(b"\\ud800", b"\xff")):
        effect, reason = _decision(_run(guarded, "claude-code", payload, guarded.path))
        assert (effect, "cannot be read" in reason) == ("deny", True), payload[:80]
    for line in (guarded.path / ".git/byline/refusals").read_bytes().splitlines():
        assert parse_refusal(line).rule == "built-in:unreadable"
    late = json.dumps({**told, "hook_event_name": "PostToolUse", "tool_input": {"file_path": str(guarded.path / "infra/a")}}).encode()
    assert _run(guarded, "claude-code", late, guarded.path) == NOTHING


def test_what_cannot_be_written_down_is_not_done_either(guarded: Scratch) -> None:
    """Neither a name that no record can hold nor a link or a folder in the place of the record makes a no a yes."""
    place = guarded.path / ".git/byline/refusals"
    target = guarded.path.parent / "elsewhere"
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(target)
    assert _decision(_guard(guarded, "Bash", command="echo x > infra/\ud800"))[0] == "deny"
    assert not target.exists()
    place.unlink()
    place.mkdir()
    assert _decision(_guard(guarded, "Bash", command="echo x > infra/a"))[0] == "deny"
    place.rmdir()
    place.write_bytes(b"\n" * (MAX_BYTES + 1))
    assert _decision(_guard(guarded, "Bash", command="echo x > infra/a"))[0] == "deny"
    assert place.stat().st_size == MAX_BYTES + 1, "an agent that tries for ever does not fill the disk"
    assert len(read_losses(place.parent)) == 3


def test_an_agent_that_left_the_folder_of_its_project_has_its_rules(guarded: Scratch, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    infra = str(guarded.path / "infra/a")
    payload = {"session_id": "s", "cwd": str(outside), "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_use_id": "t"}
    data = json.dumps({**payload, "tool_input": {"file_path": infra, "content": "x"}}).encode()
    for name in PROJECTS:
        environ = {name: str(guarded.path / "infra")}
        assert _decision(_run(guarded, "claude-code", data, outside, environ=environ))[0] == "deny", name
    harmless = data.replace(b"infra", b"docs_")
    assert _run(guarded, "claude-code", harmless, outside, environ={"CLAUDE_PROJECT_DIR": str(guarded.path)}) == NOTHING
    assert _run(guarded, "claude-code", data, outside, environ={"CLAUDE_PROJECT_DIR": str(outside)}) == NOTHING


@pytest.mark.parametrize("signals", ["", "SIGALRM"])
def test_a_git_that_hangs_holds_nobody_up(guarded: Scratch, tmp_path: Path, signals: str) -> None:
    """When the time is over the call is denied, and git and what it started are gone, also where who started us blocks the alarm."""
    git, python = tmp_path / "bin/git", tmp_path / "python"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\nwhile read -r _; do :; done\nsleep 1000 &\nkill -ALRM $PPID\nsleep 1000\n")
    blocks = f"import os, sys; from signal import *; pthread_sigmask(SIG_BLOCK, [{signals}]); os.execv('{PROGRAM[0]}', sys.argv)"
    python.write_text(f"#!{PROGRAM[0]}\n{blocks}\n")
    for each in (git, python):
        each.chmod(0o755)
    script = _install(guarded, "claude-code", str(python))
    payload = {"session_id": "s", "cwd": str(guarded.path), "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": "t"}
    ends, held = os.pipe()
    with subprocess.Popen(
        ["/bin/sh", str(script), "guard"],
        cwd=guarded.path, env={**os.environ, "PATH": f"{git.parent}:{os.environ['PATH']}"}, pass_fds=(held,),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as agent:  # fmt: skip
        os.close(held)
        out, err = agent.communicate(json.dumps({**payload, "tool_input": {"command": "ls"}}).encode(), timeout=60)
    with os.fdopen(ends, "rb") as file:
        assert file.read() == b"", "nobody has the other end any more"
    assert b"cannot be read" in out + err
    assert agent.returncode == (2 if err else 0)


@pytest.mark.parametrize("place", [POLICY, ".byline"])
@pytest.mark.parametrize("kind", ["link", "folder", "file", "committed"])
def test_what_is_no_policy_is_not_taken_for_none(repository: Scratch, home: Path, place: str, kind: str) -> None:
    """A link that leads nowhere, or a folder, where a file should be; a file, a link to one where a folder should be."""
    policy = repository.path / place
    policy.parent.mkdir(exist_ok=True)
    if kind == "folder" and place == ".byline":
        policy.mkdir()
        (policy / "trust.toml").write_text("")
        assert _guard(repository, "Bash", command="ls") == NOTHING
        return
    if kind == "folder":
        policy.mkdir()
    elif kind == "file" and place == ".byline":
        policy.write_text("")
    elif kind == "file":
        os.mkfifo(policy)
    else:
        policy.symlink_to("nowhere")
    if kind == "committed":
        repository.commit()
        policy.unlink()
        repository.write(".git/byline/guarded", "")
    effect, reason = _decision(_guard(repository, "Bash", command="ls"))
    assert (effect, "cannot be read" in reason) == ("deny", True)
    told = Observed(kind=Kind.NOTHING, agent=AGENT, session=None, call=None)
    refused = Permissions({"HOME": str(home)}).judge(Attempt(observed=told, cwd=str(repository.path), command="ls"))
    assert refused
    assert (refused.ruling.effect, refused.ruling.rule) == (Effect.DENY, "built-in:unreadable")


@pytest.mark.slow
def test_an_answer_comes_before_the_agent_stops_waiting(guarded: Scratch) -> None:
    """A question that takes long to answer is answered with no: agents take no answer for a yes."""
    line = "touch " + " ".join(f"a/{number}/$B" for number in range(3500))
    infra = "/".join(["*a"] * 400)
    guarded.write(POLICY, NO_INFRA + f'[[agent]]\npaths = ["{infra}"]\neffect = "deny"\n')
    guarded.commit()
    effect, reason = _decision(_guard(guarded, "Bash", command=line.replace("a/", "a" * 200 + "/")[:60_000]))
    assert (effect, "cannot be read" in reason) == ("deny", True)


def test_the_environment_does_not_lead_the_guard_elsewhere(guarded: Scratch, tmp_path: Path) -> None:
    other = Scratch.create(tmp_path / "other")
    payload = {"session_id": "s", "cwd": str(guarded.path), "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_use_id": "t"}
    data = json.dumps({**payload, "tool_input": {"file_path": str(guarded.path / "infra/a"), "content": "x"}}).encode()
    for name, value in {
        "GIT_DIR": str(other.path / ".git"),
        "GIT_COMMON_DIR": str(other.path / ".git"),
        "GIT_OBJECT_DIRECTORY": str(other.path / ".git/objects"),
        "GIT_WORK_TREE": str(other.path),
        "GIT_CEILING_DIRECTORIES": str(guarded.path.parent),
        "GIT_NAMESPACE": "x",
        "PATH": "/nowhere",
    }.items():
        assert _decision(_run(guarded, "claude-code", data, guarded.path, environ={name: value}))[0] == "deny", name


def test_remotes_count_whose_branches_were_packed(guarded: Scratch, tmp_path: Path) -> None:
    """A remote of any name counts, also where git keeps no folder for it, and whatever branch is checked out."""
    clone = guarded.clone(tmp_path / "clone", "--origin", "company")
    clone.git("checkout", "-q", "--no-track", "-b", "topic")
    clone.git("remote", "set-head", "company", "--delete")
    clone.write(POLICY, SOLO)
    clone.commit()
    clone.git("branch", "-q", "-f", "main", "topic")
    clone.git("pack-refs", "--all")
    assert not (clone.path / ".git/refs/remotes/company").exists()
    assert _decision(_guard(clone, "Write", file_path=str(clone.path / "infra/a")))[0] == "deny"


@pytest.mark.parametrize("filtered", ["blob:none", "tree:0"])
def test_a_policy_that_this_clone_does_not_have_is_not_taken_for_none(guarded: Scratch, tmp_path: Path, filtered: str) -> None:
    guarded.git("config", "uploadpack.allowFilter", "true")
    guarded.git("rm", "-q", "-r", ".byline")
    guarded.git("commit", "-q", "-m", "none")
    clone = Scratch(tmp_path / "clone")
    run("git", "clone", "-q", f"--filter={filtered}", f"file://{guarded.path}", str(clone.path), cwd=tmp_path)
    clone.write(".git/byline/guarded", "")
    assert _guard(clone, "Write", file_path=str(clone.path / "docs/a")) == NOTHING
    guarded.git("revert", "--no-edit", "HEAD")
    clone.git("fetch", "-q")
    effect, reason = _decision(_guard(clone, "Write", file_path=str(clone.path / "docs/a")))
    assert (effect, "cannot be read" in reason) == ("deny", True)
    clone.git("merge", "-q")
    assert _guard(clone, "Write", file_path=str(clone.path / "docs/a")) == NOTHING
    assert _decision(_guard(clone, "Write", file_path=str(clone.path / "infra/a")))[0] == "deny"


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
    payload = {"session_id": "s-1", "cwd": str(guarded.path), "hook_event_name": "PreToolUse", "tool_use_id": "t-1"}

    def imported(tool: str, **asked: str) -> set[str]:
        data = json.dumps({**payload, "tool_name": tool, "tool_input": asked}).encode()
        lines = _run(guarded, "claude-code", data, guarded.path, str(loud)).err.splitlines()
        return {line.rpartition("|")[2].strip() for line in lines}

    written = imported("Write", file_path=str(guarded.path / "a.py"), content="x")
    ran, denied = imported("Bash", command="make -j4"), imported("Write", file_path=str(guarded.path / "infra/a.tf"), content="x")
    for each in (written, ran, denied):
        assert "byline.core.access" in each
        assert each.isdisjoint(COSTLY)
    assert "byline.core.shell_line" in ran - written


@pytest.mark.parametrize("agent", AGENTS)
def test_no_adapter_imports_what_takes_longer_than_an_answer(agent: str) -> None:
    program = f"import sys; sys.path[:0] = {sys.path!r}; from byline.capture.agents.catalogue import find_adapter; find_adapter({agent!r})"
    done = subprocess.run([PROGRAM[0], "-I", "-S", "-X", "importtime", "-c", program], capture_output=True, text=True, check=True)
    assert {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}.isdisjoint(COSTLY)


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


def test_rules_that_were_kept_in_another_form_are_read_anew(guarded: Scratch) -> None:
    """A list that became a text, a number that became one: each would be about nothing, or fail each time."""
    infra = str(guarded.path / "infra/db.tf")
    assert _decision(_guard(guarded, "Write", file_path=infra, content="x"))[0] == "deny"
    place = guarded.path / ".git/byline/rules"
    whole = place.read_bytes()
    spoils: list[dict[str, object]] = [{"paths": ""}, {"paths": "infra/**"}, {"agents": [1]}, {"number": "1"}, {"number": True}]
    for spoil in [*spoils, {"why": None}, {"commands": [["x"]]}, {"effect": "allow"}]:
        kept = json.loads(whole)
        kept["policies"][0]["agents"][0].update(spoil)
        place.write_text(json.dumps(kept))
        effect, reason = _decision(_guard(guarded, "Write", file_path=infra, content="x"))
        assert (effect, "rule agent:1 (people do that)" in reason) == ("deny", True), spoil
        assert place.read_bytes() == whole


def test_who_asks_without_a_shell_hears_no_where_asking_fails(guarded: Scratch, home: Path) -> None:
    """An agent's word that cannot be read, an adapter that fails, a folder that cannot be: none of them is a yes."""

    def fails(_payload: bytes, _environ: Mapping[str, str]) -> Attempt | None:
        raise RuntimeError

    asks, adapter = Permissions({"HOME": str(home)}), find_adapter("claude-code")
    for each, cwd in ((adapter, guarded.path), (replace(adapter, parse_attempt=fails), guarded.path), (adapter, Path("\0"))):
        denial = asks.answer(each, b"{", environ={}, cwd=cwd)
        assert denial
        assert json.loads(denial.output)["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert asks.answer(adapter, b"{", environ={}, cwd=home) is None
    told = Observed(kind=Kind.NOTHING, agent=AGENT, session=None, call=None)
    assert asks.judge(Attempt(observed=told, cwd="\0", command="ls"))

# SPDX-License-Identifier: Apache-2.0
"""`byline delegate`: an agent signs with a key of its own, for a person, and nothing more."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.capture.places import agents_dir, make_private
from byline.core.bundle import format_bundle, join_receipt
from byline.core.delegation import format_delegation
from byline.core.finding import FindingCode
from byline.core.value import replace
from byline.flow.left import load_left
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger, fixed_signer
from byline_cli.keyfile import key_path
from byline_cli.mandate import load_delegation
from installed import PROGRAM, Installed
from until import wait_until

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
    told = clone.path.parent / "told"
    script = f"{work('src/b.py')}; {BYLINE} trust list >{told}.list; {BYLINE} doctor >{told}.doctor; exit 3"
    said = clone.byline("delegate", "--agent", "mine", "--paths", "src/**", "--", "sh", "-c", script)
    assert said.code == 3, said.err
    found = proven(clone)
    assert found["verified"], found
    (statement,) = found["statements"]  # type: ignore[misc]  # JSON
    person = json.loads(clone.byline("blame", "--json", "src/b.py").out)["ranges"][0]
    assert (person["origin"], person["agent"], person["verified"], person["person"]) == ("ai", "mine", True, statement["principal"])
    assert (statement["full"], len(statement["delegation"])) == (False, 64)
    assert keys() == []
    for name in ("list", "doctor"):
        assert "mine for p-" in told.with_suffix(f".{name}").read_text()
    assert "mine for p-" not in clone.byline("trust", "list").out
    assert "an agent's key for p-" in clone.byline("show", "HEAD").out
    assert f"by an agent's key for {statement['principal']}" in " ".join(clone.byline("why", "src/b.py:1").out.split())
    (signed,) = json.loads(clone.byline("why", "--json", "src/b.py:1").out)["statements"]
    assert signed["delegation"] == statement["delegation"]


def test_a_person_and_an_agent_commit_in_one_clone_and_each_signs_their_own(clone: Installed) -> None:
    """Nobody waits for anybody: whichever attester comes first signs for both."""
    unset = "env -u BYLINE_DELEGATION -u BYLINE_ON_BEHALF_OF -u BYLINE_SESSION"
    told = work("src/b.py").split(BYLINE + " attest")[0]
    typed = f"echo x = 2 >> a.py; {unset} git commit -qam typed"
    said = clone.byline(
        "delegate", "--agent", "mine", "--", "sh", "-c", f"{told} true; {typed}; {told.replace('src/b.py', 'src/c.py')} true"
    )
    assert said.code == 0, said.err
    clone.attest()
    found = [proven(clone, rev)["statements"] for rev in ("HEAD~2", "HEAD~1", "HEAD")]
    assert [len(each[0]["delegation"] or "") for each in found] == [64, 0, 64]  # type: ignore[index]  # JSON
    assert [len(each) for each in found] == [1, 1, 1]  # type: ignore[arg-type]  # JSON
    assert [clone.owners(name, rev="HEAD") for name in ("a.py", "src/b.py", "src/c.py")] == [["human"] * 2, ["ai"], ["ai"]]
    assert (json.loads(clone.byline("status", "--json").out)["left"], clone.losses(), keys()) == ([], [], [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_however_the_command_ends_so_does_the_delegation(clone: Installed, tmp_path: Path, number: signal.Signals) -> None:
    """What it committed by then is signed. What it left running commits under a delegation that is over, and that waits and is told."""
    remote = clone.scratch.clone(tmp_path / "remote", "--bare")
    clone.scratch.git("remote", "add", "origin", str(remote.path))
    told = work("src/b.py").split(BYLINE + " attest")[0]
    ours = signal.signal(number, signal.SIG_DFL)  # what the tests were started to ignore (nohup) no shell can trap
    words = [*PROGRAM, "delegate", "--agent", "mine", "--", "sh", "-c", f"{told} echo $BYLINE_DELEGATION; while :; do sleep 0.05; done"]
    process = subprocess.Popen(words, cwd=clone.path, stdout=-1, start_new_session=True)
    signal.signal(number, ours)
    assert process.stdout
    given = process.stdout.readline().decode().strip()
    os.killpg(process.pid, number) if number is signal.SIGINT else process.send_signal(number)
    assert process.wait(60) == 128 + number
    process.stdout.close()
    (standing,) = json.loads(clone.byline("delegate", "--list", "--json").out)["delegations"]
    assert (standing["state"], keys()) == ("over", [])
    assert (proven(clone)["verified"], json.loads(clone.byline("status", "--json").out)["outbox"]) == (True, 0)
    assert remote.git("rev-parse", "refs/byline/evidence") == clone.scratch.git("rev-parse", "refs/byline/evidence")
    clone.git("commit", "--allow-empty", "-qm", "later", BYLINE_DELEGATION=given)
    clone.attest()
    assert [each["delegation"] for each in json.loads(clone.byline("status", "--json").out)["left"]] == [given]


@pytest.mark.parametrize("command", [("--", "touch", "ran"), ()])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_interrupts_while_it_is_delegated_leaves_nothing_behind(
    clone: Installed, tmp_path: Path, command: tuple[str, ...], number: signal.Signals
) -> None:
    """Neither a key nor a delegation in force; the command is not even started."""
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    once = f"case $* in *update-ref*) [ -e {tmp_path}/told ] || {{ : >{tmp_path}/told; kill -{number:d} $PPID; }} ;; esac"
    program.write_text(f'#!/bin/sh\n{once}\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    words = [*PROGRAM, "delegate", "--agent", "mine", *command]
    done = subprocess.run(words, cwd=clone.path, env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, (clone.path / "ran").exists()) == (128 + number, b"", False), done
    (standing,) = json.loads(clone.byline("delegate", "--list", "--json").out)["delegations"]
    assert (standing["state"], keys()) == ("over", [])


def test_a_delegation_whose_process_was_killed_is_told_and_can_be_ended(clone: Installed) -> None:
    words = [*PROGRAM, "delegate", "--agent", "mine", "--", "sh", "-c", "echo ready; cat"]
    with subprocess.Popen(words, cwd=clone.path, stdin=-1, stdout=-1, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        (standing,) = json.loads(clone.byline("delegate", "--list", "--json").out)["delegations"]
        advice = f"byline delegate --end {standing['delegation'][:12]}"
        assert advice not in clone.byline("doctor").out
        process.kill()
        process.wait(60)
        assert advice in clone.byline("doctor").out
        assert process.stdin
        process.stdin.close()  # which ends what runs on
    assert clone.byline(*advice.split()[1:]).code == 0
    assert (advice in clone.byline("doctor").out, keys()) == (False, [])


def test_a_delegation_without_a_command_is_ended_and_what_was_signed_holds(clone: Installed) -> None:
    said = clone.byline("delegate", "--agent", "mine")
    environ = dict(line.removeprefix("export ").split("=", 1) for line in said.out.splitlines())
    name = said.err.split()[1].rstrip(":")
    clone.scratch.write("b.py", "y = 2\n")
    clone.scratch.git("add", "b.py")
    clone.git("commit", "-qm", "work", **environ)
    ended = clone.byline("delegate", "--end", name)
    assert (ended.code, ended.out.startswith("ended"), keys()) == (0, True, []), ended
    assert proven(clone)["verified"]
    assert clone.byline("delegate", "--end", name).code == 1
    assert f"over        {name}" in clone.byline("delegate", "--list").out
    revoked = clone.byline("delegate", "--revoke", name)  # somebody learns later that its key was copied
    assert (revoked.code, f"revoked     {name}" in clone.byline("delegate", "--list").out) == (0, True), revoked
    assert proven(clone)["codes"] == ["BL-DELEGATION-1"]


def test_what_nobody_can_sign_here_is_told_until_a_person_signs_it(clone: Installed) -> None:
    clone.scratch.write("a.py", "x = 1\ny = 2\n")
    given = clone.path.parent / "given"
    os.mkfifo(given)  # nobody waits for who might write into it
    clone.git("commit", "-qam", "work", BYLINE_DELEGATION=str(given))
    commit = clone.scratch.git("rev-parse", "--short=7", "HEAD")
    told = clone.byline("attest", "--wait")
    assert (told.code, f"not signed: {commit} waits" in told.out, f"byline attest {commit}" in told.err) == (0, True, True), told
    (left,) = json.loads(clone.byline("status", "--json").out)["left"]
    assert (left["delegation"], left["key"]) == (str(given), None)
    for command in ("status", "doctor"):
        said = clone.byline(command)
        assert f"{commit} waits for another key" in " ".join(said.out.split()), said
        assert "attest --wait" not in said.out, "which would sign it as little as before"
    assert "signed 1 statement" in clone.byline("attest", "--wait", "HEAD").out
    assert clone.owners("a.py", rev="HEAD") == ["human", "unknown"]
    assert json.loads(clone.byline("status", "--json").out)["left"] == []


def test_a_commit_with_a_key_that_is_not_there_is_told_at_once_with_the_way_out(clone: Installed) -> None:
    """And the next one, with a relative path from a folder below, is signed as if there were no other."""
    clone.scratch.write("sub/b.py", "y = 2\n")
    shutil.copy(key_path(os.environ), clone.path.parent / "own.pem")
    clone.scratch.git("add", "--all")
    clone.git("commit", "-qm", "mistyped", cwd=clone.path / "sub", BYLINE_KEY="../../on.pem")
    wait_until(lambda: bool(load_left(clone.path / ".git/byline")))  # by the attester that git's hook started
    first, missing = clone.scratch.git("rev-parse", "--short=7", "HEAD"), clone.path.parent / "on.pem"
    said = " ".join(clone.byline("status").out.split())
    assert (f"{first} waits for another key" in said, "which BYLINE_KEY names" in said) == (True, True), said
    refused = clone.byline("attest", cwd=clone.path / "sub", BYLINE_KEY="../../on.pem")
    assert (refused.code, "unset BYLINE_KEY" in refused.err, clone.losses()) == (2, True, []), refused
    for named in (str(missing), "~nobody-has-this-name/key.pem"):
        said = clone.byline("status", BYLINE_KEY=named)
        assert (said.code, "you are nobody in byl:" in said.out, ": there is no key at" in said.out) == (0, True, True), said
    clone.git("commit", "--allow-empty", "-qm", "right", cwd=clone.path / "sub", BYLINE_KEY="../../own.pem")
    clone.attest()
    assert [Path(each["key"]).resolve() for each in json.loads(clone.byline("status", "--json").out)["left"]] == [missing]
    assert (proven(clone)["verified"], proven(clone, "HEAD~1")["statements"]) == (True, [])
    assert clone.byline("attest", "HEAD~1").code == 0
    assert (json.loads(clone.byline("status", "--json").out)["left"], clone.owners("sub/b.py", rev="HEAD")) == ([], ["unknown"])


def test_beyond_the_scope_the_check_fails_and_the_line_stays_the_agents(clone: Installed) -> None:
    clone.byline("delegate", "--agent", "mine", "--paths", "docs/**", "--", "sh", "-c", work("src/b.py"))
    found = proven(clone)
    assert (found["verified"], found["codes"]) == (False, ["BL-DELEGATION-1"])
    said = json.loads(clone.byline("blame", "--json", "src/b.py").out)["ranges"][0]
    assert (said["origin"], said["verified"]) == ("ai", False)
    clone.scratch.write("c.py", "z = 3\n")
    clone.commit()
    next_one = clone.byline("verify", "--json", "HEAD")
    assert (next_one.code, [each["code"] for each in json.loads(next_one.out)["findings"]]) == (0, [FindingCode.UNPROVEN_LINK])


def test_a_delegation_is_ended(clone: Installed, tmp_path: Path) -> None:
    remote = clone.scratch.clone(tmp_path / "remote", "--bare")
    clone.scratch.git("remote", "add", "origin", str(remote.path))
    said = clone.byline("delegate", "--agent", "mine", "--for", "30m")
    environ = dict(line.removeprefix("export ").split("=", 1) for line in said.out.splitlines())
    assert sorted(environ) == ["BYLINE_DELEGATION", "BYLINE_ON_BEHALF_OF"]
    given = Path(environ["BYLINE_DELEGATION"])
    assert [path.stat().st_mode & 0o777 for path in (given, given.with_name("key.pem"))] == [0o600, 0o600]
    assert keys()[0].stat().st_mode & 0o777 == 0o700
    name = said.err.split()[1].rstrip(":")
    ended = clone.byline("delegate", "--revoke", name).out
    assert (ended.startswith("revoked"), "sent to origin" in ended) == (True, True)
    assert keys() == []
    assert json.loads(clone.byline("status", "--json").out)["outbox"] == 0
    sent, here = (each.git("rev-parse", "refs/byline/evidence") for each in (remote, clone.scratch))
    assert sent == here
    again = clone.byline("delegate", "--revoke", name)
    assert (again.code, again.out) == (1, f"no delegation {name} is there to be revoked\n")
    assert "mine for" not in clone.byline("trust", "list").out


def test_delegations_are_listed_and_linted(clone: Installed) -> None:
    assert clone.byline("delegate", "--list").out == "nobody delegated anything here\n"
    clone.byline("delegate", "--agent", "mine", "--for", "30m")
    clone.byline("delegate", "--agent", "mine", "--paths", "src/**")
    said = clone.byline("delegate", "--list", "--json")
    found = json.loads(said.out)["delegations"]
    assert [(each["state"], each["agent"]) for each in found] == [("in force", "mine")] * 2
    assert {str(each["paths"]) for each in found} == {"None", "['src/**']"}
    lint = clone.byline("trust", "lint").out
    assert ("lets mine sign for every path" in lint, "2 delegations of mine" in lint, "--end ID" in lint) == (True, True, True), lint
    wide = next(each["delegation"] for each in found if each["paths"] is None)
    clone.byline("delegate", "--revoke", wide[:12])
    assert f"revoked     {wide[:12]}" in clone.byline("delegate", "--list").out
    lint = clone.byline("trust", "lint").out
    assert "delegation" not in lint
    trust = clone.path / ".byline/trust.toml"
    trust.write_text(trust.read_text().replace('"authorship", ', ""))
    assert {each["state"] for each in json.loads(clone.byline("delegate", "--list", "--json").out)["delegations"]} == {"not proven"}
    assert clone.byline("trust", "lint").out.count("is not proven") == 2


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
        (("--end", "12345678", "--revoke", "12345678"), "name the agent"),
        (("--end", "12345678", "--", "true"), "is ended, or a command is run"),
        (("--agent", "a", "--list"), "name the agent"),
        (("--agent", "a", "--json"), "name the agent"),
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
    other = clone.path / "other.json"
    other.write_bytes(Path(environ["BYLINE_DELEGATION"]).read_bytes())
    other.with_name("key.pem").write_bytes(key_path(os.environ).read_bytes())
    other.with_name("key.pem").chmod(0o600)
    for wrong in (sys.executable, str(other)):
        refused = clone.byline("attest", **{**environ, "BYLINE_DELEGATION": wrong})
        assert (refused.code, "BL-CONFIG-1" in refused.err) == (2, True), refused


@pytest.mark.parametrize("hours", [-9, 1])
def test_outside_of_its_hours_by_the_clock_here_a_delegation_signs_nothing_and_says_why(clone: Installed, hours: int) -> None:
    said = clone.byline("delegate", "--agent", "mine")
    environ = dict(line.removeprefix("export ").split("=", 1) for line in said.out.splitlines())
    given, later, signer = Path(environ["BYLINE_DELEGATION"]), timedelta(hours=hours), fixed_signer(1)
    told = load_delegation(given)[1]
    moved = replace(told, issued_at=told.issued_at + later, expires_at=told.expires_at + later)
    given.write_bytes(format_bundle(join_receipt(sign_payload(format_delegation(moved), signer), signer.public, None)))
    refused = clone.byline("attest", **environ)
    assert (refused.code, f"from {moved.issued_at:%H:%M} to {moved.expires_at:%H:%M} UTC, and" in refused.err) == (2, True), refused


def test_a_ledger_that_cannot_be_asked_changes_nothing_of_how_the_command_ended(repository: Scratch) -> None:
    clone = Installed.create(repository, "--ledger", "https://ledger.example", "--log-key", MemoryLedger().vkey)
    said = clone.byline("delegate", "--agent", "mine", "--", "sh", "-c", "exit 7", BYLINE_LEDGERS="none.toml")
    assert (said.code, "none.toml cannot be read" in said.err, keys()) == (7, True, []), said
    assert [each["state"] for each in json.loads(clone.byline("delegate", "--list", "--json").out)["delegations"]] == ["over"]


def test_a_key_that_goes_while_another_is_made_hinders_nobody(clone: Installed) -> None:
    """Two delegations at once: what one of them lists the other has just removed."""
    make_private(agents_dir(os.environ))
    (agents_dir(os.environ) / ("0" * 16)).symlink_to("gone")
    said = clone.byline("delegate", "--agent", "mine", "--", "true")
    assert said.code == 0, said

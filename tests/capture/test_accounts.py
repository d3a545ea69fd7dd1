# SPDX-License-Identifier: Apache-2.0
"""Agents whose records are in another home folder, another account or a container: exact, or nobody declares their lines."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from accounts import account
from installed import PROGRAM, Installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scratch import Scratch


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="accounts-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_what_an_agent_in_another_home_recorded_is_declared_by_nobody(repository: Scratch, tmp_path: Path) -> None:
    """A container has a home folder of its own: until its inbox is settled, who commits does not know what its agent wrote."""
    repository.write("a.py", "x = 1\n")
    clone = Installed.create(repository)
    clone.commit()
    away = {"HOME": str(tmp_path / "away"), "XDG_STATE_HOME": str(tmp_path / "away/state")}
    with pytest.MonkeyPatch.context() as there:
        for name, value in away.items():
            there.setenv(name, value)
        (repository.path / ".git/byline.elsewhere").rename(tmp_path / "drop")  # a hook that cannot leave its mark exits 0 as ever
        clone.writes("b.py", b"theirs = 1\n")
        (tmp_path / "drop").rename(repository.path / ".git/byline.elsewhere")
        clone.writes("b.py", b"theirs = 1\ntheirs = 2\n")
    said = json.loads(clone.byline("status", "--json").out)["elsewhere"]
    assert [each["agent"] for each in said] == ["claude-code"]
    assert "another home" in clone.byline("doctor").out
    clone.scratch.write("a.py", "x = 1\ny = 2\n")
    clone.scratch.git("add", "a.py")
    clone.commit(add=False)
    clone.commit()
    assert clone.owners("a.py", rev="HEAD") == ["human", "unknown"]
    assert clone.owners("b.py", rev="HEAD") == ["unknown"] * 2
    assert json.loads(clone.byline("status", "--json").out)["elsewhere"] == []  # nothing is uncommitted
    clone.scratch.write("c.py", "mine = 1\n")
    clone.commit()
    assert clone.owners("c.py", rev="HEAD") == ["human"]

    with pytest.MonkeyPatch.context() as there:
        for name, value in away.items():
            there.setenv(name, value)
        clone.writes("e.py", b"theirs = 1\n")
    clone.scratch.git("stash", "--quiet", "--include-untracked")
    clone.commit()
    clone.scratch.git("stash", "pop", "--quiet")
    clone.commit()
    assert clone.owners("e.py", rev="HEAD") == ["unknown"]  # what was stashed may come back

    with pytest.MonkeyPatch.context() as there:
        for name, value in away.items():
            there.setenv(name, value)
        clone.writes("d.py", b"theirs = 1\n")
        assert clone.byline("status").code == 0  # settled there
    clone.commit()
    assert clone.owners("d.py", rev="HEAD") == ["ai"]


def test_what_a_command_in_another_home_writes_after_a_commit_is_declared_by_nobody(repository: Scratch, tmp_path: Path) -> None:
    """It still runs: the first commit leaves nothing uncommitted, and its mark stands all the same."""
    repository.write("a.py", "x = 1\n")
    clone = Installed.create(repository)
    clone.commit()
    told = {"tool_name": "Bash", "session_id": "s-1", "tool_use_id": "b", "tool_input": {"command": "make"}}
    with pytest.MonkeyPatch.context() as there:
        there.setenv("HOME", str(tmp_path / "away"))
        there.setenv("XDG_STATE_HOME", str(tmp_path / "away/state"))
        clone.hook("PreToolUse", **told)
    for number in range(2):
        repository.write("b.py", "theirs = 1\n" * (number + 1))
        clone.commit()
    assert clone.owners("b.py", rev="HEAD") == ["unknown"] * 2
    with pytest.MonkeyPatch.context() as there:
        there.setenv("HOME", str(tmp_path / "away"))
        there.setenv("XDG_STATE_HOME", str(tmp_path / "away/state"))
        clone.hook("PostToolUse", **told, tool_response={"stdout": "", "stderr": "", "interrupted": False})
    clone.commit()  # of nothing
    repository.write("c.py", "mine = 1\n")
    clone.commit()
    assert clone.owners("c.py", rev="HEAD") == ["human"]


def test_what_another_accounts_agent_wrote_is_not_the_owners(place: Path) -> None:
    ana, bob = account(place, "daemon"), account(place, "nobody")
    clone = ana.home / "clone"
    ana.git("init", "--quiet", "--initial-branch=main", str(clone), cwd=ana.home)
    ana.byline("init", "--agent", "claude-code", "--declare-own-lines", "--yes", cwd=clone)
    bob.byline("init", "--user", "--agent", "claude-code", "--yes", cwd=bob.home)
    ana.runs("sh", "-c", "echo x=1 >a.py; echo x=1 >b.py; chmod 777 . ; chmod 666 a.py", cwd=clone)
    ana.commits(clone)

    assert bob.runs("sh", "-c", "echo theirs=1 >>a.py", cwd=clone).code == 0
    bob.agent_wrote(clone / "a.py", old="x=1\n", new="x=1\ntheirs=1\n")
    assert [path.name for path in (bob.home / ".local/state/byline/inbox").glob("*.spool")] != []
    told = ana.byline("status", cwd=clone).out
    assert ("as nobody" in told, "or until nothing here is uncommitted" in told) == (True, True), told
    ana.commits(clone)
    assert ana.owners("a.py", clone) == ["human", "unknown"]

    assert bob.runs("sh", "-c", "echo theirs=2 >new; mv -f new b.py", cwd=clone).code == 0  # no hook told of it
    ana.runs("sh", "-c", "echo mine=1 >c.py", cwd=clone)
    ana.commits(clone)
    assert (ana.owners("b.py", clone), ana.owners("c.py", clone)) == (["unknown"], ["human"])


def test_who_looks_into_anothers_clone_is_told_to_make_one_and_doctor_sees_what_cannot_be_written(place: Path) -> None:
    ana, bob = account(place, "daemon"), account(place, "nobody")
    clone = ana.home / "clone"
    ana.git("init", "--quiet", "--initial-branch=main", str(clone), cwd=ana.home)
    ana.byline("init", "--no-agents", "--declare-own-lines", "--yes", cwd=clone)
    ana.commits(clone)
    bob.git("config", "--global", "safe.directory", "*", cwd=bob.home)
    said = bob.runs(*PROGRAM, "blame", ".byline/trust.toml", cwd=clone)
    assert (said.code, "hint: this clone is daemon's: git clone it" in said.err) == (3, True), said
    (clone / ".git/byline").chmod(0o500)
    said = ana.runs(*PROGRAM, "doctor", cwd=clone)
    assert (said.code, "bad   folders   .git/byline cannot be written" in said.out) == (1, True), said


def test_what_root_records_in_somebodys_clone_stays_theirs(place: Path) -> None:
    """An agent that runs as root, in a container or by sudo: its hooks and Byline leave nothing that the owner cannot use."""
    ana, root = account(place, "daemon"), account(place, "root")
    clone = ana.home / "clone"
    ana.git("init", "--quiet", "--initial-branch=main", str(clone), cwd=ana.home)
    root.git("config", "--global", "safe.directory", "*", cwd=root.home)
    root.byline("init", "--user", "--agent", "claude-code", "--yes", cwd=root.home)
    ana.runs("sh", "-c", "echo x=1 >a.py", cwd=clone)
    root.agent_runs("echo theirs=1 >>a.py; echo theirs=1 >b.py", clone)
    root.byline("status", cwd=clone)
    assert foreign(clone / ".git", but=ana.uid) == []

    ana.byline("init", "--agent", "claude-code", "--declare-own-lines", "--yes", cwd=clone)
    root.agent_wrote(clone / "b.py", old="theirs=1\n", new="theirs=1\n")
    root.agent_runs("echo theirs=2 >>a.py", clone)
    root.byline("status", cwd=clone)
    ana.commits(clone)
    assert (ana.owners("a.py", clone)[1:], ana.owners("b.py", clone)) == (["ai", "ai"], ["ai"])
    (clone / ".git/refs/byline/extra").mkdir()  # as git makes it in root's name
    root.byline("status", cwd=clone)
    assert foreign(clone / ".git", but=ana.uid) == []


def foreign(folder: Path, *, but: int) -> list[str]:
    """Return what below `folder` does not belong to the account `but`; what an attester takes away meanwhile belongs to nobody."""
    found = []
    for at, folders, names in os.walk(folder):
        for path in (Path(at, name) for name in folders + names):
            with suppress(FileNotFoundError):
                found += [str(path)] if path.lstat().st_uid != but else []
    return found


def test_a_shared_clone_is_shared_with_what_byline_keeps_in_it(place: Path) -> None:
    """`core.sharedRepository`, as git follows it; secrets are nobody else's."""
    ana, bob = account(place, "daemon", gid=100), account(place, "nobody", gid=100)
    clone = place / "shared"
    clone.mkdir()
    os.chown(clone, ana.uid, 100)
    clone.chmod(0o2770)
    ana.git("init", "--quiet", "--initial-branch=main", "--shared=group", ".", cwd=clone)
    for one in (ana, bob):
        one.git("config", "--global", "safe.directory", "*", cwd=one.home)
        one.byline("init", "--user", "--agent", "claude-code", "--declare-own-lines", "--yes", cwd=one.home)
    ana.byline("init", "--declare-own-lines", "--commit-prompts", "--yes", cwd=clone)
    ana.runs("sh", "-c", "echo x=1 >a.py", cwd=clone, umask=0o002)
    ana.commits(clone)

    bob.agent_runs("echo theirs=1 >>a.py", clone)
    bob.byline("status", cwd=clone)
    assert json.loads(ana.byline("status", "--json", cwd=clone).out)["elsewhere"] == []
    ana.commits(clone)
    assert ana.owners("a.py", clone) == bob.owners("a.py", clone) == ["human", "ai"]
    ana.agent_runs("echo hers=1 >b.py", clone)
    bob.commits(clone)  # her mark is not his to remove: he signs all the same, and declares nothing
    bob.byline("attest", "--wait", cwd=clone)
    assert bob.owners("b.py", clone) == ["unknown"]
    (row,) = json.loads(bob.byline("status", "--json", cwd=clone).out)["elsewhere"]
    assert (row["account"], row["keeper"]) == ("daemon", "daemon")
    told = " ".join(bob.byline("status", cwd=clone).out.split())
    assert "Until then, or until daemon, whose clone this is, commits and nothing here is uncommitted" in told
    ana.byline("status", cwd=clone)
    assert json.loads(bob.byline("status", "--json", cwd=clone).out)["elsewhere"] == []

    bob.agent_runs("echo theirs=2 >>a.py", clone)
    ana.runs("sh", "-c", "umask 077; : >.git/byline/prompts", cwd=clone)  # as her hooks make it
    bob.commits(clone)
    assert ana.owners("a.py", clone) == ["human", "ai", "ai"]
    kept = clone / ".git/byline"
    assert kept.stat().st_mode & 0o7777 == 0o2770
    for name in ("journal", "state.json", "recorder.json", "identity.json", "lock", "cache.db", "contents", "marks", "outbox"):
        assert (kept / name).stat().st_mode & 0o060 == 0o060, name
    for name in ("ledger/log.key", "prompts"):
        assert (kept / name).stat().st_mode & 0o077 == 0, name

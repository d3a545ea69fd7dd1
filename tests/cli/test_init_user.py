# SPDX-License-Identifier: Apache-2.0
"""`byline init --user` with real git: all repositories record, each one's own hooks have their say, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from byline.capture.git_hooks import GIT_HOOKS, NOT_CALLED, USER_HOOKS
from byline.capture.inbox import MAX_WAITING
from byline.capture.marks import list_marks
from installed import PROGRAM, Installed, Said, run
from scratch import Scratch

TELL = '#!/bin/sh\necho "$(basename "$0")|$*|$(cat)" >>"$HOME/said"\n'


class User(Installed):
    """A repository of a user who ran `init --user`; the agent's settings are the user's."""

    def commands(self, event: str, tool: str) -> list[str]:
        local = self.path / ".claude"
        local.mkdir(exist_ok=True)
        shutil.copy(Path.home() / ".claude/settings.json", local / "settings.local.json")
        found = super().commands(event, tool)
        shutil.rmtree(local)
        return found


def set_up(cwd: Path, *options: str) -> Said:
    said = run(*PROGRAM, "init", "--user", "--agent", "claude-code", "--yes", *options, cwd=cwd)
    assert said.code == 0, said
    return said


def undo(cwd: Path) -> Said:
    return run(*PROGRAM, "init", "--user", "--undo", cwd=cwd)


def write_hook(folder: Path, name: str, text: str = TELL, *, mode: int = 0o755) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def said_by_hooks(home: Path) -> list[str]:
    place = home / "said"
    text = place.read_text() if place.exists() else ""
    place.unlink(missing_ok=True)
    return text.splitlines()


def hooks_of(home: Path) -> Path:
    return home / ".local/share/byline/hooks"


@pytest.fixture
def user(home: Path, repository: Scratch) -> User:
    set_up(home)
    return User(repository)


def test_every_repository_of_the_user_records_and_blame_knows(user: User, home: Path) -> None:
    user.writes("a.py", b"by the agent\n")
    user.scratch.git("add", ".")
    user.scratch.git("commit", "-qm", "first")
    assert len(list_marks(user.path / ".git/byline")) + (user.path / ".git/byline/journal").exists() > 0
    user.attest()
    assert user.owners("a.py", rev="HEAD") == ["ai"]
    other = User(Scratch.create(home.parent / "cloned later"))
    other.writes("b.py", b"x\n")
    other.commit()
    assert other.owners("b.py", rev="HEAD") == ["ai"]


@pytest.mark.parametrize("place", ["linked", "submodule", "sub folder"])
def test_an_agent_is_recorded_wherever_it_works(user: User, tmp_path: Path, place: str) -> None:
    scratch, inner = user.scratch, Scratch.create(tmp_path / "inner")
    scratch.commit("base", "--allow-empty")
    if place == "linked":
        scratch = scratch.linked(tmp_path / "linked")
    elif place == "submodule":
        inner.commit("inner", "--allow-empty")
        scratch = scratch.submodule("sub", inner)
    else:
        scratch.write("sub/own.py", "mine\n")
        scratch = Scratch(scratch.path / "sub")
    inside = User(scratch)
    inside.writes("a.py", b"by the agent\n")
    common = Path(scratch.git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    assert (common / "byline/marks").is_dir()
    scratch.git("add", "a.py")
    scratch.git("commit", "-qm", "x", "a.py")
    inside.attest()
    assert inside.owners("a.py", rev="HEAD") == ["ai"]


def test_where_nobody_chose_byline_nothing_leaves_the_clone_and_nothing_shared_is_changed(user: User, tmp_path: Path) -> None:
    remote = Scratch.create(tmp_path / "remote", "--bare")
    user.scratch.git("remote", "add", "origin", str(remote.path))
    before = (user.path / ".git/config").read_bytes()
    user.writes("a.py", b"by the agent\n")
    user.commit()
    user.scratch.git("push", "-q", "origin", "main")
    said = run(
        sys.executable, "-c", "from byline_cli.attester import main; main()", "attest", "--background", "--push=origin", cwd=user.path
    )
    assert said.code == 0, said
    assert remote.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert (user.path / ".git/config").read_bytes() == before
    assert user.scratch.git("status", "--porcelain") == ""
    assert not (user.path / ".byline").exists()
    doctor = user.byline("doctor")
    assert doctor.code == 0, doctor
    assert "evidence is neither fetched nor sent" in " ".join(doctor.out.split())


def test_a_repository_in_which_no_agent_worked_has_no_trace(user: User) -> None:
    user.scratch.write("a", "1")
    user.scratch.commit()
    assert not (user.path / ".git/byline").exists()
    assert user.scratch.git("for-each-ref", "refs/byline") == ""
    assert "without a statement" not in user.byline("status").out, "it is from before anything was recorded"


def test_init_later_takes_the_identity_over_and_what_was_signed_counts(user: User) -> None:
    user.writes("a.py", b"by the agent\n")
    user.commit()
    own = json.loads((user.path / ".git/byline/own-identity.json").read_text())
    assert user.byline("init", "--yes").code == 0
    assert own["repository"] in (user.path / ".byline/trust.toml").read_text()
    assert user.byline("verify", "HEAD").code == 0
    assert user.owners("a.py", rev="HEAD") == ["ai"]


def test_one_commit_is_one_mark_also_where_both_are_installed(user: User) -> None:
    assert user.byline("init", "--yes").code == 0
    launcher = Path.home() / ".local/share/byline/launcher"
    launcher.unlink()  # no attester: the marks stay
    user.scratch.commit()
    assert [path.name.split(".")[1] for _, path in list_marks(user.path / ".git/byline")] == ["post-commit"]
    user.scratch.git("commit", "-q", "--amend", "-m", "again")
    assert sorted(path.name.split(".")[1] for _, path in list_marks(user.path / ".git/byline")) == ["post-commit"] * 2 + ["post-rewrite"]


def test_undo_restores_every_byte(home: Path) -> None:
    config, settings = home / ".gitconfig", home / ".claude/settings.json"
    settings.parent.mkdir()
    settings.write_text('{"model": "x",\n "hooks": {}}')
    config.write_text(config.read_text() + "[core]\n  hooksPath=~/mine ; theirs\n")
    before = {path: path.read_bytes() for path in (config, settings)}
    set_up(home)
    assert "everything is in place" in set_up(home).out
    assert undo(home).code == 0
    assert {path: path.read_bytes() for path in (config, settings)} == before
    assert not hooks_of(home).exists()
    assert "nothing to undo" in undo(home).out


def test_undo_after_a_change_takes_out_what_is_ours_and_gives_the_former_folder_back(home: Path, repository: Scratch) -> None:
    repository.git("config", "--global", "core.hooksPath", "~/mine")
    set_up(home)
    repository.git("config", "--global", "alias.st", "status")
    set_up(home)
    assert undo(home).code == 0
    assert repository.git("config", "--global", "core.hooksPath") == "~/mine"
    assert repository.git("config", "--global", "alias.st") == "status"


def test_a_git_configuration_that_was_not_there_is_removed_again(home: Path) -> None:
    (home / ".gitconfig").unlink()
    set_up(home)
    assert undo(home).code == 0
    assert not (home / ".gitconfig").exists()


def test_the_hooks_of_a_former_folder_are_called_and_the_repositorys_are_not_as_before(home: Path, repository: Scratch) -> None:
    repository.git("config", "--global", "core.hooksPath", "~/my hooks")
    write_hook(home / "my hooks", "pre-commit")
    write_hook(repository.path / ".git/hooks", "commit-msg")
    set_up(home)
    set_up(home)
    repository.commit("x", "--allow-empty")
    assert said_by_hooks(home) == ["pre-commit||"]


@pytest.mark.parametrize("place", ["plain", "linked", "submodule", "separate", "GIT_DIR"])
def test_a_repositorys_own_hooks_are_called_as_git_would(user: User, home: Path, tmp_path: Path, place: str) -> None:
    """Arguments, input, order and the folder they run in: the same without Byline."""
    scratch, hooks, environ = user.scratch, user.path / ".git/hooks", {}
    inner = Scratch.create(tmp_path / "inner")
    scratch.commit("base", "--allow-empty")
    if place == "linked":
        scratch = scratch.linked(tmp_path / "linked")
    elif place == "submodule":
        inner.commit("inner", "--allow-empty")
        scratch, hooks = scratch.submodule("sub", inner), scratch.path / ".git/modules/sub/hooks"
    elif place == "separate":
        scratch = Scratch.create(tmp_path / "elsewhere", f"--separate-git-dir={tmp_path / 'kept'}")
        hooks = tmp_path / "kept/hooks"
    elif place == "GIT_DIR":
        environ = {"GIT_DIR": str(scratch.path / ".git"), "GIT_WORK_TREE": str(scratch.path)}
    for name in USER_HOOKS:
        write_hook(hooks, name)
    cwd = tmp_path if environ else scratch.path
    heard = []
    for off in (False, True):
        if off:
            undo(home)
        for words in (
            ["commit", "-qm", "x", "--allow-empty"],
            ["commit", "-q", "--amend", "--allow-empty", "-m", "y"],
            ["checkout", "-q", "-B", "side"],
        ):
            said = run("git", *words, cwd=cwd, environ=environ)
            assert (said.code, said.err) == (0, "")
        heard.append([re.sub("[0-9a-f]{40}", "ID", line).split("|") for line in said_by_hooks(home)])
    assert heard[0] == heard[1]
    assert [name for name, *_ in heard[0]] == [
        *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"),
        *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite", "post-checkout"),
    ]


def test_a_bare_repositorys_hooks_receive_as_before_and_nothing_of_ours_is_there(user: User, home: Path, tmp_path: Path) -> None:
    bare = Scratch.create(tmp_path / "bare", "--bare")
    for name in ("pre-receive", "update", "post-receive", "post-update"):
        write_hook(bare.path / "hooks", name)
    user.scratch.commit("x", "--allow-empty")
    new = user.scratch.git("rev-parse", "HEAD")
    user.scratch.git("push", "-q", str(bare.path), "main")
    line = f"{'0' * 40} {new} refs/heads/main"
    assert said_by_hooks(home) == [
        f"pre-receive||{line}", f"update|refs/heads/main {'0' * 40} {new}|", f"post-receive||{line}", "post-update|refs/heads/main|",
    ]  # fmt: skip
    assert not (bare.path / "byline").exists()
    write_hook(bare.path / "hooks", "pre-receive", "#!/bin/sh\nexit 1\n")
    user.scratch.commit("y", "--allow-empty")
    assert run("git", "push", str(bare.path), "main", cwd=user.path).code == 1
    assert run(*PROGRAM, "doctor", cwd=bare.path).code == 0


@pytest.mark.parametrize("hook", ["pre-commit", "commit-msg", "prepare-commit-msg"])
def test_a_hook_that_refuses_is_obeyed_and_no_verify_still_skips_it(user: User, hook: str) -> None:
    write_hook(user.path / ".git/hooks", hook, "#!/bin/sh\necho no >&2\nexit 3\n")
    said = run("git", "commit", "-qm", "x", "--allow-empty", cwd=user.path)
    assert (said.code, said.err) == (1, "no\n")
    assert (run("git", "commit", "-qnm", "x", "--allow-empty", cwd=user.path).code == 0) is (hook != "prepare-commit-msg")


def test_git_says_itself_that_a_hook_is_not_executable(user: User) -> None:
    write_hook(user.path / ".git/hooks", "pre-commit", mode=0o644)
    write_hook(user.path / ".git/hooks", "post-commit", mode=0o644)
    ours = run("git", "commit", "-qm", "x", "--allow-empty", cwd=user.path)
    undo(user.path)
    theirs = run("git", "commit", "-qm", "x", "--allow-empty", cwd=user.path)
    assert ours.code == theirs.code == 0
    assert ours.err.replace(f"{user.path}/", "") == theirs.err
    assert theirs.err.count("hint:") == 4
    set_up(user.path)
    user.scratch.git("config", "advice.ignoredHook", "false")
    assert run("git", "commit", "-qm", "x", "--allow-empty", cwd=user.path) == Said(0, "", "")


def test_a_hook_has_the_environment_and_the_permissions_that_git_gives_it(user: User, home: Path) -> None:
    (user.path / ".git/byline/marks").mkdir(parents=True)
    write_hook(user.path / ".git/hooks", "post-commit", '#!/bin/sh\n{ umask; env | grep -v -e "^_=" -e ^GIT_ ; } >"$HOME/env"\n')
    told = []
    for _ in range(2):
        environ = dict.fromkeys(("g", "c", "h", "name", "status", "python", "remote", "chained"), "theirs")
        assert run("sh", "-c", "umask 027; git commit -qm x --allow-empty", cwd=user.path, environ=environ).code == 0
        told.append(sorted(line for line in (home / "env").read_text().splitlines() if not line.startswith(("OLDPWD", "SHLVL"))))
        undo(user.path)
    assert told[0] == told[1]


def test_a_hook_that_is_a_copy_or_a_link_of_ours_does_not_run_for_ever(user: User, home: Path) -> None:
    hooks = user.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    shutil.copy(hooks_of(home) / "pre-commit", hooks / "pre-commit")
    (hooks / "post-commit").symlink_to(hooks_of(home) / "post-commit")
    user.scratch.commit("x", "--allow-empty")


def test_hooks_of_a_template_are_called_in_repositories_that_are_made_and_cloned(user: User, home: Path) -> None:
    write_hook(home / "template/hooks", "post-checkout")
    user.scratch.git("config", "--global", "init.templateDir", str(home / "template"))
    user.scratch.commit("x", "--allow-empty")
    user.scratch.clone(home / "clone")
    assert [line.split("|")[0] for line in said_by_hooks(home)] == ["post-checkout"]


def test_a_repository_with_a_hooks_folder_of_its_own_is_as_it_was_and_doctor_says_so(user: User, home: Path) -> None:
    """As husky does: a folder in the work tree, ignored, named by the repository's configuration."""
    write_hook(user.path / ".husky/_", "pre-commit", '#!/bin/sh\necho husky >>"$HOME/said"\n')
    (user.path / ".husky/_/.gitignore").write_text("*")
    user.scratch.git("config", "core.hooksPath", ".husky/_")
    user.writes("a.py", b"x\n")
    user.scratch.commit()
    assert list_marks(user.path / ".git/byline") == ()
    doctor = user.byline("doctor")
    assert doctor.code == 1
    assert "turns the hooks of all repositories off" in " ".join(doctor.out.split())
    assert user.byline("init", "--yes").code == 0
    assert user.byline("doctor").code == 0
    (home / ".local/share/byline/launcher").unlink()
    user.scratch.commit("again")
    assert len(list_marks(user.path / ".git/byline")) == 1
    assert said_by_hooks(home) == ["husky", "husky"]


def test_doctor_names_own_hooks_that_cannot_be_called_and_the_way_out_works(user: User, home: Path) -> None:
    for name in NOT_CALLED:
        assert not (hooks_of(home) / name).exists()
    write_hook(user.path / ".git/hooks", "reference-transaction")
    doctor = user.byline("doctor")
    assert doctor.code == 1
    (advice,) = [line.split("-> ")[1] for line in doctor.out.splitlines() if "-> git config" in line]
    assert run("sh", "-c", advice.split(" && ")[0], cwd=user.path).code == 0
    assert user.byline("init", "--yes").code == 0
    user.scratch.commit("x", "--allow-empty")
    assert "reference-transaction" in said_by_hooks(home)[0]


def test_hooks_that_something_took_away_or_over_are_named_and_mended(user: User, home: Path) -> None:
    (hooks_of(home) / "pre-push").unlink()
    write_hook(hooks_of(home), "pre-commit", "#!/bin/sh\n")
    doctor = user.byline("doctor")
    assert doctor.code == 1
    assert "not there, or not ours: pre-push, pre-commit -> byline init --user" in " ".join(doctor.out.split())
    set_up(home)
    assert "not ours" not in user.byline("doctor").out


@pytest.mark.parametrize("gone", ["interpreter", "package", "launcher", "all"])
def test_a_byline_that_is_gone_stops_neither_git_nor_the_agent(user: User, home: Path, gone: str) -> None:
    data = home / ".local/share/byline"
    user.writes("a.py", b"1\n")
    if gone == "all":
        shutil.rmtree(data)
    elif gone == "launcher":
        (data / "launcher").unlink()
    else:
        (data / "launcher").write_text("/gone/python\n/gone\n" if gone == "interpreter" else f"{sys.executable}\n/gone/snapshot.py\n")
    user.scratch.git("add", "a.py")
    assert run("git", "commit", "-qm", "x", cwd=user.path) == Said(0, "", "")
    assert run("git", "commit", "-q", "--amend", "-m", "y", cwd=user.path) == Said(0, "", "")
    if gone != "all":
        user.writes("a.py", b"2\n")
        user.runs("echo 3 >>a.py")


def test_hooks_do_not_fill_the_disk_where_byline_is_gone_for_good_and_one_that_comes_back_says_so(user: User, home: Path) -> None:
    inbox = home / ".local/state/byline/inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    for number in range(MAX_WAITING - 1):
        (inbox / f"x{number}.spool").write_bytes(b"")
    (home / ".local/share/byline/launcher").unlink()
    for number in range(3):
        user.writes("a.py", b"%d\n" % number)
    assert len(list(inbox.glob("*.spool"))) == MAX_WAITING
    for each in inbox.glob("x*.spool"):
        each.unlink()
    assert len(user.losses()) == 1
    assert "what came after was not kept" in " ".join(user.byline("doctor").out.split())
    assert user.owners("a.py") == ["unknown"]


def test_a_folder_of_hooks_that_the_user_shares_is_joined_by_the_user_wide_way(home: Path, repository: Scratch) -> None:
    repository.git("config", "--global", "core.hooksPath", "~/mine")
    said = run(*PROGRAM, "init", "--yes", cwd=repository.path)
    assert (said.code, "byline init --user" in said.err) == (0, True)
    doctor = run(*PROGRAM, "doctor", cwd=repository.path)
    assert (doctor.code, "-> byline init --user, which calls those hooks" in doctor.out) == (1, True)
    set_up(home)
    assert run(*PROGRAM, "doctor", cwd=repository.path).code == 0


def test_hooks_that_a_team_commits_call_ours(home: Path, repository: Scratch) -> None:
    repository.git("config", "core.hooksPath", "team")
    for hook in GIT_HOOKS:
        repository.write(f"team/{hook}", "#!/bin/sh\n")
    said = run(*PROGRAM, "init", "--yes", cwd=repository.path)
    how = "as the last line of its post-commit, post-merge, post-rewrite, pre-push, and commit that (it does nothing without Byline): "
    line = said.err.split(how)[1].split("\n")[0]
    assert run(*PROGRAM, "doctor", cwd=repository.path).code == 1
    for hook in GIT_HOOKS:
        repository.write(f"team/{hook}", f"#!/bin/sh\n{line.replace('HOOK', hook)}\n")
        (repository.path / "team" / hook).chmod(0o755)
    doctor = run(*PROGRAM, "doctor", cwd=repository.path)
    assert (doctor.code, "called by those in team" in doctor.out) == (0, True)
    (home / ".local/share/byline/launcher").unlink()  # no attester: the mark stays
    repository.commit()
    assert len(list_marks(repository.path / ".git/byline")) == 1
    assert run(*PROGRAM, "init", "--undo", cwd=repository.path).code == 0
    repository.write("a.py", "after = 1\n")
    repository.commit()  # what is not there is not called
    assert not (repository.path / ".git/byline/hooks").exists()


def test_hooks_that_a_team_has_not_got_are_put_into_its_folder_for_this_clone_alone(home: Path, repository: Scratch) -> None:
    repository.git("config", "core.hooksPath", "team")
    repository.write("team/pre-push", "#!/bin/sh\n")
    repository.commit()
    assert run(*PROGRAM, "init", "--no-agents", "--yes", cwd=repository.path).code == 0
    doctor = run(*PROGRAM, "doctor", cwd=repository.path)
    assert "as the last line of its pre-push, and commit that" in " ".join(doctor.out.split())
    assert repository.git("status", "--porcelain", "-uall", "--", "team") == ""
    (home / ".local/share/byline/launcher").unlink()  # no attester: the mark stays
    repository.commit("x", "--allow-empty")
    assert len(list_marks(repository.path / ".git/byline")) == 1
    assert run(*PROGRAM, "init", "--undo", cwd=repository.path).code == 0
    assert sorted(each.name for each in (repository.path / "team").iterdir()) == ["pre-push"]


def test_each_start_mends_a_launcher_that_leads_nowhere_and_leaves_one_that_works(user: User, home: Path) -> None:
    launcher = home / ".local/share/byline/launcher"
    good = launcher.read_bytes()
    for bad in (b"/gone/python\n/gone\n", good.split(b"\n")[0] + b"\n/gone\n", b"", b"\0\n\0\n"):
        launcher.write_bytes(bad)
        user.byline("--version")
        assert launcher.read_bytes() == good
    other = b"/bin/sh\n/dev/null\n"
    launcher.write_bytes(other)
    user.byline("--version")
    assert launcher.read_bytes() == other
    launcher.unlink()
    user.byline("--version")
    assert not launcher.exists()


def test_declared_lines_are_the_users_in_every_repository(home: Path, repository: Scratch) -> None:
    set_up(home, "--declare-own-lines")
    user = User(repository)
    user.writes("a.py", b"agent\n")
    user.commit()
    user.scratch.write("a.py", "agent\nmine\n")
    user.commit()
    assert user.owners("a.py", rev="HEAD") == ["ai", "human"]
    assert undo(home).code == 0
    assert run("git", "config", "--global", "byline.declareOwnLines", cwd=home).code == 1


def test_options_of_one_repository_are_refused_and_questions_need_an_answer(home: Path) -> None:
    said = run(*PROGRAM, "init", "--user", "--policy", "team", cwd=home)
    assert (said.code, said.err.splitlines()[0]) == (2, "byline: error: --policy is for one repository")
    before = (home / ".gitconfig").read_bytes()
    assert run(*PROGRAM, "init", "--user", cwd=home).code == 2
    assert (home / ".gitconfig").read_bytes() == before
    (home / ".claude").mkdir()
    (home / ".claude/settings.json").write_text("{")
    said = run(*PROGRAM, "init", "--user", "--agent", "claude-code", "--yes", cwd=home)
    assert (said.code, "settings.json is not JSON" in said.err) == (2, True)
    assert not hooks_of(home).exists()


def test_every_stub_is_posix_shell(user: User, home: Path) -> None:
    assert user.path
    assert {path.name for path in hooks_of(home).iterdir()} == set(USER_HOOKS) > set(GIT_HOOKS)
    for path in hooks_of(home).iterdir():
        subprocess.run(["sh", "-n", path], check=True, timeout=60)
        assert os.access(path, os.X_OK)
        assert "@" not in path.read_text().replace('"$@"', "")


@pytest.mark.parametrize("words", [("--yes",), ("--undo",)])
def test_what_is_no_file_is_not_replaced_by_one(
    repository: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str]
) -> None:
    """GIT_CONFIG_GLOBAL=/dev/null is common, and git renames a file over it where it may."""
    device = tmp_path / "device"
    os.mkfifo(device)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(device))
    said = Installed(repository).byline("init", "--user", *words)
    assert said.code == 2
    assert "is no file" in said.err
    assert device.is_fifo()

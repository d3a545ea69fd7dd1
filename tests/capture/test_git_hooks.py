# SPDX-License-Identifier: Apache-2.0
"""The git hooks as installed: real git runs them; marks are right, the user's own hook keeps its say, nothing is waited for."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from byline.capture.agents import AGENT_VARIABLES
from byline.capture.git_hooks import CHAINED, GIT_HOOKS, git_hook_stub
from byline.capture.journal import read_events
from byline.capture.launcher import format_launcher
from byline.capture.marks import list_marks, settle_marks
from byline.capture.places import prepare_repository
from byline.core.edit import Committer, Hook, Mark
from scratch import Scratch

MINUTE = 60 * 10**9


@dataclass
class Attester:
    """A program that stands where Python would: it tells through a pipe how it was called."""

    program: Path
    pipe: int
    launcher: Path

    def called(self) -> str:
        """Wait for the next call and return its folder, GIT_DIR and arguments."""
        ready, _, _ = select.select([self.pipe], [], [], 30)
        assert ready, "the attester was not started"
        return os.read(self.pipe, 4096).decode()

    def is_quiet(self) -> bool:
        return not select.select([self.pipe], [], [], 0)[0]


@pytest.fixture
def attester(tmp_path: Path) -> Attester:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program = tmp_path / "a python"
    program.write_text(f'#!/bin/sh\nprintf "%s|%s|%s" "$PWD" "${{GIT_DIR-}}" "$*" >"{pipe}"\n')
    program.chmod(0o755)
    launcher = tmp_path / "a launcher"
    launcher.write_bytes(format_launcher(program))
    return Attester(program, os.open(pipe, os.O_RDWR | os.O_NONBLOCK), launcher)


def install(scratch: Scratch, attester: Attester, *, common: str = ".git") -> Path:
    """Install all hooks and return Byline's folder."""
    for hook in GIT_HOOKS:
        write_hook(scratch.path / common / "hooks" / hook, git_hook_stub(hook, launcher=attester.launcher, chained=f"{hook}{CHAINED}"))
    return prepare_repository(scratch.path / common)


def write_hook(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def marks_of(place: Path) -> list[Mark]:
    settle_marks(place, list_marks(place), now=0)
    return [event for event in read_events(place).events if isinstance(event, Mark)]


def test_a_commit_leaves_a_mark_and_starts_the_attester(repository: Scratch, attester: Attester) -> None:
    place = install(repository, attester)
    repository.write("a", "1")
    commit = repository.commit()
    assert attester.called() == f"{repository.path}||-I -c from byline_cli.attester import main; main() attest --background"
    (mark,) = marks_of(place)
    assert (mark.hook, mark.head, mark.worktree, mark.by_agent) == (Hook.POST_COMMIT, commit, str(repository.path / ".git"), False)
    assert list_marks(place) == ()


def test_a_mark_names_whom_the_environment_names(repository: Scratch, attester: Attester, tmp_path: Path) -> None:
    """A key of the account itself is named if it is there, so that a commit out of a container is its account's."""
    place = install(repository, attester)
    home, key = tmp_path / "home", "home/.config/byline/key.pem"
    (tmp_path / key).parent.mkdir(parents=True)
    (tmp_path / key).write_text("a key\n")
    plain = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("GIT_")}
    for environ in (
        {"HOME": str(home)},
        {"XDG_CONFIG_HOME": str(home / ".config")},
        {"HOME": str(home), "XDG_CONFIG_HOME": "relative"},
        {"HOME": str(home), "BYLINE_KEY": "/usb/my key"},
        {"HOME": str(home), "BYLINE_KEY": "/usb/my key", "BYLINE_DELEGATION": "/state/delegation.json"},
        {"HOME": str(tmp_path)},
        {"HOME": ""},
    ):
        words = ["git", "commit", "--quiet", "--allow-empty", "--message", "a"]
        subprocess.run(words, cwd=repository.path, env=plain | environ, check=True, timeout=60)
    usb, given = Committer(key="/usb/my key"), Committer(delegation="/state/delegation.json")
    named = [Committer(key=str(tmp_path / key))] * 3
    marks = marks_of(place)
    assert [mark.committer for mark in marks] == [*named, usb, given, Committer(), Committer()]
    assert [mark.by_agent for mark in marks] == [False] * 6 + [True]


def test_a_file_that_the_environment_names_is_meant_from_where_git_was_called(
    repository: Scratch, attester: Attester, tmp_path: Path
) -> None:
    """Git calls its hooks at the top of the work tree. Whoever runs the attester, and whoever signs later, is somewhere else."""
    place = install(repository, attester)
    repository.write("sub/deep/a", "1")
    repository.commit()
    repository.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    top, linked = repository.path, tmp_path / "linked"
    attester.called()
    attester.program.write_text(f'#!/bin/sh\nprintf "%s|" "$BYLINE_KEY" "$BYLINE_LEDGERS" >"{tmp_path / "pipe"}"\n')
    for cwd, options, key, meant in (
        (top, (), "key.pem", top / "key.pem"),
        (top / "sub/deep", (), "key.pem", top / "sub/deep/key.pem"),
        (linked / "sub", (), "../key.pem", linked / "sub/../key.pem"),
        (tmp_path, ("-C", str(top / "sub")), "key.pem", top / "sub/key.pem"),  # as what git itself reads
        (top / "sub", (), "~/my key", tmp_path / "my key"),
        (top / "sub", (), "/usb/key", Path("/usb/key")),
    ):
        environ = {**os.environ, "HOME": str(tmp_path), "BYLINE_KEY": key, "BYLINE_LEDGERS": "l.toml", "GIT_EDITOR": "echo x >"}
        subprocess.run(["git", *options, "commit", "--quiet", "--allow-empty"], cwd=cwd, env=environ, check=True, timeout=60)
        assert attester.called() == f"{meant}|{top / 'sub' if options else cwd}/l.toml|"
        assert marks_of(place)[-1].committer == Committer(key=str(meant))


def test_a_person_at_a_terminal_hears_that_the_key_is_not_there_and_an_agent_does_not(
    repository: Scratch, attester: Attester, tmp_path: Path
) -> None:
    install(repository, attester)
    (tmp_path / "key.pem").touch()
    plain = {name: value for name, value in os.environ.items() if name not in AGENT_VARIABLES}
    ours, theirs = os.openpty()
    said = []
    for environ in ({}, {"BYLINE_KEY": str(tmp_path / "key.pem")}, {"BYLINE_KEY": "nowhere", "CLAUDECODE": "1"}, {"BYLINE_KEY": "nowhere"}):
        words = ["git", "commit", "--quiet", "--allow-empty", "--message", "a"]
        subprocess.run(words, cwd=repository.path, env={**plain, **environ}, stderr=theirs, check=True, timeout=60)
        os.write(theirs, b"|")
        text = b""
        while not text.endswith(b"|"):
            text += os.read(ours, 4096)
        said.append(text.decode().strip("|\r\n"))
    os.close(theirs)
    os.close(ours)
    assert said == ["", "", "", "byline: the key that your environment names is not there: this commit waits for it (byline status)"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file to another account")
def test_nobody_declares_for_another_account_that_names_no_key_of_its_own(repository: Scratch, attester: Attester, tmp_path: Path) -> None:
    """It would be signed by whoever's attester comes first, or by whose key it names."""
    place = install(repository, attester)
    mine, theirs = tmp_path / "mine.pem", tmp_path / "theirs.pem"
    for number, key in enumerate((None, mine, "~/mine.pem", theirs, "/nonexistent/key.pem", None)):
        environ = {**os.environ, "HOME": str(tmp_path), **({"BYLINE_KEY": str(key)} if key else {})}
        words = ["git", "commit", "--quiet", "--allow-empty", "--message", str(number)]
        subprocess.run(words, cwd=repository.path, env=environ, check=True, timeout=60)
    mine.touch()
    theirs.touch()
    os.chown(theirs, 12345, -1)
    for _, path in list_marks(place)[:-1]:
        os.chown(path, 12345, -1)
    assert [mark.by_agent for mark in marks_of(place)] == [True, True, True, False, False, False]


def test_what_only_has_the_name_of_a_mark_holds_nobody_up(repository: Scratch, attester: Attester, tmp_path: Path) -> None:
    """Who shares the clone may put anything there: a pipe would be waited for, and a link may lead to what somebody else wrote."""
    place = install(repository, attester)
    (place / "marks/folder.mark").mkdir()
    (place / "marks/nowhere.mark").symlink_to(tmp_path / "nothing")
    os.mkfifo(place / "marks/pipe.mark")
    repository.write("a", "a")
    repository.commit()
    (_, path), *_ = list_marks(place)
    path.rename(tmp_path / "kept")
    (place / "marks/link.mark").symlink_to(tmp_path / "kept")
    assert list_marks(place) == ()


def test_amend_tells_what_was_rewritten(repository: Scratch, attester: Attester) -> None:
    place = install(repository, attester)
    repository.write("a", "1")
    old = repository.commit()
    new = repository.commit("again", "--amend")
    marks = marks_of(place)
    assert [(mark.hook, mark.rewritten) for mark in marks] == [
        (Hook.POST_COMMIT, ()),
        (Hook.POST_COMMIT, ()),
        (Hook.POST_REWRITE, ((old, new),)),
    ]


def test_a_rebase_marks_each_pick_and_starts_one_attester_at_its_end(repository: Scratch, attester: Attester) -> None:
    repository.write("base", "")
    repository.commit()
    repository.git("checkout", "-q", "-b", "topic")
    for name in "abc":
        repository.write(name, name)
        repository.commit(name)
    repository.git("checkout", "-q", "main")
    repository.write("z", "z")
    repository.commit()
    repository.git("checkout", "-q", "topic")
    place = install(repository, attester)
    repository.git("rebase", "-q", "main")
    assert attester.called().endswith("attest --background")
    marks = marks_of(place)
    assert [mark.hook for mark in marks if mark.hook is not Hook.POST_COMMIT] == [Hook.POST_REWRITE]
    assert len(marks[-1].rewritten) == 3
    assert attester.is_quiet()


def test_a_cherry_pick_names_its_source(repository: Scratch, attester: Attester) -> None:
    repository.write("base", "")
    repository.commit()
    repository.git("checkout", "-q", "-b", "topic")
    repository.write("a", "a")
    source = repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("other", "")
    repository.commit()
    place = install(repository, attester)
    repository.git("cherry-pick", source)
    assert [mark.in_progress for mark in marks_of(place)] == [(source,)]


def test_merge_that_git_commits_itself_is_marked(repository: Scratch, attester: Attester) -> None:
    repository.write("base", "")
    repository.commit()
    repository.git("checkout", "-q", "-b", "topic")
    repository.write("a", "a")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("b", "b")
    repository.commit()
    place = install(repository, attester)
    repository.git("merge", "-q", "--no-edit", "topic")
    assert [(mark.hook, mark.head) for mark in marks_of(place)] == [(Hook.POST_MERGE, repository.git("rev-parse", "HEAD"))]


@pytest.mark.parametrize("packed", [True, False])
def test_head_is_right_in_a_linked_work_tree_and_with_packed_refs(repository: Scratch, attester: Attester, *, packed: bool) -> None:
    place = install(repository, attester)
    repository.write("a", "1")
    repository.commit()
    attester.called()
    linked = Scratch(repository.path.parent / "linked")
    repository.git("worktree", "add", "-q", str(linked.path))
    linked.write("b", "1")
    commit = linked.commit()
    assert attester.called().startswith(f"{linked.path}|")
    if packed:
        linked.git("pack-refs", "--all")
        subprocess.run([repository.path / ".git" / "hooks" / "post-merge"], cwd=linked.path, check=True, timeout=60)
    last = marks_of(place)[-1]
    assert (last.head, last.worktree) == (commit, str(repository.path / ".git" / "worktrees" / "linked"))


def test_a_submodule_marks_itself(repository: Scratch, tmp_path: Path, attester: Attester) -> None:
    inner = Scratch.create(tmp_path / "inner")
    inner.write("a", "1")
    inner.commit()
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "sub")
    repository.commit()
    sub = Scratch(repository.path / "sub")
    place = install(repository, attester, common=".git/modules/sub")
    sub.write("b", "1")
    commit = sub.commit("inside", "--author=A <a@example.invalid>")
    assert [(mark.head, mark.worktree) for mark in marks_of(place)] == [(commit, str(repository.path / ".git" / "modules" / "sub"))]


@pytest.mark.parametrize("variable", AGENT_VARIABLES)
def test_a_commit_by_an_agent_says_so(repository: Scratch, attester: Attester, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = install(repository, attester)
    monkeypatch.setenv(variable, "1 x")
    repository.write("a", "1")
    repository.commit()
    assert [mark.by_agent for mark in marks_of(place)] == [True]


def test_the_users_hook_keeps_status_arguments_and_input(repository: Scratch, attester: Attester, tmp_path: Path) -> None:
    install(repository, attester)
    hooks = repository.path / ".git" / "hooks"
    for hook, status in (("post-commit", 7), ("post-rewrite", 8), ("pre-push", 9)):
        write_hook(hooks / f"{hook}{CHAINED}", f'#!/bin/sh\necho "{hook} $# $1" >>{tmp_path}/said\ncat >>{tmp_path}/said\nexit {status}\n')
        given = b"" if hook == "post-commit" else b"a b c d\n" * 2
        done = subprocess.run(
            [hooks / hook, "origin", "x y"], input=given, cwd=repository.path, check=False, capture_output=True, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")
    said = (tmp_path / "said").read_text()
    assert said == "post-commit 2 origin\n" + "".join(f"{hook} 2 origin\n" + "a b c d\n" * 2 for hook in ("post-rewrite", "pre-push"))


def test_a_forbidden_push_sends_nothing_and_an_allowed_one_is_not_delayed(repository: Scratch, attester: Attester, tmp_path: Path) -> None:
    repository.write("a", "1")
    repository.commit()
    install(repository, attester)
    remote = Scratch.create(tmp_path / "remote", "--bare")
    own = repository.path / ".git" / "hooks" / f"pre-push{CHAINED}"
    write_hook(own, "#!/bin/sh\nexit 1\n")
    done = subprocess.run(
        ["git", "push", "-q", str(remote.path), "main"], cwd=repository.path, check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 1
    assert attester.is_quiet()
    own.unlink()
    repository.git("push", "-q", str(remote.path), "main")
    assert attester.called().endswith(f"attest --background --push={remote.path}")


def test_a_running_attester_is_not_started_twice(repository: Scratch, attester: Attester) -> None:
    place = install(repository, attester)
    with subprocess.Popen([sys.executable, "-c", "input()", "byline"], stdin=subprocess.PIPE) as running:
        (place / "attester.pid").write_text(f"{running.pid}\n")
        repository.write("a", "1")
        repository.commit()
        assert len(list_marks(place)) == 1
        assert attester.is_quiet()
        subprocess.run([repository.path / ".git" / "hooks" / "pre-push", "origin"], cwd=repository.path, check=True, input=b"", timeout=60)
        assert attester.called().endswith("--push=origin")  # a push has evidence to send, whoever attests
        running.communicate(b"\n", timeout=60)
    assert attester.is_quiet()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:  # whom the number belongs to now
        (place / "attester.pid").write_text(f"{other.pid}\n")
        repository.write("a", "2")
        repository.commit()
        assert attester.called()
        other.communicate(timeout=60)


@pytest.mark.parametrize("gone", ["interpreter", "folder", "both"])
def test_hooks_are_silent_where_byline_is_gone(repository: Scratch, attester: Attester, gone: str) -> None:
    place = install(repository, attester)
    if gone != "folder":
        attester.program.unlink()
    if gone != "interpreter":
        shutil.rmtree(place)
    repository.write("a", "1")
    repository.git("add", "a")
    done = subprocess.run(["git", "commit", "-qm", "x"], cwd=repository.path, check=True, capture_output=True, stdin=None, timeout=60)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_hooks_work_without_terminal_and_with_closed_input(repository: Scratch, attester: Attester) -> None:
    place = install(repository, attester)
    repository.write("a", "1")
    repository.git("add", "a")
    command = ["setsid", "sh", "-c", "git commit -qm x <&- >&- 2>&-"]
    subprocess.run(command, cwd=repository.path, check=True, timeout=60)
    assert attester.called()
    assert len(marks_of(place)) == 1


def test_git_dir_in_the_environment_is_kept_absolute(repository: Scratch, attester: Attester, tmp_path: Path) -> None:
    place = install(repository, attester)
    repository.write("a", "1")
    environ = {**os.environ, "GIT_DIR": str(repository.path / ".git"), "GIT_WORK_TREE": str(repository.path)}
    subprocess.run(["git", "add", "a"], cwd=tmp_path, env=environ, check=True, timeout=60)
    subprocess.run(["git", "commit", "-qm", "x"], cwd=tmp_path, env=environ, check=True, timeout=60)
    assert (
        attester.called()
        == f"{repository.path}|{repository.path / '.git'}|-I -c from byline_cli.attester import main; main() attest --background"
    )
    assert [mark.worktree for mark in marks_of(place)] == [str(repository.path / ".git")]


def test_a_mark_that_is_being_written_waits_and_a_torn_one_is_a_loss(repository: Scratch) -> None:
    place = prepare_repository(repository.path / ".git")
    torn = place / "marks" / "mark.post-commit.1.0.mark"
    torn.write_bytes(b"byline.mark/1\0post-commit\0/x")
    (time, _), *_ = list_marks(place)
    assert settle_marks(place, list_marks(place), now=time) == 0
    assert torn.exists()
    assert settle_marks(place, list_marks(place), now=time + 2 * MINUTE) == 0
    assert not torn.exists()
    assert b"BL-LOSS-2" in (place / "losses").read_bytes()


def test_every_stub_is_posix_shell() -> None:
    for hook in GIT_HOOKS:
        text = git_hook_stub(hook, launcher="/nonexistent")
        subprocess.run(["sh", "-n"], input=text.encode(), check=True, timeout=60)
        assert "@" not in text.replace('"$@"', "")

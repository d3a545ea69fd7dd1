# SPDX-License-Identifier: Apache-2.0
"""Byline as a person has it, wherever git keeps objects and work trees: what is known is told, what is missing is said to be."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from installed import Installed, run
from scratch import Scratch

if TYPE_CHECKING:
    from installed import Said

FETCH = "+refs/byline/*:refs/byline/remotes/origin/*"
CUT = "(BL-FINDING-3)"


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A repository with Byline: an agent's lines, a person's, and an agent's again, in three commits."""
    return grown(Installed.create(repository))


def grown(clone: Installed) -> Installed:
    clone.writes("a.py", b"one = 1\ntwo = 2\n")
    clone.scratch.commit()
    clone.scratch.write("a.py", "one = 1\ntwo = 2\nthree = 3\n")
    clone.scratch.commit()
    clone.writes("a.py", b"one = 1\ntwo = 2\nthree = 3\nfour = 4\n")
    clone.commit()
    return clone


OWNERS = ["ai", "ai", "human", "ai"]


def copy(clone: Installed, path: Path, *options: str) -> Installed:
    """Clone over git's own protocol, and fetch the evidence as git does by itself where `init` was run."""
    clone.scratch.git("config", "uploadpack.allowFilter", "true")
    said = run("git", "clone", "--quiet", *options, clone.path.as_uri(), str(path), cwd=clone.path)
    assert said.code == 0, said
    made = Installed(Scratch(path))
    made.scratch.git("fetch", "--quiet", "origin", FETCH)
    return made


def told(said: Said) -> str:
    assert said.code == 0, said
    return said.out


def test_commits_of_a_library_are_attested_by_their_range(clone: Installed) -> None:
    """No hook ran; they are on a remote already, so that no sweep takes them."""
    clone.scratch.git("clone", "--quiet", "--bare", ".", "../hub")
    clone.scratch.git("remote", "add", "origin", "../hub")
    base = clone.scratch.git("rev-parse", "HEAD")
    for number in (5, 6):
        clone.writes("b.py", b"line = 1\n" * number)
        clone.scratch.git("add", "--all")
        made = clone.scratch.git("commit-tree", clone.scratch.git("write-tree"), "-p", "HEAD", "-m", "by a library")
        clone.scratch.git("update-ref", "refs/heads/main", made)
    clone.scratch.git("-c", "core.hooksPath=/dev/null", "push", "--quiet", "origin", "main")
    clone.scratch.git("fetch", "--quiet", "origin")
    assert told(clone.byline("attest")) == "nothing was left to sign\n"
    assert told(clone.byline("attest", f"{base}..")) == "signed 2 statements about 2 commits\n"
    assert clone.owners("b.py", rev="HEAD") == ["ai"] * 6
    assert clone.byline("attest", "nothing..HEAD").code == 3


def test_a_push_takes_what_no_hook_marked(clone: Installed) -> None:
    clone.scratch.git("clone", "--quiet", "--bare", ".", "../hub")
    clone.scratch.git("remote", "add", "origin", "../hub")
    clone.writes("b.py", b"by = an_agent\n")
    clone.scratch.git("add", "--all")
    clone.scratch.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", "by a client without hooks")
    assert "signed 1 statement about 1 commit\n" in told(clone.byline("push", "origin", "main"))
    hub = Installed(Scratch(clone.path.with_name("hub")))
    assert hub.owners("b.py", rev="main") == ["ai"]


def test_a_push_takes_the_options_of_git_push(clone: Installed) -> None:
    clone.scratch.git("clone", "--quiet", "--bare", ".", "../hub")
    clone.scratch.git("remote", "add", "origin", "../hub")
    clone.scratch.git("-C", "../hub", "config", "receive.advertisePushOptions", "true")
    clone.scratch.git("checkout", "--quiet", "-b", "feature")
    clone.writes("b.py", b"by = an_agent\n")
    clone.commit()
    assert "evidence sent to origin\n" in told(clone.byline("push", "-o", "ci.skip", "--set-upstream", "origin", "feature"))
    assert "evidence sent to origin\n" in told(clone.byline("push", "-u", "origin", "feature"))
    assert clone.scratch.git("rev-parse", "--abbrev-ref", "feature@{upstream}") == "origin/feature"
    refused = clone.byline("push", "--no-such-option")
    assert (refused.code, "no-such-option" in refused.err) == (129, True)


def test_a_shallow_clone_says_what_is_missing_and_a_deeper_one_knows(clone: Installed, tmp_path: Path) -> None:
    """G2: what the claims alone tell is told; a version that none of them names would need its history."""
    clone.scratch.write("a.py", "zero = 0\none = 1\ntwo = 2\nthree = 3\nfour = 4\n")
    clone.scratch.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--all", "--message", "elsewhere")
    shallow = copy(clone, tmp_path / "shallow", "--depth=1")
    said = shallow.byline("blame", "HEAD", "a.py")
    assert CUT in said.err
    assert "human" not in said.out
    gate = shallow.byline("gate", "--base", "HEAD~1")
    assert (gate.code, gate.out) == (3, "")
    shallow.scratch.git("fetch", "--quiet", "--unshallow")
    assert shallow.owners("a.py", rev="HEAD") == ["unknown", *OWNERS]
    assert shallow.owners("a.py", rev="HEAD~1") == OWNERS
    assert CUT not in shallow.byline("blame", "HEAD", "a.py").err


def test_a_partial_clone_says_that_evidence_is_missing_and_fetches_nothing(clone: Installed, tmp_path: Path) -> None:
    """G2: git fetches the trees of the evidence without the files in them; asked again when they are here, Byline reads them."""
    partial = copy(clone, tmp_path / "partial", "--filter=blob:none")
    for words in (("HEAD", "a.py"), ("a.py",)):
        said = partial.byline("blame", *words)
        assert CUT in said.err
        assert said.out.count("unknown") == len(OWNERS)
    old = partial.byline("blame", "HEAD~1", "a.py")
    assert (old.code, old.out) == (3, "")
    assert "is not here" in old.err
    assert "it is not here" in partial.byline("verify").out
    assert partial.byline("gate", "--base", "HEAD~1").code == 3
    partial.scratch.git("fetch", "--quiet", "--refetch", "--no-filter", "origin", FETCH)
    assert partial.owners("a.py", rev="HEAD") == OWNERS
    assert partial.byline("verify").code == 0


def test_a_sparse_work_tree_knows_files_that_are_not_in_it(clone: Installed, tmp_path: Path) -> None:
    clone.writes("deep/b.py", b"b = 1\n")
    clone.commit()
    sparse = copy(clone, tmp_path / "sparse", "--sparse")
    sparse.scratch.git("sparse-checkout", "set", "other")
    Installed.create(sparse.scratch)
    assert not (sparse.path / "deep").exists()
    sparse.writes("other/c.py", b"c = 1\n")
    sparse.runs("echo d = 2 >>other/c.py")
    assert "deep" not in told(sparse.byline("status"))
    sparse.commit("--quiet", add=False)
    sparse.scratch.git("add", "--sparse", "other")
    sparse.commit(add=False)
    assert sparse.owners("other/c.py", rev="HEAD") == ["ai", "ai"]
    assert sparse.owners("deep/b.py", rev="HEAD") == ["ai"]
    assert "modify" not in told(sparse.byline("show"))


def test_a_clone_that_borrows_objects_answers_the_same(clone: Installed, tmp_path: Path) -> None:
    for name, options in (("shared", ["--shared"]), ("reference", ["--reference", str(clone.path)])):
        borrowed = Installed(clone.scratch.clone(tmp_path / name, *options))
        borrowed.scratch.git("fetch", "--quiet", "origin", FETCH)
        assert borrowed.owners("a.py", rev="HEAD") == OWNERS
        assert borrowed.byline("verify").code == 0


def test_a_repository_of_sha256_does_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    clone = grown(Installed.create(Scratch.create(tmp_path / "repository")))
    clone.runs("echo five = 5 >>a.py")
    assert clone.owners("a.py") == [*OWNERS, "ai"]
    assert len(clone.commit()) == 64
    assert clone.owners("a.py", rev="HEAD") == [*OWNERS, "ai"]
    assert clone.byline("verify").code == 0
    assert told(clone.byline("gate", "--base", "HEAD~1")).startswith("allow")
    hub = clone.scratch.clone(tmp_path / "hub", "--bare")
    clone.scratch.git("remote", "add", "origin", str(hub.path))
    assert "evidence sent" in told(clone.byline("push", "origin", "main"))
    fresh = Installed(hub.clone(tmp_path / "fresh"))
    fresh.scratch.git("fetch", "--quiet", "origin", FETCH)
    assert fresh.owners("a.py", rev="HEAD") == [*OWNERS, "ai"]


def test_a_clone_before_init_says_that_evidence_is_not_here(clone: Installed, tmp_path: Path) -> None:
    """`unknown` there only means that nobody fetched who wrote what; where it was fetched, and by `init`, nothing is to be said."""
    bare = Installed(clone.scratch.clone(tmp_path / "bare", "--bare"))
    fresh = Installed(clone.scratch.clone(tmp_path / "fresh"))
    for words in (("blame", "a.py"), ("log",), ("stats",), ("diff", "HEAD~1"), ("show",), ("verify",), ("status",), ("trailers",)):
        assert "note: the remote's evidence is not here (byline init fetches it)" in fresh.byline(*words).err
        assert "note:" not in bare.byline(*words).err  # `init` is nothing for it
    assert fresh.byline("init", "--yes").code == 0
    assert fresh.owners("a.py") == OWNERS
    assert fresh.byline("blame", "a.py").err == ""


def test_behind_two_dashes_stands_a_file_of_any_name(clone: Installed) -> None:
    clone.writes("-n.py", b"one = 1\n")
    clone.commit()
    assert told(clone.byline("blame", "--", "-n.py")).endswith("│ one = 1\n")
    assert told(clone.byline("blame", "HEAD", "--", "-n.py")).endswith("│ one = 1\n")
    assert told(clone.byline("why", "--", "-n.py:1")).startswith("-n.py:1 on disk")
    assert [clone.byline(*words).code for words in (("blame", "--"), ("blame", "--", "HEAD", "-n.py"), ("why", "a", "b", "c"))] == [2] * 3


def test_a_bare_repository_answers_and_has_nothing_to_sign(clone: Installed, tmp_path: Path) -> None:
    bare = Installed(clone.scratch.clone(tmp_path / "bare", "--bare"))
    bare.scratch.git("fetch", "--quiet", "origin", FETCH)
    assert bare.owners("a.py", rev="HEAD") == bare.owners("a.py") == OWNERS
    assert bare.byline("verify").code == bare.byline("show").code == 0  # a file named HEAD stands there
    assert told(bare.byline("gate", "--base", "HEAD~1")).startswith("allow")
    assert told(bare.byline("attest")) == "nothing was left to sign\n"
    assert bare.byline("status").code == 0
    assert "needs none" in bare.byline("init", "--yes").err
    assert "byline init" not in told(bare.byline("doctor")), "it needs nothing that init would make"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which nobody writes, not even root, is Linux's")
def test_a_home_in_which_nobody_may_write_is_said_to_be_one(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/sys/home")
    said = Installed(repository).byline("init", "--yes")
    assert (said.code, "who may write there?" in said.err) == (3, True)


def test_two_files_are_one_too_many_to_look_at(clone: Installed) -> None:
    said = clone.byline("blame", "a.py", "a.py")
    assert (said.code, "'a.py' is a file and no commit: one file at a time" in said.err) == (2, True)
    assert clone.byline("blame", "gone.py", "a.py").code == 3


def test_git_dir_and_work_tree_may_be_named(clone: Installed, tmp_path: Path) -> None:
    place = {"GIT_DIR": str(clone.path / ".git"), "GIT_WORK_TREE": str(clone.path)}
    clone.writes("b.py", b"b = 1\n")
    assert "b.py" in told(clone.byline("status", cwd=tmp_path, **place))
    for words in (["a.py"], ["HEAD", "a.py"]):
        said = told(clone.byline("blame", "--json", *words, cwd=clone.path, **place))
        assert [each["origin"] for each in json.loads(said)["ranges"]] == ["ai", "human", "ai"]
    clone.git("--git-dir", place["GIT_DIR"], "--work-tree", str(clone.path), "add", "b.py", cwd=tmp_path)
    assert clone.git("--git-dir", place["GIT_DIR"], "--work-tree", str(clone.path), "commit", "-qm", "x", cwd=tmp_path).code == 0
    assert clone.byline("attest", "--wait", cwd=tmp_path, **place).code == 0
    assert clone.owners("b.py", rev="HEAD") == ["ai"]


def linked(clone: Installed, folder: str) -> Installed:
    """A work tree on the branch `topic`, in which the agent of `clone` works too."""
    path = clone.path / folder
    clone.scratch.git("worktree", "add", "--quiet", "-b", "topic", str(path))
    (path / ".claude").mkdir(exist_ok=True)
    (path / ".claude/settings.local.json").write_bytes((clone.path / ".claude/settings.local.json").read_bytes())
    return Installed(Scratch(path))


def test_each_linked_work_tree_has_its_own_pending_lines(clone: Installed) -> None:
    topic = linked(clone, "../topic")
    topic.writes("b.py", b"b = 1\n")
    clone.writes("c.py", b"c = 1\n")
    assert ("b.py" in told(topic.byline("status")), "c.py" in told(topic.byline("status"))) == (True, False)
    assert ("b.py" in told(clone.byline("status")), "c.py" in told(clone.byline("status"))) == (False, True)
    assert topic.owners("b.py") == clone.owners("c.py") == ["ai"]
    topic.commit()
    assert topic.owners("b.py", rev="HEAD") == clone.owners("b.py", rev="topic") == ["ai"]
    assert topic.byline("verify").code == topic.byline("doctor").code == 0
    assert told(topic.byline("gate", "--base", "main")).startswith("allow")


def test_a_linked_work_tree_in_which_the_agent_reports_nothing_is_not_well(clone: Installed) -> None:
    """Git's hooks are there, and tell nothing of the agent: so nobody declares there what may be the agent's, until they say so there."""
    clone.git("worktree", "add", "-q", "../bare-of-settings")
    other = Installed(Scratch(clone.path.with_name("bare-of-settings")))
    said = other.byline("doctor")
    assert (said.code, clone.byline("doctor").code) == (1, 0)
    assert "not in this linked one" in " ".join(said.out.split())
    (other.path / "b.py").write_text("b = 1\n")
    other.commit()
    assert other.owners("b.py", rev="HEAD") == ["unknown"]
    assert other.byline("init", "--agent", "claude-code", "--declare-own-lines", "--yes").code == 0
    assert other.byline("doctor").code == 0
    (other.path / "c.py").write_text("c = 1\n")
    other.commit()
    (clone.path / "d.py").write_text("d = 1\n")
    clone.commit()
    assert other.owners("c.py", rev="HEAD") == clone.owners("d.py", rev="HEAD") == ["human"]
    assert clone.scratch.git("config", "--get-all", "byline.declareOwnLines").split() == [".", "worktrees/bare-of-settings"]


@pytest.mark.parametrize("folder", ["../topic", ".claude/worktrees/topic"])
def test_a_work_tree_may_be_moved_and_removed_before_anybody_looks(clone: Installed, folder: str) -> None:
    """What an agent's hook said of a file is about the work tree that it stood in, not about what stands there now."""
    topic = linked(clone, folder)
    topic.writes("b.py", b"b = 1\n")
    topic.runs("echo c = 2 >>b.py")
    clone.scratch.git("worktree", "move", str(topic.path), f"{topic.path}-moved")
    moved = Installed(Scratch(topic.path.with_name("topic-moved")))
    assert moved.owners("b.py") == ["ai", "ai"]
    moved.writes("b.py", b"b = 1\nc = 2\nd = 3\n")
    moved.scratch.git("add", "b.py")
    moved.scratch.git("commit", "--quiet", "--message", "all of it")
    clone.scratch.git("worktree", "remove", "--force", str(moved.path))
    clone.scratch.git("worktree", "prune")
    clone.attest()
    assert clone.owners("b.py", rev="topic") == ["ai"] * 3
    assert clone.byline("verify", "topic").code == 0


def test_a_repository_may_be_moved_before_anybody_looks(clone: Installed) -> None:
    clone.writes("b.py", b"b = 1\n")
    clone.runs("echo c = 2 >>b.py")
    moved = Installed(Scratch(clone.path.with_name("moved")))
    clone.path.rename(moved.path)
    assert moved.owners("b.py") == ["ai", "ai"]
    moved.commit()
    assert moved.owners("b.py", rev="HEAD") == ["ai", "ai"]


def test_an_agents_edit_in_a_submodule_belongs_to_the_submodule(repository: Scratch, tmp_path: Path) -> None:
    library = Scratch.create(tmp_path / "library")
    library.write("l.py", "old = 1\n")
    library.commit()
    clone = Installed.create(repository)
    repository.submodule("sub", library)
    clone.commit()
    sub = Installed(Scratch(repository.path / "sub"))
    assert sub.byline("init", "--yes").code == 0
    clone.writes("sub/l.py", b"old = 1\nnew = 2\n")
    assert sub.owners("l.py") == ["unknown", "ai"]
    assert "l.py" not in told(clone.byline("status"))
    sub.commit()
    assert sub.owners("l.py", rev="HEAD") == ["unknown", "ai"]
    clone.commit()
    assert "modify  sub  human declared" in told(clone.byline("show"))
    clone.runs("echo a = 1 >a.py && cd sub && echo more = 3 >>l.py && echo n = 1 >n.py")
    sub.commit()
    assert (clone.owners("a.py"), sub.owners("l.py", rev="HEAD"), sub.owners("n.py")) == (["ai"], ["unknown", "ai", "ai"], ["ai"])
    clone.runs("cd sub && git commit -q --allow-empty -m more && cd .. && git add sub && git commit -qm bump")
    clone.attest()
    assert "modify  sub  unknown" in told(clone.byline("show"))


@pytest.mark.parametrize("name", [b"a b 'c'", b"a\nb", b"\xff\xfe"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    scratch = Scratch.create(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)))
    clone = Installed.create(scratch)
    clone.writes("a.py", b"one = 1\n")
    clone.runs("echo two = 2 >>a.py")
    clone.commit()
    assert clone.owners("a.py", rev="HEAD") == ["ai", "ai"]
    assert clone.byline("doctor").code == clone.byline("verify").code == 0
    assert clone.byline("init", "--undo", "--yes").code == 0
    assert not (scratch.path / ".git/hooks/post-commit").exists()


def test_a_remote_without_refspecs_is_left_alone(repository: Scratch) -> None:
    """`git fetch mirror` brings its HEAD, and would not any more if it had refspecs of ours."""
    repository.clone(repository.path.parent / "hub", "--bare")
    repository.git("remote", "add", "origin", "../hub")
    repository.git("config", "remote.mirror.url", "../hub")
    clone = Installed.create(repository)
    assert FETCH in repository.git("config", "--get-all", "remote.origin.fetch").split()
    assert clone.git("config", "remote.mirror.fetch").code == 1
    assert "origin: evidence comes with every fetch" in clone.byline("doctor").out


def test_a_system_that_is_not_posix_is_told_so(repository: Scratch, tmp_path: Path) -> None:
    (tmp_path / "windows").mkdir()
    (tmp_path / "windows/fcntl.py").write_text("raise ModuleNotFoundError(\"No module named 'fcntl'\", name='fcntl')\n")
    said = run(sys.executable, "-m", "byline_cli", "status", cwd=repository.path, environ={"PYTHONPATH": str(tmp_path / "windows")})
    assert said.code == 3
    assert said.err.startswith("byline: error: Byline needs a POSIX system: Linux, macOS or, on Windows, WSL\n")

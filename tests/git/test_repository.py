# SPDX-License-Identifier: Apache-2.0
"""The repository port against real git, in every kind of place that git knows."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from byline.core.lines import blob_id
from byline.errors import MissingObjectError, NotARepositoryError, RepositoryError
from byline.git.objects import TreeEntry
from byline.git.process import git_error
from byline.git.repository import Repository, open_repository
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def opened(repository: Scratch) -> Iterator[Repository]:
    with open_repository(repository.path) as opened:
        yield opened


def test_a_folder_without_git_is_not_a_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError):
        open_repository(tmp_path)
    with pytest.raises(NotARepositoryError):
        open_repository(tmp_path / "absent")


def test_a_subfolder_is_the_repository(repository: Scratch) -> None:
    repository.write("a/b/c.txt", "x\n")
    with open_repository(repository.path / "a/b") as found:
        assert (found.top, found.git_dir, found.common_dir) == (repository.path, repository.path / ".git", repository.path / ".git")
        assert found.algorithm == "sha1"
        assert not found.is_shallow


def test_a_folder_with_a_line_feed_is_a_repository(tmp_path: Path) -> None:
    odd = Scratch.create(tmp_path / "two\nlines")
    with open_repository(odd.path) as found:
        assert (found.top, found.git_dir) == (odd.path, odd.path / ".git")
        assert found.head() is None


def test_a_repository_of_sha256_is_read(tmp_path: Path) -> None:
    scratch = Scratch.create(tmp_path / "r", "--object-format=sha256")
    scratch.write("a", "x\n")
    commit = scratch.commit()
    with open_repository(scratch.path) as found:
        assert found.algorithm == "sha256"
        assert found.entry(commit, b"a") == TreeEntry(mode="100644", oid=blob_id(b"x\n", "sha256"))
        assert found.read_blob(found.write_blob(b"more")) == b"more"
        assert [each.path for each in found.changes(None, commit)] == [b"a"]


def test_a_linked_worktree_has_its_own_git_dir(repository: Scratch, tmp_path: Path) -> None:
    repository.write("a", "x\n")
    first = repository.commit()
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = Scratch(tmp_path / "side")
    side.write("b", "y\n")
    second = side.commit()
    with open_repository(side.path) as found, open_repository(repository.path) as main:
        assert (found.top, found.common_dir) == (side.path, repository.path / ".git")
        assert found.git_dir == repository.path / ".git/worktrees/side"
        assert (main.head(), found.head()) == (first, second)


def test_a_submodule_is_a_repository_of_its_own(repository: Scratch, tmp_path: Path) -> None:
    inner = Scratch.create(tmp_path / "inner")
    inner.write("i", "x\n")
    commit = inner.commit()
    repository.submodule("sub", inner)
    outer = repository.commit()
    with open_repository(repository.path / "sub") as found, open_repository(repository.path) as main:
        assert (found.top, found.head()) == (repository.path / "sub", commit)
        assert found.git_dir == repository.path / ".git/modules/sub"
        link = main.entry(outer, b"sub")
        assert link == TreeEntry(mode="160000", oid=commit)
        assert main.content_sha256(link) == hashlib.sha256(commit.encode()).hexdigest()
        assert main.status_paths() == ()


def test_a_bare_repository_has_no_work_tree(repository: Scratch, tmp_path: Path) -> None:
    repository.write("a", "x\n")
    commit = repository.commit()
    bare = repository.clone(tmp_path / "bare", "--bare")
    with open_repository(bare.path) as found:
        assert (found.top, found.git_dir, found.head()) == (None, bare.path, commit)
        with pytest.raises(RepositoryError, match="no work tree"):
            found.status_paths()


def test_inside_a_hook_the_environment_decides_only_when_it_is_handed_in(repository: Scratch, tmp_path: Path) -> None:
    """The classic bug: a hook's GIT_DIR, often relative, must not follow a program into another repository."""
    other = Scratch.create(tmp_path / "other")
    hook = {**os.environ, "GIT_DIR": ".git", "GIT_INDEX_FILE": str(repository.path / ".git/next-index"), "GIT_PREFIX": "sub/"}
    with open_repository(repository.path, environ=hook) as own, open_repository(other.path, environ=None) as elsewhere:
        assert own.git_dir == repository.path / ".git"
        assert elsewhere.git_dir == other.path / ".git"
        assert own.status_paths() == ()


def test_git_dir_of_the_process_does_not_leak(repository: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Scratch.create(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(repository.path / ".git"))
    with open_repository(other.path) as found:
        assert found.git_dir == other.path / ".git"


def test_a_separate_work_tree_is_found_through_the_environment(tmp_path: Path) -> None:
    """Dot files kept with a bare repository and GIT_WORK_TREE."""
    bare = Scratch.create(tmp_path / "dot.git", "--bare")
    place = {**os.environ, "GIT_DIR": str(bare.path), "GIT_WORK_TREE": str(tmp_path / "home")}
    with open_repository(tmp_path / "home", environ=place) as found:
        assert (found.git_dir, found.top) == (bare.path, tmp_path / "home")


def test_another_users_repository_is_refused_with_a_way_out(repository: Scratch) -> None:
    said = f"fatal: detected dubious ownership in repository at '{repository.path}'"
    assert "safe.directory" in git_error("rev-parse", said).hint


def test_commits_are_read_raw(repository: Scratch, opened: Repository) -> None:
    assert opened.head() is None
    assert opened.unpushed_commits() == []
    repository.write("a", "x\n")
    first = repository.commit("one\n\nbody")
    repository.write("a", "y\n")
    second = repository.commit("two")
    info = opened.commit_info(second)
    assert (info.id, info.parents, info.message) == (second, (first,), b"two\n")
    assert info.author.startswith(b"Test Person <person@example.invalid> ")
    assert opened.tree(second) == repository.git("rev-parse", "HEAD^{tree}")
    assert (opened.commit_id("HEAD~1"), opened.commit_id("main"), opened.head()) == (first, second, second)
    assert opened.commits_between(first, second) == [second]
    assert opened.commits_between(None, second) == [first, second]
    assert opened.unpushed_commits() == [first, second]
    assert opened.last_touch(second, b"a") == second
    assert opened.last_touch(second, b"absent") is None


def test_a_commit_is_held_by_itself_and_what_came_after(repository: Scratch, opened: Repository) -> None:
    repository.write("a", "1")
    first = repository.commit("first")
    repository.git("switch", "--quiet", "-c", "side")
    repository.write("b", "1")
    side = repository.commit("side")
    repository.git("switch", "--quiet", "-")
    repository.write("a", "2")
    last = repository.commit("last")
    assert opened.holders(first, [first, side, last, "0" * 40]) == {first, side, last}
    assert opened.holders(side, [first, side, last]) == {side}
    assert opened.holders(last, []) == frozenset()
    assert opened.strangers(last, [first, side, last, "0" * 40]) == {side}
    assert opened.strangers(last, []) == frozenset()


@pytest.mark.parametrize("rev", ["", "absent", "-h", "--all", "HEAD\nHEAD", "HEAD:a", "\0", "@{99}", "HEAD^7"])
def test_a_rev_that_names_no_commit_is_an_error(repository: Scratch, opened: Repository, rev: str) -> None:
    repository.write("a", "x\n")
    repository.commit()
    with pytest.raises(RepositoryError):
        opened.commit_id(rev)


def test_an_annotated_tag_is_its_commit(repository: Scratch, opened: Repository) -> None:
    repository.write("a", "x\n")
    commit = repository.commit()
    repository.git("tag", "-a", "-m", "m", "v1")
    assert opened.commit_id("v1") == commit


ODD_PATHS = [b"a b", b'qu"o"te', b"new\nline", b"tab\t", b"caf\xc3\xa9", b"\xff\xfe", b"dir/*", b"dir/:(top)x", b"-x", b"dir/back\\slash"]


def test_odd_paths_go_through_every_question(repository: Scratch, opened: Repository) -> None:
    """Threat G3: paths are bytes and stay what they are."""
    for path in ODD_PATHS:
        repository.write(os.fsdecode(path), path + b"\n")
    commit = repository.commit()
    assert {path for path, _ in opened.list_tree(commit)} == set(ODD_PATHS)
    assert {each.path for each in opened.changes(None, commit)} == set(ODD_PATHS)
    for path in ODD_PATHS:
        entry = opened.entry(commit, path)
        assert entry is not None
        assert opened.read_blob(entry.oid) == path + b"\n" == opened.worktree_file(path)
        assert opened.content_sha256(entry) == hashlib.sha256(path + b"\n").hexdigest()
        assert opened.last_touch(commit, path) == commit
        repository.write(os.fsdecode(path), b"changed\n")
    assert set(opened.status_paths()) == set(ODD_PATHS)


def test_digests_of_many_are_those_of_each(repository: Scratch, opened: Repository) -> None:
    texts = {f"f{number}": f"{number}\n" for number in range(100)}
    for name, text in texts.items():
        repository.write(name, text)
    commit = repository.commit()
    entries = dict(opened.list_tree(commit))
    missing = TreeEntry(mode="100644", oid=blob_id(b"nowhere"))
    opened.learn_sha256([*entries.values(), TreeEntry(mode="160000", oid=commit)])
    assert {os.fsdecode(path): opened.content_sha256(entry) for path, entry in entries.items()} == {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()
    }
    with pytest.raises(MissingObjectError):
        opened.learn_sha256([missing])


def test_an_entry_is_found_by_its_whole_path_only(repository: Scratch, opened: Repository) -> None:
    repository.write("d/f", "x\n")
    commit = repository.commit()
    tree = opened.tree(commit)
    assert opened.entry(tree, b"d/f") == TreeEntry(mode="100644", oid=blob_id(b"x\n"))
    assert [opened.entry(commit, path) for path in (b"d", b"f", b"d/f/g", b"D/f", b"d/", b"", b"./d/f")] == [None] * 7


def test_changes_tell_modes_types_and_renames(repository: Scratch, opened: Repository) -> None:
    for name in ("kept", "moved", "gone", "typed", "moded"):
        repository.write(name, f"{name}\n" * 20)
    old = repository.commit()
    repository.git("mv", "moved", "target")
    (repository.path / "gone").unlink()
    (repository.path / "moded").chmod(0o755)
    (repository.path / "typed").unlink()
    (repository.path / "typed").symlink_to("kept")
    new = repository.commit()
    found = {each.path: each for each in opened.changes(old, new)}
    assert {path: each.status for path, each in found.items()} == {b"target": "R", b"gone": "D", b"moded": "M", b"typed": "T"}
    assert found[b"target"].old_path == b"moved"
    assert found[b"gone"].new is None
    assert (found[b"moded"].old, found[b"moded"].new) == (
        TreeEntry(mode="100644", oid=blob_id(b"moded\n" * 20)),
        TreeEntry(mode="100755", oid=blob_id(b"moded\n" * 20)),
    )
    assert {(each.status, each.path) for each in opened.tree_changes(old, new)} >= {("D", b"moved"), ("A", b"target")}
    assert opened.changes(new, new) == ()


def test_the_work_tree_is_read_as_it_is_on_disk(repository: Scratch, opened: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    repository.write("f", b"a\r\n\xff")
    (repository.path / "link").symlink_to("f")
    (repository.path / "door").symlink_to(tmp_path / "outside")
    repository.write("d/x", b"")
    paths = (b"f", b"link", b"door/secret", b"d", b"d/x", b"absent", b"f/under", b"../outside/secret")
    assert [opened.worktree_file(path) for path in paths] == [b"a\r\n\xff", b"f", None, None, b"", None, None, None]


def test_status_paths_are_what_differs_or_is_new_and_not_ignored(repository: Scratch, opened: Repository) -> None:
    repository.write(".gitignore", "*.log\n")
    repository.write("same", "x\n")
    repository.write("changed", "x\n")
    repository.write("gone", "x\n")
    assert opened.status_paths() == (b".gitignore", b"changed", b"gone", b"same")
    repository.commit()
    assert opened.status_paths() == ()
    repository.write("changed", "yy\n")
    repository.write("new", "y\n")
    repository.write("staged", "y\n")
    repository.write("x.log", "y\n")
    repository.git("add", "staged")
    repository.git("rm", "-q", "gone")
    assert opened.status_paths() == (b"changed", b"gone", b"new", b"staged")
    assert opened.ignored_paths([b"x.log", b"new", b"d/y.log"]) == {b"x.log", b"d/y.log"}
    assert opened.is_ignored(b"x.log")
    (repository.path / "door").symlink_to("d")
    odd = (b":(top)x.log", b"door/x.log", b"../x.log", b"a\nb.log")
    assert opened.ignored_paths(odd) == {b":(top)x.log", b"a\nb.log"}
    assert not opened.is_ignored(b"same")


def test_a_ref_with_the_end_of_a_line_in_its_name_stands_for_no_other(repository: Scratch, opened: Repository) -> None:
    """Git lets a name hold what ends a line in Unicode: it must neither hide another ref nor be taken for an id."""
    names = ("refs/byline/evidence", "refs/byline/evidence\u2028--all")
    refs = {name: repository.git("hash-object", "-w", "-t", kind, os.devnull) for name, kind in zip(names, ("tree", "blob"), strict=True)}
    for name, oid in refs.items():
        repository.git("update-ref", name, oid)
    assert opened.refs_under("refs/byline") == refs
    assert opened.trees_under("refs/byline") == {**refs, names[1]: None}


def test_refs_move_only_from_where_they_were(repository: Scratch, opened: Repository) -> None:
    one, two = opened.write_blob(b"1"), opened.write_blob(b"2")
    name = "refs/byline/evidence"
    assert opened.ref(name) is None
    assert opened.update_ref(name, one, None)
    assert not opened.update_ref(name, two, None)
    assert not opened.update_ref(name, two, two)
    assert opened.ref(name) == one
    assert opened.update_ref(name, two, one)
    assert opened.refs_under("refs/byline") == {name: two}
    assert repository.git("log", "--all", "--oneline") == ""
    with pytest.raises(RepositoryError):
        opened.update_ref("refs/byline/bad..name", one, None)


def test_configuration_is_set_once_and_taken_back(opened: Repository) -> None:
    opened.settings.set("byline.declareOwnLines", "true")
    opened.settings.add("remote.Up.Stream.fetch", "+a:b")
    opened.settings.add("remote.Up.Stream.fetch", "+a:b")
    opened.settings.add("remote.Up.Stream.fetch", "^c")
    assert opened.settings.choices("BYLINE.declareownlines") == ("true",)
    assert opened.config_get("remote.Up.Stream.fetch") == "^c"
    assert opened.settings.values()["remote.Up.Stream.fetch"] == ["+a:b", "^c"]
    opened.settings.remove("remote.Up.Stream.fetch", "+a:b")
    assert opened.settings.values()["remote.Up.Stream.fetch"] == ["^c"]
    opened.settings.remove("byline.absent")
    assert opened.config_get("byline.absent") is None
    assert opened.remotes() == ()
    opened.settings.set("remote.Up.Stream.url", "x")
    assert opened.remotes() == ("Up.Stream",)


def test_objects_are_written_many_at_once_and_large(opened: Repository) -> None:
    contents = [b"", b"x" * 15, b"x" * 16, b"y" * 5_000_000, bytes(range(256)) * 10]
    blobs = opened.write_objects([("blob", content) for content in contents])
    assert blobs == tuple(blob_id(content) for content in contents)
    assert list(opened.read_blobs(blobs * 60)) == contents * 60
    many = [b"%d" % number for number in range(100)]
    assert list(opened.read_blobs(opened.write_objects([("blob", content) for content in many]))) == many
    opened.write_objects([("blob", content) for content in many])
    assert [opened.blob_size(blob) for blob in blobs] == [len(content) for content in contents]


def test_a_walk_tells_of_each_commit_what_it_changed(repository: Scratch) -> None:
    """As `changes` does one by one, in one question; a file may be named like a commit, and a merge is told if it is like no parent."""
    repository.write("a" * 40, "one\n")
    repository.write("b", "two\nthree\nfour\n")
    first = repository.commit("first")
    repository.git("mv", "b", "c d\n")
    repository.write("a" * 40, "two\n")
    second = repository.commit("second")
    repository.git("switch", "-qc", "side", first)
    repository.write("e", "x\n")
    third = repository.commit("third")
    repository.git("merge", "-q", "--no-edit", second)
    clean = repository.git("rev-parse", "HEAD")
    repository.write("e", "evil\n")
    repository.git("commit", "-qa", "--amend", "--no-edit")
    evil = repository.git("rev-parse", "HEAD")
    empty = repository.git("commit-tree", "-p", evil, "-m", "empty", f"{evil}^{{tree}}")
    with open_repository(repository.path) as repo:
        walked = dict(repo.walk_changes([empty, evil, clean, third, second, first]))
        assert walked == {
            evil: None,
            third: repo.changes(first, third),
            second: repo.changes(first, second),
            first: repo.changes(None, first),
        }
        assert [each.old_path for each in walked[second] or ()] == [None, b"b"]
        assert repo.newest_commits(first, third) == [third]
        assert repo.newest_commits(None, evil, paths=[b"c d\n"]) == [second]
        assert repo.newest_commits(None, evil, limit=1) == [evil]
        assert (repo.merge_base(second, third), repo.merge_base(first, first)) == (first, first)

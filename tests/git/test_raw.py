# SPDX-License-Identifier: Apache-2.0
"""Threats G1 and G2: nothing in a repository changes what git tells Byline or runs a program, and what is missing is said to be."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from byline.errors import MissingObjectError, RepositoryError, ShallowError
from byline.git import process
from byline.git.batch import CatFile
from byline.git.repository import Repository, open_repository
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

Answers = tuple[object, ...]


def _story(scratch: Scratch) -> tuple[str, str]:
    scratch.write("a.txt", "one\ntwo\n")
    scratch.write("b.txt", "b\n" * 30)
    first = scratch.commit("first")
    scratch.write("a.txt", "one\nevil\n")
    scratch.git("mv", "b.txt", "c.txt")
    return first, scratch.commit("second")


def _answers(path: Path, first: str, second: str) -> Answers:
    with open_repository(path) as opened:
        return (
            opened.head(),
            opened.commit_info(second),
            opened.commits_between(first, second),
            opened.unpushed_commits(),
            opened.last_touch(second, b"a.txt"),
            list(opened.list_tree(second)),
            opened.changes(first, second),
            opened.tree_changes(None, second),
            [opened.read_blob(entry.oid) for _, entry in opened.list_tree(second)],
            opened.worktree_file(b"a.txt"),
            opened.status_paths(),
            opened.ignored_paths([b"a.txt"]),
        )


def _trap(path: Path, mark: Path) -> str:
    script = path / "trap.sh"
    script.write_text(f"#!/bin/sh\necho ran >> {mark}\ncat\n")
    script.chmod(0o755)
    return str(script)


def test_no_configuration_changes_an_answer_or_runs_a_program(repository: Scratch, tmp_path: Path) -> None:
    """Filters, text conversion, external diff, fsmonitor, hooks, aliases, mailmap, orderings, pagers: all set, all without effect."""
    first, second = _story(repository)
    before = _answers(repository.path, first, second)
    mark = tmp_path / "mark"
    trap = _trap(tmp_path, mark)
    settings = {
        "core.fsmonitor": trap, "core.pager": trap, "pager.diff-tree": trap, "diff.external": trap, "diff.trap.command": trap,
        "diff.trap.textconv": trap, "filter.trap.clean": trap, "filter.trap.smudge": trap, "filter.trap.process": trap,
        "filter.trap.required": "true",
        "alias.rev-list": f"!{trap}", "alias.cat-file": f"!{trap}", "mailmap.file": str(tmp_path / "mailmap"), "log.mailmap": "true",
        "blame.ignoreRevsFile": "ignored", "diff.renames": "false", "diff.renameLimit": "1", "diff.orderFile": str(tmp_path / "order"),
        "diff.noprefix": "true", "core.quotePath": "false", "core.askPass": trap, "gpg.program": trap, "log.showSignature": "true",
        "diff.ignoreSubmodules": "all", "core.commitGraph": "true", "core.attributesFile": str(tmp_path / "attributes"),
        "color.ui": "always", "i18n.logOutputEncoding": "latin1", "status.showUntrackedFiles": "no",
    }  # fmt: skip
    for key, value in settings.items():
        repository.git("config", key, value)
    (tmp_path / "mailmap").write_text("Evil <evil@example.invalid> <person@example.invalid>\n")
    (tmp_path / "order").write_text("c.txt\n")
    (tmp_path / "attributes").write_text("* diff=trap filter=trap\n")
    (repository.path / ".git/info/attributes").write_text("* diff=trap filter=trap working-tree-encoding=UTF-16\n")
    for hook in ("reference-transaction", "post-index-change", "pre-push"):
        repository.write(f".git/hooks/{hook}", f"#!/bin/sh\n{trap} < /dev/null\n").chmod(0o755)
    assert _answers(repository.path, first, second) == before
    with open_repository(repository.path) as opened:
        opened.update_ref("refs/byline/evidence", opened.write_blob(b"x"), None)
    assert not mark.exists()


def test_replaced_and_grafted_history_is_not_believed(repository: Scratch) -> None:
    first, second = _story(repository)
    before = _answers(repository.path, first, second)
    good = repository.git("rev-parse", f"{first}:a.txt")
    evil = repository.git("rev-parse", f"{second}:a.txt")
    repository.git("replace", evil, good)
    repository.git("replace", "--graft", second)
    repository.write(".git/info/grafts", f"{second}\n")
    assert repository.git("rev-list", "--count", second) == "1"
    assert repository.git("show", f"{second}:a.txt") == "one\ntwo"
    assert _answers(repository.path, first, second) == before


def test_a_forged_commit_graph_is_not_believed(repository: Scratch) -> None:
    """The graph is a cache beside the objects: another repository's says other parents."""
    first, second = _story(repository)
    before = _answers(repository.path, first, second)
    repository.git("commit-graph", "write", "--reachable", "--changed-paths")
    graph = repository.path / ".git/objects/info/commit-graph"
    graph.chmod(0o644)
    data = graph.read_bytes()
    graph.write_bytes(data[:-200] + bytes(200))
    assert _answers(repository.path, first, second) == before


@pytest.mark.parametrize(
    "variable",
    ["GIT_EXTERNAL_DIFF", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_REPLACE_REF_BASE", "GIT_DIFF_OPTS", "GIT_PAGER",
     "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_TRACE", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_SHALLOW_FILE", "GIT_ATTR_SOURCE"],
)  # fmt: skip
def test_no_variable_of_a_hook_changes_an_answer(
    repository: Scratch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    first, second = _story(repository)
    before = _answers(repository.path, first, second)
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert _answers(repository.path, first, second) == before


def test_a_shallow_clone_cannot_say_what_lies_beyond(repository: Scratch, tmp_path: Path) -> None:
    first, second = _story(repository)
    shallow = Scratch(tmp_path / "shallow")
    Scratch.create(tmp_path / "shallow")
    shallow.git("fetch", "--quiet", "--depth=1", repository.path.as_uri(), "main")
    with open_repository(shallow.path) as opened:
        assert opened.is_shallow
        assert opened.parents(second) == (first,)
        assert [path for path, _ in opened.list_tree(second)] == [b"a.txt", b"c.txt"]
        questions = [
            lambda: opened.commit_info(first),
            lambda: opened.read_blob(repository.git("rev-parse", f"{first}:a.txt")),
            lambda: opened.last_touch(second, b"a.txt"),
            lambda: opened.commits_between(None, second),
            lambda: opened.changes(first, second),
        ]
        for question in questions:
            with pytest.raises(ShallowError):
                question()


def test_a_missing_object_is_never_an_empty_answer(repository: Scratch) -> None:
    first, second = _story(repository)
    blob = repository.git("rev-parse", f"{second}:a.txt")
    tree = repository.git("rev-parse", f"{first}^{{tree}}")
    for oid in (blob, tree):
        (repository.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with open_repository(repository.path) as opened:
        assert not opened.has_object(blob)
        assert list(opened.read_small_blobs([blob], 10)) == [None]
        questions = [
            lambda: opened.read_blob(blob),
            lambda: opened.blob_size(blob),
            lambda: list(opened.read_blobs([blob] * 100)),
            lambda: opened.entry(first, b"a.txt"),
            lambda: list(opened.list_tree(first)),
            lambda: opened.changes(first, second),
            lambda: opened.tree_changes(None, first),
        ]
        for question in questions:
            with pytest.raises(MissingObjectError):
                question()
        assert opened.entry(second, b"a.txt") is not None


def test_a_partial_clone_fetches_nothing_behind_ones_back(repository: Scratch, tmp_path: Path) -> None:
    """Asking for an object must not reach the network, nor run the remote's program."""
    _, second = _story(repository)
    repository.git("config", "uploadpack.allowFilter", "true")
    partial = Scratch(tmp_path / "partial")
    repository.git("clone", "--quiet", "--bare", "--filter=blob:none", repository.path.as_uri(), str(partial.path))
    mark = tmp_path / "mark"
    partial.git("config", "remote.origin.uploadpack", _trap(tmp_path, mark))
    with open_repository(partial.path) as opened:
        entry = opened.entry(second, b"a.txt")
        assert entry is not None
        with pytest.raises(MissingObjectError):
            opened.read_blob(entry.oid)
        with pytest.raises(MissingObjectError):
            list(opened.read_blobs([entry.oid] * 100))
        assert opened.tree_changes(None, second)
    assert not mark.exists()


def test_a_damaged_object_is_an_error_and_the_next_question_is_answered(repository: Scratch) -> None:
    _, second = _story(repository)
    blob = repository.git("rev-parse", f"{second}:a.txt")
    place = repository.path / ".git/objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes(b"damaged")
    with open_repository(repository.path) as opened:
        with pytest.raises(RepositoryError):
            opened.read_blob(blob)
        assert opened.head() == second
        with pytest.raises(RepositoryError):
            list(opened.read_blobs([blob] * 100))


def test_a_process_that_died_is_started_again(repository: Scratch) -> None:
    _, second = _story(repository)
    with open_repository(repository.path) as opened:
        assert opened.head() == second
        assert isinstance(opened._objects, CatFile)
        running = opened._objects._process
        assert running is not None
        running.kill()
        running.wait()
        with pytest.raises(RepositoryError):
            opened.head()
        assert opened.head() == second


def test_threads_may_share_a_repository(repository: Scratch) -> None:
    _, second = _story(repository)
    wrong: list[object] = []

    def read(opened: Repository, number: int) -> None:
        for turn in range(30):
            content = b"%d %d" % (number, turn)
            blob = opened.write_blob(content) if turn % 10 == 0 else opened.entry(second, b"a.txt").oid  # type: ignore[union-attr]  # it is there
            if opened.read_blob(blob) not in (content, b"one\nevil\n"):
                wrong.append((number, turn))

    with open_repository(repository.path) as opened:
        threads = [threading.Thread(target=read, args=(opened, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert wrong == []


def test_a_git_that_hangs_is_ended(repository: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_repository(repository.path) as opened:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "git").write_text("#!/bin/sh\nexec tail -f /dev/null\n")
        (folder / "git").chmod(0o755)
        slow = process.Git({"PATH": f"{folder}:{os.environ['PATH']}"}, repository.path)
        with pytest.raises(RepositoryError, match="took longer"):
            slow.run("status", seconds=0.2)
        monkeypatch.setattr("byline.git.batch.SECONDS", 0.2)
        with pytest.raises(RepositoryError, match="took longer"):
            CatFile(slow).ask("HEAD")
        assert opened.head() is None


def test_no_git_at_all_is_said_plainly(repository: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError, match="git could not be started"):
        open_repository(repository.path)

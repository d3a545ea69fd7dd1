# SPDX-License-Identifier: Apache-2.0
"""Inside git's own hooks: the environment that git sets there leads to the right repository and to objects not yet accepted."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

REPORT = """
import json, os, sys
from pathlib import Path
from byline.git.repository import open_repository

said = sys.stdin.read().split()
with open_repository(Path.cwd(), environ=os.environ) as repository:
    new = said[1] if len(said) == 3 else repository.head()
    found = {
        "git_dir": str(repository.git_dir), "top": repository.top and str(repository.top), "new": new,
        "files": [path.decode() for path, _ in repository.list_tree(new)],
        "text": repository.read_blob(repository.entry(new, b"a").oid).decode(),
        "git_dir_was_set": "GIT_DIR" in os.environ, "quarantine": "GIT_QUARANTINE_PATH" in os.environ,
    }
Path(MARK).write_text(json.dumps(found))
"""


def _install(hooks: Path, hook: str, mark: Path) -> None:
    script = hooks.parent / f"{hook}.py"
    script.write_text(REPORT.replace("MARK", repr(str(mark))))
    hooks.mkdir(exist_ok=True)
    (hooks / hook).write_text(f"#!/bin/sh\nexec '{sys.executable}' '{script}' >&2\n")
    (hooks / hook).chmod(0o755)


def test_a_server_hook_reads_what_is_pushed_before_it_is_accepted(repository: Scratch, tmp_path: Path) -> None:
    bare = Scratch.create(tmp_path / "bare", "--bare")
    _install(bare.path / "hooks", "pre-receive", tmp_path / "mark")
    repository.write("a", "text\n")
    commit = repository.commit()
    repository.git("push", "--quiet", str(bare.path), "main")
    found = json.loads((tmp_path / "mark").read_text())
    assert (found["git_dir"], found["top"], found["new"]) == (str(bare.path), None, commit)
    assert (found["files"], found["text"]) == (["a"], "text\n")
    assert found["git_dir_was_set"]
    assert found["quarantine"]


@pytest.mark.parametrize("linked", [False, True])
def test_a_commit_hook_finds_its_own_work_tree(repository: Scratch, tmp_path: Path, linked: bool) -> None:  # noqa: FBT001 - a parameter
    """Also in a linked work tree, where GIT_DIR names the work tree's own folder."""
    scratch = repository
    scratch.write("a", "first\n")
    scratch.commit()
    if linked:
        repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
        scratch = Scratch(tmp_path / "side")
    _install(repository.path / ".git/hooks", "post-commit", tmp_path / "mark")
    scratch.write("a", "text\n")
    commit = scratch.commit()
    found = json.loads((tmp_path / "mark").read_text())
    git_dir = repository.path / (".git/worktrees/side" if linked else ".git")
    assert (found["git_dir"], found["top"], found["new"], found["text"]) == (str(git_dir), str(scratch.path), commit, "text\n")


def test_a_commit_of_some_files_from_a_subfolder_is_seen(repository: Scratch, tmp_path: Path) -> None:
    """`git commit PATH` works with an index of its own; the hook runs at the top."""
    _install(repository.path / ".git/hooks", "post-commit", tmp_path / "mark")
    repository.write("a", "text\n")
    repository.write("sub/b", "b\n")
    repository.git("add", "a")
    repository.commit()
    repository.write("sub/b", "changed\n")
    Scratch(repository.path / "sub").git("commit", "--quiet", "--message", "part", "b")
    assert json.loads((tmp_path / "mark").read_text())["top"] == str(repository.path)

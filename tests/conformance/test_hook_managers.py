# SPDX-License-Identifier: Apache-2.0
"""pre-commit, lefthook and husky themselves, where Byline is too: they have their say as before, and each commit is marked once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.capture.marks import list_marks
from installed import PROGRAM, Said, run
from tools import node_packages, python_program

if TYPE_CHECKING:
    from scratch import Scratch

CHECK = 'sh -c "! grep -q BAD a"'
PRE_COMMIT = f"""
repos:
- repo: local
  hooks: [{{id: check, name: check, entry: '{CHECK}', language: system, pass_filenames: false}}]
"""
LEFTHOOK = f"pre-commit:\n  jobs:\n    - run: {CHECK}\n"


def program(name: str) -> Path:
    if name == "pre-commit":
        return python_program(name, "4.7.0", name)
    package = {"husky": "husky@9.1.7", "lefthook": "lefthook@2.2.2"}[name]
    return node_packages(package.replace("@", "-"), package) / ".bin" / name


def byline(repository: Scratch, *words: str) -> Said:
    said = run(*PROGRAM, *words, cwd=repository.path)
    assert said.code == 0, said
    return said


def stop_attesting() -> None:
    """Let marks stay where git's hooks leave them: what would sign them is not found."""
    (Path.home() / ".local/share/byline/launcher").unlink()


def marks(repository: Scratch) -> int:
    return len(list_marks(repository.path / ".git/byline"))


def is_checked(repository: Scratch) -> bool:
    """Whether a bad commit is refused, one with `--no-verify` is not, a good one is made, and each that was made is marked once."""
    (repository.path / ".git/byline/marks").mkdir(parents=True, exist_ok=True)
    stop_attesting()
    codes = []
    for text, options in (("BAD 1", ()), ("BAD 2", ("--no-verify",)), ("good", ())):
        repository.write("a", text)
        repository.git("add", "a")
        codes.append(run("git", "commit", "-qm", "x", *options, cwd=repository.path).code)
    return codes == [1, 0, 0] and marks(repository) == 2


@pytest.mark.parametrize("first", ["tool", "byline"])
@pytest.mark.parametrize(
    ("name", "file", "text"), [("pre-commit", ".pre-commit-config.yaml", PRE_COMMIT), ("lefthook", "lefthook.yml", LEFTHOOK)]
)
def test_what_installs_into_the_git_folder_is_called(repository: Scratch, first: str, name: str, file: str, text: str) -> None:
    tool = program(name)
    repository.write(file, text)
    repository.commit()
    steps = [
        lambda: run(tool, "install", cwd=repository.path, environ={"GIT_CONFIG_GLOBAL": "/dev/null"}),
        lambda: run(*PROGRAM, "init", "--user", "--yes", cwd=repository.path),
    ]
    for step in steps if first == "tool" else steps[::-1]:
        assert step().code == 0
    assert is_checked(repository)


def test_pre_commit_that_takes_our_hooks_over_calls_them_and_init_leaves_it_so(repository: Scratch) -> None:
    tool = program("pre-commit")
    repository.write(".pre-commit-config.yaml", PRE_COMMIT)
    repository.commit()
    byline(repository, "init", "--no-agents", "--yes")
    types = [f"--hook-type={each}" for each in ("pre-commit", "post-commit", "pre-push")]
    assert run(tool, "install", *types, cwd=repository.path).code == 0
    assert "chained in .git/hooks" in byline(repository, "doctor").out
    assert "everything is in place already" in byline(repository, "init", "--no-agents", "--yes").out
    assert is_checked(repository)


def test_husky_writes_its_folder_anew_and_ours_are_called_all_the_same(repository: Scratch) -> None:
    """As in a fresh clone of a team's repository: `byline init`, and each `npm install` runs husky."""
    husky = program("husky")
    repository.write("package.json", "{}")
    repository.write(".husky/pre-commit", CHECK + "\n")
    repository.write(".husky/pre-push", "true\n")
    repository.commit()
    before = (repository.path / ".git/info/exclude").read_bytes()
    told = byline(repository, "init", "--no-agents", "--yes").err
    assert "as the last line of its pre-push, and commit that" in told
    call = told.split("(it does nothing without Byline): ")[1].split("\n")[0].replace("HOOK", "pre-push")
    repository.write(".husky/pre-push", f"true\n{call}\n")
    for _ in range(2):
        assert run(husky, cwd=repository.path).code == 0
    assert repository.git("config", "core.hooksPath") == ".husky/_"
    assert "called by those in .husky" in byline(repository, "doctor").out
    assert "everything is in place already" in byline(repository, "init", "--no-agents", "--yes").out
    assert repository.git("status", "--porcelain", "-uall", "--", ".husky") == "M .husky/pre-push"
    assert is_checked(repository)
    byline(repository, "init", "--undo")
    assert sorted(each.name for each in (repository.path / ".husky").iterdir()) == ["_", "pre-commit", "pre-push"]
    assert (repository.path / ".git/info/exclude").read_bytes() == before
    repository.commit("x", "--allow-empty")
    assert marks(repository) == 2


def test_init_joins_husky_where_all_repositories_are_set_up(repository: Scratch) -> None:
    husky = program("husky")
    byline(repository, "init", "--user", "--yes")
    repository.write("package.json", "{}")
    assert run(husky, cwd=repository.path).code == 0
    repository.write(".husky/pre-commit", CHECK + "\n")
    assert repository.git("config", "core.hooksPath") == ".husky/_"
    byline(repository, "init", "--yes")
    assert is_checked(repository)

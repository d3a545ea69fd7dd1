# SPDX-License-Identifier: Apache-2.0
"""pre-commit, lefthook and husky themselves, in a repository of a user who ran `byline init --user`: they have their say as before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.capture.marks import list_marks
from installed import PROGRAM, run

if TYPE_CHECKING:
    from scratch import Scratch

CHECK = 'sh -c "! grep -q BAD a"'
PRE_COMMIT = f"""
repos:
- repo: local
  hooks: [{{id: check, name: check, entry: '{CHECK}', language: system, pass_filenames: false}}]
"""
LEFTHOOK = f"pre-commit:\n  jobs:\n    - run: {CHECK}\n"


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed here")


def is_checked(repository: Scratch) -> bool:
    """Whether a bad commit is refused, one with `--no-verify` is not, a good one is made, and each that was made is marked once."""
    (repository.path / ".git/byline/marks").mkdir(parents=True, exist_ok=True)
    (Path.home() / ".local/share/byline/launcher").unlink()  # no attester: the marks stay
    codes = []
    for text, options in (("BAD 1", ()), ("BAD 2", ("--no-verify",)), ("good", ())):
        repository.write("a", text)
        repository.git("add", "a")
        codes.append(run("git", "commit", "-qm", "x", *options, cwd=repository.path).code)
    return codes == [1, 0, 0] and len(list_marks(repository.path / ".git/byline")) == 2


@pytest.mark.parametrize("first", ["tool", "byline"])
@pytest.mark.parametrize(
    ("program", "file", "text"), [("pre-commit", ".pre-commit-config.yaml", PRE_COMMIT), ("lefthook", "lefthook.yml", LEFTHOOK)]
)
def test_what_installs_into_the_git_folder_is_called(repository: Scratch, first: str, program: str, file: str, text: str) -> None:
    needs(program)
    repository.write(file, text)
    repository.commit()
    steps = [
        lambda: run(program, "install", cwd=repository.path, environ={"GIT_CONFIG_GLOBAL": "/dev/null"}),
        lambda: run(*PROGRAM, "init", "--user", "--yes", cwd=repository.path),
    ]
    for step in steps if first == "tool" else steps[::-1]:
        assert step().code == 0
    assert is_checked(repository)


def test_husky_keeps_its_folder_and_init_joins_it(repository: Scratch) -> None:
    needs("husky")
    assert run(*PROGRAM, "init", "--user", "--yes", cwd=repository.path).code == 0
    repository.write("package.json", "{}")
    assert run("husky", cwd=repository.path).code == 0
    repository.write(".husky/pre-commit", CHECK + "\n")
    assert repository.git("config", "core.hooksPath") == ".husky/_"
    assert run(*PROGRAM, "init", "--yes", cwd=repository.path).code == 0
    assert is_checked(repository)

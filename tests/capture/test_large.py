# SPDX-License-Identifier: Apache-2.0
"""A repository with a large index: which of its folders hold nothing new is known from one scan to the next, and changes no answer."""

from __future__ import annotations

import os
import shutil
import subprocess
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.inbox import list_arrivals
from byline.capture.places import inbox_dir
from byline.capture.scans import scan_worktree
from byline.capture.second_index import correct_untracked, take_as_unchanged
from byline.capture.snapshot import LARGE_INDEX
from byline.capture.worktree import find_worktree
from claude_session import spooling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scratch import Scratch

DEEP = "/".join("d" * 200 for _ in range(14))  # long names make an index large with few files
CHANGES = (
    "echo changed >tracked; echo new >new; echo ignored >a.out",
    "mkdir -p folder/below; echo new >folder/below/new; echo ignored >folder/below/a.out",
    "echo more >folder/below/more; echo ignored >folder/ignored.out; mv new newer",
    "echo '!a.out' >folder/.gitignore; git init -q inner; echo new >inner/new; chmod +x tracked",
    "echo newer >>.git/info/exclude; unlink folder/below/more; unlink tracked; mkdir tracked; echo new >tracked/new",
)
LEFT_BEHIND = "git rm -q --cached folder/below/a.out; git commit -q -m some; echo new >folder/later"
OF_THE_INDEX = (
    "git add --all folder; echo changed >folder/below/new",
    LEFT_BEHIND,
    "git stash -q; echo new >after",
)
STEPS = 40
ENTRY = "git update-index --add --cacheinfo 100644,$(git rev-parse HEAD:tracked),{}"
SINCE_THE_COPY = (  # what was there, what was done, and whether the copy is enough to tell what is untracked now
    ("mkdir k; echo 1 >k/a; git add k; git commit -q -m a", "git rm -q --cached k/a", True),
    ("git add k; echo '*.out' >k/.gitignore; echo 1 >k/i.out; echo 1 >k/new", "git add k; git commit -q -m b", True),
    ("", "git rm -q --cached k/a k/new; git commit -q -m c; echo k/a >>.git/info/exclude", True),
    ("git add --force k", "git reset -q; git rm -q --cached k/.gitignore", True),
    ("git add k; git commit -q -m d", "git update-index --skip-worktree k/.gitignore; unlink k/.gitignore", False),
    (
        "git update-index --no-skip-worktree k/.gitignore",
        "git checkout -q k; git rm -q --cached k/new; git add --intent-to-add k/new",
        False,
    ),
    ("git reset -q; git init -q k/in; git -C k/in commit -q --allow-empty -m i; echo 1 >k/in/new", "echo 2 >k/in/new", True),
    ("", ENTRY.format("k/in/x"), False),
    ("", "git update-index --force-remove k/in/x", False),
    ("git add k/in", "mv k/in/.git .git/in; git update-index --force-remove k/in", False),
    (
        "git checkout -q -b one; echo 3 >k/new; git commit -q -a -m e; git checkout -q -; git rm -q k/new; git commit -q -m f",
        "git merge one",
        True,
    ),
    ("git reset -q; git config core.ignoreCase true", ENTRY.format("k/NEW"), False),
    ("git config core.ignoreCase false; git reset -q", "git add --all; git commit -q -m g; git mv k m; unlink m/a; ln -s m/i.out k", True),
    ("mkdir r; echo '*.out' >r/.gitignore; echo 1 >r/i.out; git add r; git commit -q -m h", "echo >r/.gitignore", True),  # the folder stays
    ("", "echo '*.out' >r/.gitignore; git add r/.gitignore", True),
)
OPERATIONS = (
    *["mkdir -p {folder}; echo {number} >{path}", "git add --all", "git commit -q -m some"] * 6,
    *["git add --all {folder}", "git commit -q --all -m some", "git commit -q --amend -m other", "unlink {path}"] * 2,
    *["echo {number} >{folder}/new{number}", "mkdir -p {path}; echo {number} >{path}/below", "ln -s {folder} {path}"],
    *["git add --force {path}", "git add --intent-to-add {path}", "git mv {path} {folder}/moved{number}", "git reset -q"],
    *["git rm -q -r --cached {folder}", "git rm -q --cached {path}", "git restore --staged {path}"],
    *["git stash -q", "git stash -q --include-untracked", "git stash pop -q", "git merge -q one", "git merge --abort"],
    *["git checkout -q one", "git checkout -q two", "git checkout -q -B one", "git checkout -q -B two"],
    *["echo '*.out' >{folder}/.gitignore", "echo '!i.out' >{folder}/.gitignore", "echo {path} >>.git/info/exclude"],
    *["unlink {folder}/.gitignore", "git update-index --skip-worktree {folder}/.gitignore; unlink {folder}/.gitignore"],
    *["git update-index --no-skip-worktree {folder}/.gitignore", "git update-index --assume-unchanged {path}"],
    *["git init -q {folder}/inner; git -C {folder}/inner commit -q --allow-empty -m inner; echo {number} >{folder}/inner/{number}"],
    *["git update-index --add --cacheinfo 100644,$(git hash-object -w .git/HEAD),{folder}/inner/{number}"],
)


@pytest.fixture
def scan(repository: Scratch, home: Path, tmp_path: Path) -> Callable[[], list[bytes] | None]:
    """Scan as the installed hook does, and return what was spooled once all that the hook started has ended."""
    (home / ".claude").mkdir()
    hook = tmp_path / "hook.sh"
    spooling(tmp_path)

    def scan() -> list[bytes] | None:
        ends, mine = os.pipe()
        done = subprocess.run(
            [str(hook), "scan"], input=b"{}", cwd=repository.path, capture_output=True, check=True, timeout=60, pass_fds=(mine,)
        )
        os.close(mine)
        with os.fdopen(ends, "rb") as file:  # what runs in the background holds the other end
            file.read()
        assert (done.stdout, done.stderr) == (b"", b"")
        told = b""
        for each in list_arrivals(inbox_dir(os.environ)):
            told += each.path.read_bytes()
            each.path.unlink()
        return sorted(field for field in told.split(b"\0") if field.startswith(b"file=")) if told else None

    return scan


def test_what_is_known_of_a_large_work_tree_changes_no_answer(
    repository: Scratch, scan: Callable[[], list[bytes] | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a command does; only what left the index and is still there needs all folders read. What is broken is made anew."""
    said = repository.git("version").split()[2]
    if tuple(map(int, said.split(".")[:2])) < (2, 36):
        pytest.skip(f"git {said} has no untracked cache where it lists all files; 2.36 has")
    for number in range(LARGE_INDEX // len(DEEP) + 1):
        repository.write(f"{DEEP}/{number}", "")
    repository.write("tracked", "one\n")
    repository.write(".gitignore", "*.out\n")
    repository.commit()
    index, own = repository.path / ".git/index", repository.path / ".git/byline/index"
    trace, made_of, still = tmp_path / "trace", own.with_name("index.of"), own.with_name("index.still")
    worktree = find_worktree(repository.path)
    assert worktree is not None

    assert (scan(), made_of.samefile(index)) == ([], True)
    for change in (*CHANGES, *OF_THE_INDEX):
        subprocess.run(["sh", "-c", change], cwd=repository.path, check=True, timeout=60)
        assert (change, made_of.samefile(index)) == (change, change in CHANGES)
        with monkeypatch.context() as patch:
            patch.setenv("GIT_TRACE2", str(trace))
            assert (change, scan()) == (change, sorted(scan_worktree(worktree)[1]))
        asked = trace.read_text()
        trace.unlink()
        assert (change, " ls-files -z -o " in asked) == (change, change == LEFT_BEHIND)
        assert made_of.samefile(index)

    assert sorted(own.parent.glob("index*")) == [own, made_of, still]
    for broken in (own, still):
        broken.write_bytes(b"broken")
        if broken == still:
            repository.git("add", "after")
        assert (broken, scan()) == (broken, sorted(scan_worktree(worktree)[1]))
        assert made_of.samefile(index)
        assert still.read_bytes() != b"broken"

    still.unlink()
    still.mkdir()  # it cannot be removed, as in a git folder that is another's, or mounted for reading only
    repository.git("rm", "-q", "--cached", "after", "tracked")
    assert scan() == sorted(scan_worktree(worktree)[1])


def test_an_older_index_hides_and_invents_no_untracked_file(repository: Scratch, tmp_path: Path) -> None:
    """Whatever was done since it was copied it tells what plain git does, or that it cannot."""
    index, older = repository.path / ".git/index", tmp_path / "older"
    known = ("-c", "core.untrackedCache=true", "-c", "status.showUntrackedFiles=all", "status", "-uall")
    said = ("--porcelain=v2", "--branch", "-z", "--no-renames", "--ignore-submodules=dirty")

    def ask(index: Path, *command: str) -> bytes:
        environ = {**os.environ, "GIT_INDEX_FILE": str(index)}
        return subprocess.run(["git", *command], cwd=repository.path, env=environ, stdout=subprocess.PIPE, check=True, timeout=60).stdout

    def copy() -> None:
        for folder, below, _ in os.walk(repository.path):  # git believes no folder that is as young as the index
            below[:] = [each for each in below if each != ".git"]
            os.utime(folder, (5, 5))
        shutil.copyfile(index, older)
        began = older.stat().st_mtime_ns
        ask(older, *known)
        still = take_as_unchanged(older.read_bytes())
        older.unlink()
        if still:
            older.write_bytes(still)
            os.utime(older, ns=(began, began))

    def do(change: str) -> None:
        subprocess.run(["sh", "-c", change], cwd=repository.path, check=False, capture_output=True, timeout=60)

    def is_told(change: str) -> bool:
        do(change)
        listed = ask(index, "ls-files", "-z", "-o", "--exclude-standard").split(b"\0")
        status = ask(index, "status", "-uno", *said), ask(older, *known, *said)
        found = correct_untracked(os.fsencode(repository.path), os.fsencode(index), *status)
        plain = {each for each in listed if each and not each.endswith(b"/")}
        assert found is None or (change, {each for each in found if not each.endswith(b"/")}) == (change, plain)
        return found is not None

    repository.write("tracked", "one\n")
    repository.commit()
    for before, change, is_enough in SINCE_THE_COPY:
        do(before)
        copy()
        assert (change, is_told(change)) == (change, is_enough)
    left, others = ask(index, "status", "-uno", *said), ask(older, *known, *said)
    assert (
        correct_untracked(os.fsencode(repository.path), os.fsencode(index), left, others.replace(b"branch.oid ", b"branch.oid 0")) is None
    )

    dice, told = Random(5), []
    for number in range(STEPS):
        if not older.exists() or dice.random() < 0.2:
            copy()
        folder = dice.choice(("f", "f/g", "h", "F"))
        path = f"{folder}/{dice.choice(('a', 'b', 'A', 'i.out', 'inner'))}"
        change = dice.choice(OPERATIONS).format(folder=folder, path=path, number=number)
        if older.exists():
            told.append(is_told(change))
        else:
            do(change)
    assert sum(told) > STEPS / 2


@given(st.binary(max_size=200), st.integers(0, 3))
def test_what_is_no_index_is_not_taken_for_one(some: bytes, entries: int) -> None:
    told = take_as_unchanged(b"DIRC\0\0\0\2\0\0\0" + bytes([entries]) + some)
    assert told is None or len(told) == 12 + len(some)
    assert take_as_unchanged(some) is None

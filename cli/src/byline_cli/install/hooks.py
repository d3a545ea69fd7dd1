# SPDX-License-Identifier: Apache-2.0
"""Git hooks that record and never take over: the hook that was there is kept beside ours and called by it.

    .git/hooks/post-commit                     ours: leaves a mark, starts the attester, then runs yours
    .git/hooks/post-commit.byline-chained      yours, byte for byte

Git looks in `core.hooksPath` where it is set. Byline follows into a folder that belongs to this clone alone (inside the git
directory, or in the work tree and ignored). A folder that is committed, or that other repositories share, is not ours to
change: `plan_hooks` says so, and what to add there by hand.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.spool import GIT_HOOKS, SIGNATURE, git_hook_stub
from byline.errors import RepositoryError
from byline_cli.install.changes import FileChange, plan_file, read_or_none

if TYPE_CHECKING:
    from byline.git.repository import Repository

CHAINED = ".byline-chained"
EXECUTABLE = 0o755


def hooks_folder(repo: Repository) -> Path:
    """Return the folder in which git looks for this clone's hooks."""
    said = repo.git.run("config", "-z", "--show-scope", "--includes", "--get-all", "core.hooksPath", ok=(0, 1)).split(b"\0")
    # Byline's own git runs without hooks, by a setting of the scope `command`.
    values = [os.fsdecode(value) for scope, value in zip(said[::2], said[1::2], strict=False) if scope != b"command"]
    named = values[-1] if values else ""
    if not named:
        return repo.common_dir / "hooks"
    return (repo.top or repo.git_dir) / Path(named).expanduser()


def why_not_ours(repo: Repository, folder: Path) -> str:
    """Return why Byline leaves the hooks in `folder` alone, empty if it does not."""
    folder = Path(os.path.normpath(folder))
    if folder.is_relative_to(repo.common_dir):
        return ""
    if repo.top is None or not folder.is_relative_to(repo.top):
        return "core.hooksPath leads to a folder that other repositories share"
    inside = os.fsencode(folder.relative_to(repo.top)) + b"/post-commit"
    try:
        ignored = repo.is_ignored(inside)
    except RepositoryError:
        ignored = False
    return "" if ignored else "core.hooksPath leads to a folder that is part of the repository"


def plan_hooks(repo: Repository, *, python: Path) -> tuple[FileChange, ...]:
    """Return the changes that chain our hooks into `hooks_folder`."""
    folder = hooks_folder(repo)
    changes: list[FileChange] = []
    for hook in GIT_HOOKS:
        path = folder / hook
        theirs = folder / f"{hook}{CHAINED}"
        current = read_or_none(path)
        if current is not None and not is_ours(current):
            mode = path.stat().st_mode & 0o777
            changes.append(plan_file(theirs, current, mode=mode, why=f"your {hook}, kept and called"))
        chained = theirs.name if theirs.exists() or (current is not None and not is_ours(current)) else None
        stub = git_hook_stub(hook, python=python, chained=chained).encode()
        changes.append(plan_file(path, stub, mode=EXECUTABLE, why=f"git hook {hook}" + (", calls yours" if chained else "")))
    return tuple(changes)


def is_ours(hook: bytes) -> bool:
    """Say whether the hook with these bytes is one that Byline wrote."""
    return SIGNATURE.encode() in hook.split(b"\n", 3)[1:3]


def missing_hooks(repo: Repository) -> tuple[str, ...]:
    """Return the hooks that are not there, or not executable, or no longer ours."""
    folder = hooks_folder(repo)
    return tuple(hook for hook in GIT_HOOKS if not os.access(folder / hook, os.X_OK) or not is_ours(read_or_none(folder / hook) or b""))

# SPDX-License-Identifier: Apache-2.0
"""Git hooks that record and never take over: the hook that was there is kept beside ours and called by it.

    .git/hooks/post-commit                     ours: leaves a mark, starts the attester, then runs yours
    .git/hooks/post-commit.byline-chained      yours, byte for byte

Git looks in `core.hooksPath` where it is set. Byline follows into a folder that belongs to this clone alone (inside the git
directory, or in the work tree and ignored). A folder that is committed, or that other repositories share, is not ours to
change: `why_not_ours` says so.

For all repositories of a user there is one folder with a stub for every hook, and the user's `core.hooksPath` names it:

    $XDG_DATA_HOME/byline/hooks/pre-commit        ours: runs the repository's own pre-commit, as git would

There a clone's own hooks are still those in `<git common dir>/hooks`, and a clone with a `core.hooksPath` of its own is as it was.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.launcher import launcher_file
from byline.capture.places import data_dir
from byline.capture.spool import GIT_HOOKS, NOT_CALLED, SIGNED, USER_HOOKS, git_hook_stub, user_hook_stub
from byline.errors import RepositoryError
from byline_cli.install.changes import FileChange, plan_file, read_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from byline.git.repository import Repository

CHAINED = ".byline-chained"
EXECUTABLE = 0o755


def user_hooks_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the hooks of all the user's repositories."""
    return data_dir(environ) / "hooks"


def is_user_wide(repo: Repository, environ: Mapping[str, str]) -> bool:
    """Whether git runs the hooks of all the user's repositories here."""
    return _git_folder(repo) == user_hooks_folder(environ)


def hooks_folder(repo: Repository, environ: Mapping[str, str]) -> Path:
    """Return the folder of this clone's own hooks: where git looks, or where the hooks of all repositories look for them."""
    folder = _git_folder(repo)
    return repo.common_dir / "hooks" if folder in (None, user_hooks_folder(environ)) else folder


def _git_folder(repo: Repository) -> Path | None:
    values = repo.settings.scoped_values("core.hooksPath")
    named = values[-1][1] if values else ""
    return (repo.top or repo.git_dir) / Path(named).expanduser() if named else None


def is_shared(repo: Repository) -> bool:
    """Whether it is the user's own configuration, or the system's, that says where git looks: `init --user` can join that."""
    values = repo.settings.scoped_values("core.hooksPath")
    return bool(values) and values[-1][0] in ("global", "system")


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


def plan_hooks(folder: Path, environ: Mapping[str, str]) -> tuple[FileChange, ...]:
    """Return the changes that chain our hooks into the `folder` of a clone."""
    changes: list[FileChange] = []
    for hook in GIT_HOOKS:
        path = folder / hook
        theirs = folder / f"{hook}{CHAINED}"
        current = read_or_none(path)
        if current is not None and not is_ours(current):
            mode = path.stat().st_mode & 0o777
            changes.append(plan_file(theirs, current, mode=mode, why=f"your {hook}, kept and called"))
        chained = theirs.name if theirs.exists() or (current is not None and not is_ours(current)) else None
        stub = git_hook_stub(hook, launcher=launcher_file(environ), chained=chained).encode()
        changes.append(plan_file(path, stub, mode=EXECUTABLE, why=f"git hook {hook}" + (", calls yours" if chained else "")))
    return tuple(changes)


def plan_user_hooks(environ: Mapping[str, str], former: str | None) -> tuple[FileChange, ...]:
    """Return the changes that make the hooks of all repositories; `former` is the folder that the user had for that."""
    folder, launcher = user_hooks_folder(environ), launcher_file(environ)
    before = None if former is None else str(Path(former).expanduser())
    return tuple(
        plan_file(
            folder / hook,
            user_hook_stub(hook, launcher=launcher, former=before).encode(),
            mode=EXECUTABLE,
            why="git hooks; each calls yours",
        )
        for hook in USER_HOOKS
    )


def is_ours(hook: bytes) -> bool:
    """Say whether the hook with these bytes is one that Byline wrote."""
    return any(line.startswith(SIGNED.encode()) for line in hook.split(b"\n", 3)[1:3])


def missing_hooks(folder: Path, hooks: Iterable[str] = GIT_HOOKS) -> tuple[str, ...]:
    """Return those of `hooks` that are not in `folder`, or not executable, or no longer ours."""
    return tuple(hook for hook in hooks if not os.access(folder / hook, os.X_OK) or not is_ours(read_or_none(folder / hook) or b""))


def hooks_not_called(repo: Repository) -> tuple[str, ...]:
    """Return the repository's own hooks that hooks of all repositories do not call."""
    return tuple(hook for hook in NOT_CALLED if os.access(repo.common_dir / "hooks" / hook, os.X_OK))

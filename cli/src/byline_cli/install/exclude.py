# SPDX-License-Identifier: Apache-2.0
"""What `init` writes into a work tree and nobody is to commit: a line for each file in the clone's `info/exclude`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.capture.git_hooks import GIT_HOOKS
from byline_cli.install.agents import setups
from byline_cli.install.changes import FileChange, plan_file, read_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.git.repository import Repository


def plan_exclude(repo: Repository, files: Iterable[FileChange]) -> tuple[FileChange, ...]:
    """Return the change that keeps those of `files` out of commits that are not for others, if there are any."""
    lines = [b"/" + os.fsencode(each.path.relative_to(repo.top or repo.git_dir)) for each in files if each.is_excluded]
    path = repo.common_dir / "info" / "exclude"
    exclude = read_or_none(path) or b""
    missing = [line + b"\n" for line in lines if line not in exclude.splitlines()]
    end = b"" if not missing or not exclude or exclude.endswith(b"\n") else b"\n"
    after = exclude + end + b"".join(missing)
    return (plan_file(path, after, kind="exclude", why="what is yours alone is not committed"),) if lines else ()


def without_lines(exclude: bytes, before: bytes | None) -> bytes:
    """Return the exclude file without our lines; those that it had `before` are a person's."""
    places = [os.fsencode(f"/{setup.project}") for setup in setups().values() if setup.project]
    ends = tuple(f"/{hook}".encode() for hook in GIT_HOOKS)
    theirs = {*(before or b"").splitlines()}

    def is_ours(line: bytes) -> bool:
        return line not in theirs and (line.endswith(ends) or any(line == place or line.startswith(place + b"/") for place in places))

    return b"".join(line for line in exclude.splitlines(keepends=True) if not is_ours(line.rstrip(b"\r\n")))

# SPDX-License-Identifier: Apache-2.0
# Paths are os.path here: pathlib takes as long to import as the interpreter takes to start.
# ruff: noqa: PTH118, PTH120
"""Which files a call names that an agent is about to make, and whether they lie in another work tree than it works in.

An agent that works in one repository may write into others: a submodule, a clone below or beside it. Each has rules of its own, about
paths from its own top. Only what is known before the call counts: a path in a variable is for the rules where the command runs.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from byline.capture.agents import Attempt


def touched_paths(attempt: Attempt, home: str | None) -> tuple[str, ...]:
    """Return the paths that `attempt` surely writes, absolute, without links."""
    paths = [*attempt.paths]
    if attempt.command is not None and attempt.cwd:
        from byline.core.command_kinds import find_writes
        from byline.core.targets import Places

        cwd = os.path.realpath(attempt.cwd)
        writes = find_writes(attempt.command, Places(top=cwd, cwd=(cwd,), home=home))
        paths += [text for each in writes if (text := each.text) is not None]
    return tuple(dict.fromkeys(filter(None, (_real(os.path.join(attempt.cwd, path)) for path in paths))))


def _real(path: str) -> str | None:
    try:
        return os.path.realpath(path)
    except ValueError:  # no file can have it
        return None


def works_elsewhere(path: str, top: str) -> bool:
    """Whether `path` is not in the work tree at `top` itself: outside of it, or in one below."""
    if path != top and not path.startswith(top.rstrip("/") + "/"):
        return True
    while len(path) > len(top):
        if os.access(os.path.join(path, ".git"), os.F_OK):
            return True
        path = os.path.dirname(path)
    return False

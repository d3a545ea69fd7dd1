# SPDX-License-Identifier: Apache-2.0
"""What is kept of folders without git (`capture.loose`), as `byline status` tells it where there is no repository.

no git here; kept until there is, of /home/ana/notes:
  claude-code  session 6e46bda4  3 edits  in 2 files  5 minutes ago
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from byline.capture.loose import loose_edits, near_folders
from byline.capture.places import inbox_dir, loose_dir
from byline.capture.settle import settle_inbox
from byline.core.attribution import Agent, Tool
from byline_cli.terminal import count, show_age, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.edit import Edit
    from byline_cli.world import World

SCHEMA = "byline.loose/1"
SESSION = 8  # characters of its id


def tell_gitless(world: World, *, is_json: bool) -> bool:
    """Tell what is kept of the folder in which the command was called, those above and those below; False where nothing is.

    Raises:
        OSError: It cannot be read.
    """
    settle_inbox(inbox_dir(world.environ))
    found = near_folders(loose_dir(world.environ), world.cwd.resolve())
    folders: list[dict[str, Any]] = [{"folder": str(tree.top), "sessions": _sessions(loose_edits(tree.git_dir))} for tree in found]
    folders = [each for each in folders if each["sessions"]]
    if not folders:
        return False
    if is_json:
        world.terminal.json({"schema": SCHEMA, "folders": folders})
        return True
    now = time.time()
    for each in folders:
        world.terminal.line(f"no git here; kept until there is, of {each['folder']}:")
        rows = [_row(session, now) for session in each["sessions"]]
        world.terminal.lines([line] for line in show_table(rows, columns=world.terminal.columns))
    world.terminal.note("git init and byline init make it a repository's, which byline blame shows; byline forget removes it")
    return True


def _sessions(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    kept: dict[tuple[str | None, str | None, str | None], list[Edit]] = {}
    for edit in edits:
        by = edit.by
        model = by.model if isinstance(by, Agent) else None
        kept.setdefault((by.name if isinstance(by, (Agent, Tool)) else None, model, edit.session), []).append(edit)
    return [
        {
            "by": name,
            "model": model,
            "session": session,
            "edits": len(mine),
            "files": len({edit.path for edit in mine}),
            "time": str(max(edit.time for edit in mine)),
        }
        for (name, model, session), mine in kept.items()
    ]


def _row(each: dict[str, Any], now: float) -> list[str]:
    who = " · ".join(filter(None, (each["by"] or "a person", each["model"])))
    session = f"session {each['session'][:SESSION]}" if each["session"] else ""
    return [who, session, count(each["edits"], "edit"), "in " + count(each["files"], "file"), show_age(now - int(each["time"]) / 1e9)]

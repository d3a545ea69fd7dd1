# SPDX-License-Identifier: Apache-2.0
"""What is recorded and not folded yet, told by names and sizes alone; and the stamp of what is.

Hooks leave files in the inbox of the user and among the marks of the clone (`ARRIVED`); settled, they are lines of the journal; folded,
they are part of the state. A reader whose answer asked the journal keeps the journal's stamp with it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from byline.capture.cut import journal_end, read_cut

if TYPE_CHECKING:
    from pathlib import Path

    from byline.flow.workshop import Workshop

SCHEMA = "byline.progress/1"
STATE, JOURNAL, MARKS = "state.json", "journal", "marks"
MAX_JOURNAL = 2 * 1024 * 1024  # folded bytes of it; what is more is compacted
ASTRAY = "astray"
ARRIVED = (".spool", ".torn", ".mark")


def has_arrivals(workshop: Workshop) -> bool:
    """Whether a hook left something that is not in the journal yet, or something was recorded here before there was a repository."""
    return was_loose(workshop) or was_astray(workshop) or any(_has_arrivals(folder) for folder in (workshop.inbox, workshop.place / MARKS))


def was_astray(workshop: Workshop) -> bool:
    """Whether something was spooled in this clone that only it can settle (`capture.astray`): nearly nobody has any of it."""
    if not (workshop.inbox / ASTRAY).is_dir():
        return False
    from byline.capture.astray import has_astray
    from byline.capture.worktree import clone_id

    return has_astray(workshop.inbox, clone_id(workshop.place.parent))


def was_loose(workshop: Workshop) -> bool:
    """Whether something was recorded in the work tree before there was a repository (`capture.loose`), and nobody took it over yet."""
    try:
        kept = [*os.scandir(workshop.inbox.parent / "loose")] if workshop.repo.top else []
    except OSError:
        return False
    return any(_lies_below(os.path.realpath(workshop.repo.top or ""), folder.path) for folder in kept)


def _lies_below(top: str, kept: str) -> bool:
    try:
        with open(f"{kept}/top", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - a reader's every start
            return f"{file.read()}/".startswith(f"{top}/") and os.path.getsize(f"{kept}/byline/{JOURNAL}") > 0  # noqa: PTH202 - the same
    except OSError:  # nothing is in it yet, or somebody takes it away
        return False


def is_pending(workshop: Workshop) -> bool:
    """Whether something was recorded that is not folded."""
    if has_arrivals(workshop):
        return True
    try:
        return journal_end(workshop.place / JOURNAL) > _cursor(workshop.place)
    except OSError:
        return False


def folded_bytes(place: Path) -> int:
    """Return how many bytes of the journal in `place` are folded, and so of no use but to compaction."""
    try:
        with (place / JOURNAL).open("rb") as journal:
            return _cursor(place) - read_cut(journal)[1]
    except OSError:
        return 0


def journal_stamp(workshop: Workshop) -> str | None:
    """Return what stays equal as long as nothing is recorded, folded or compacted; None while something is on its way."""
    return None if has_arrivals(workshop) else " ".join(_stamp(workshop.place / name) for name in (JOURNAL, STATE))


def parse_head(line: bytes) -> tuple[int, tuple[str, ...] | None]:
    """Return the cursor and the start that the first line of the state file names.

    Raises:
        ValueError: It is no such line, or one of another version.
    """
    value = json.loads(line)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise ValueError(SCHEMA)
    start = value.get("start")
    return int(value.get("cursor", 0)), None if start is None else tuple(str(each) for each in start)


def _cursor(place: Path) -> int:
    try:
        with (place / STATE).open("rb") as file:
            return parse_head(file.readline())[0]
    except (OSError, ValueError):
        return 0


def _has_arrivals(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(ARRIVED) for entry in entries)
    except OSError:
        return False


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "-"
    return f"{found.st_ino}.{found.st_size}.{found.st_mtime_ns}"

# SPDX-License-Identifier: Apache-2.0
"""Commits that are left: whom their mark names could not sign them where the attester ran, and nobody else signs in their place.

    <place>/left.json = {"schema": "byline.left/1", "left": [{"commit": "<id>", "key": "/usb/key.pem", "delegation": null, "why": "..."}]}

The attester writes it at the end of each run, and each run tries again: as long as one is left the journal is not folded beyond the
last time that all could be signed, so that it is claimed in the end on the journal as it was when it was made. A delegation that
ended can sign nothing any more: once none that was in force at the commit can be, it counts as a commit that no hook marked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from byline.core.delegation import LONGEST
from byline.core.edit import Committer
from byline.core.value import dataclass
from byline.flow.workshop import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from byline.core.edit import Mark

SCHEMA = "byline.left/1"
FILE = "left.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A commit, whose it is, and why they could not sign it."""

    commit: str
    committer: Committer
    why: str


def left_to_json(left: Left) -> dict[str, str | None]:
    """Return `left` as the file and `byline status --json` have it."""
    return {"commit": left.commit, "key": left.committer.key, "delegation": left.committer.delegation, "why": left.why}


def describe_left(left: Left) -> str:
    """Return what to say of `left` to whoever asks."""
    return f"{left.commit[:7]} waits for another key, which cannot sign here and now: {left.why}"


def load_left(place: Path) -> tuple[Left, ...]:
    """Return the commits that the last attester of the clone left, oldest first; none if the file does not read."""
    try:
        value = json.loads((place / FILE).read_bytes())
        return tuple(
            Left(commit=str(each["commit"]), committer=Committer(key=each["key"], delegation=each["delegation"]), why=str(each["why"]))
            for each in (value["left"] if value["schema"] == SCHEMA else ())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def save_left(place: Path, left: Iterable[Left]) -> None:
    """Write down what is `left`, if that is not what is written there.

    Raises:
        OSError: It cannot be written.
    """
    now = tuple(left)
    if now == load_left(place):
        return
    rows = [left_to_json(each) for each in now]
    write_atomic(place / FILE, json.dumps({"schema": SCHEMA, "left": rows}).encode() + b"\n")


def is_beyond(mark: Mark, *, at: int) -> bool:
    """Whether at the time `at` nobody can sign any more what `mark` speaks of: its delegation has ended, whichever it was."""
    return bool(mark.committer.delegation) and at - mark.time > LONGEST.total_seconds() * 10**9

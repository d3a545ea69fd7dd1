# SPDX-License-Identifier: Apache-2.0
"""When each agent of this user was heard last: one small file beside the inbox, which `byline doctor` reads.

    {"schema": "byline.seen/1", "agents": {"claude-code": "1700000000000000000"}}

Times are nanoseconds since 1970, of the newest payload that settle read. It tells a person that hooks are called; nothing is decided by it,
so that a file that cannot be written or read is as none.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from byline.capture.places import PRIVATE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA: Final = "byline.seen/1"
NAME: Final = "seen"


def note_seen(folder: Path, times: Mapping[str, int]) -> None:
    """Keep in `folder` that agents were heard at `times`, by name; one settler at a time. Never raises."""
    known = read_seen(folder)
    newer = {name: time for name, time in times.items() if time > known.get(name, 0)}
    if not newer:
        return
    draft = folder / f".{NAME}"
    agents = {name: str(time) for name, time in sorted({**known, **newer}.items())}
    with suppress(OSError):  # a full disk: what was captured is not lost by it
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
        with os.fdopen(handle, "w") as file:
            json.dump({"schema": SCHEMA, "agents": agents}, file)
        draft.replace(folder / NAME)


def read_seen(folder: Path) -> dict[str, int]:
    """Return when each agent was heard last, by name."""
    try:
        record = json.loads((folder / NAME).read_bytes())
        return {str(name): int(time) for name, time in record["agents"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}

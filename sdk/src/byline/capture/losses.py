# SPDX-License-Identifier: Apache-2.0
"""What could not be recorded, and said so: one JSON line in `losses` for each, beside the journal or in the inbox.

    {"schema": "byline.loss/1", "code": "BL-LOSS-4", "message": "...", "source": "edit.claude-code.812.0", "time": "1700000000000000000"}

A hook never breaks the agent and a commit is never blocked, so a loss is not an error that somebody sees: it is this record, which
`byline status` and `byline doctor` show for 30 days. It holds no file content and no prompt. Recording a loss never raises: where even
that cannot be written, nothing can.
"""

from __future__ import annotations

import json
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from byline.capture.agents import clean
from byline.capture.cut import append_line
from byline.core.value import dataclass

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "byline.loss/1"
FILE = "losses"
MAX_FILE = 1024 * 1024  # a hook that fails for ever must not fill the disk


class LossCode(StrEnum):
    """Why something was not recorded, or not as it was said."""

    MALFORMED = "BL-LOSS-1"  # a payload that cannot be read; kept in the inbox under `aside/`
    TORN = "BL-LOSS-2"  # a record or a spooled file that was cut off
    OVERSIZED = "BL-LOSS-3"  # recorded without its content
    REFUSED = "BL-LOSS-4"  # a path inside `.git`: nobody writes there unnoticed, and it is no text of the repository
    UNENDED = "BL-LOSS-5"  # a command's beginning or end was not seen, as where its agent was killed
    AMBIGUOUS = "BL-LOSS-6"  # two agents could have made this change; recorded as either's
    FAILED = "BL-LOSS-7"  # the disk was full, a folder could not be written, a process failed
    CLAIMED_HUMAN = "BL-LOSS-8"  # a finding: a process whose environment names an agent said "human"
    UNREADABLE = "BL-LOSS-9"  # the payload does not hold the bytes, and the file has changed since; what stands there is the agent's
    LEFT_RUNNING = "BL-LOSS-10"  # a command is over and something that it started is not: what that writes is nobody's
    ASTRAY = "BL-LOSS-11"  # the repository in which it was recorded was not seen again


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One loss. `source` names the spooled file, hook or session it came from, `time` is in nanoseconds since 1970."""

    code: LossCode
    message: str
    source: str
    time: int


def record_loss(folder: Path, loss: Loss) -> None:
    """Append `loss` to `folder/losses`; never raises."""
    record = {"schema": SCHEMA, "code": loss.code, "message": clean(loss.message), "source": clean(loss.source), "time": str(loss.time)}
    with suppress(OSError):  # the disk is full or read-only: there is no better place left to say so
        append_line(folder / FILE, json.dumps(record).encode(), most=MAX_FILE)


def read_losses(folder: Path) -> tuple[Loss, ...]:
    """Return the losses recorded in `folder`, oldest first; what cannot be read is itself a loss.

    Raises:
        OSError: The file is there and cannot be read.
    """
    try:
        data = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return ()
    return tuple(parse_loss(line) for line in data.split(b"\n") if line)


def has_losses(folder: Path) -> bool:
    """Whether anything is recorded in `folder`."""
    try:
        return (folder / FILE).stat().st_size > 0
    except OSError:
        return False


def parse_loss(line: bytes) -> Loss:
    """Return the loss that `line` tells of; of a line that cannot be read, that."""
    try:
        record = json.loads(line)
        return Loss(code=LossCode(record["code"]), message=str(record["message"]), source=str(record["source"]), time=int(record["time"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Loss(code=LossCode.TORN, message="a loss record that cannot be read", source="losses", time=0)

# SPDX-License-Identifier: Apache-2.0
"""The predicate `log-succession`: one log ends and another follows it, said by each in its own entries, with its own key.

    {"role": "ends" | "follows", "log": "<vkey>", "other": "<vkey>", "checkpoint": "<signed note of the other log>"}

The subject is the id of the other log (`core.note.NoteKey.log_id`), so that it is found by it. The last entry of a log that ends names
the one that follows, with that one's first checkpoint, of no entries; the first entry of the one that follows names the one that ended,
with its final checkpoint. It is signed by the log's own key, as an Ed25519 statement: what that key signs in a checkpoint begins with
the name of a log, and what it signs here with `DSSEv1`, a space and a number, which is none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.note import parse_note, parse_vkey
from byline.core.statement import PredicateType, Statement, Subject, format_statement, take_members
from byline.core.value import dataclass
from byline.errors import CheckpointError, StatementError

if TYPE_CHECKING:
    from byline.core.canonical import Json


class Role(StrEnum):
    """What the log that says it does."""

    ENDS = "ends"
    FOLLOWS = "follows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """The log with the key `log` ends before, or follows, the one with the key `other`, which signed the note `checkpoint`."""

    role: Role
    log: str
    other: str
    checkpoint: str


def format_succession(succession: Succession) -> bytes:
    """Return the payload of `succession`.

    Raises:
        StatementError: It does not fit a statement.
        CheckpointError: `other` is no vkey.
    """
    predicate: dict[str, Json] = {
        "role": str(succession.role),
        "log": succession.log,
        "other": succession.other,
        "checkpoint": succession.checkpoint,
    }
    subject = Subject(name="change", sha256=parse_vkey(succession.other).log_id.hex())
    return format_statement((subject,), PredicateType.SUCCESSION, predicate)


def parse_succession(statement: Statement) -> Succession:
    """Read the predicate of `statement`.

    Raises:
        StatementError: It is no succession, or its subject is another log.
    """
    names = ("role", "log", "other", "checkpoint")
    members = take_members(statement.predicate, *names, what="a log-succession")
    role, log, other, checkpoint = (members[name] for name in names)
    if statement.predicate_type != PredicateType.SUCCESSION or not all(isinstance(each, str) for each in members.values()):
        raise StatementError("a log-succession is a role, two keys and a note")
    if role not in set(Role):
        raise StatementError("the role in a log-succession is ends or follows")
    try:
        parse_vkey(log)
        parse_note(checkpoint)
        subject = parse_vkey(other).log_id.hex()
    except CheckpointError as error:
        raise StatementError(f"a log-succession: {error}") from error
    if statement.change != subject:
        raise StatementError("the subject of a log-succession is the other log")
    return Succession(role=Role(role), log=log, other=other, checkpoint=checkpoint)

# SPDX-License-Identifier: Apache-2.0
"""The predicate `tombstone`: what was signed is to be erased, and what of it stays.

    {"repository": {"id"}, "statement": "<sha256>", "key": "<sha256>", "entry": {"origin", "index"} | null, "predicateType", "reason",
     "erasedAt"}

It stands for the statement `statement` (SHA-256 of its payload) that the key with the id `key` signed, which is `entry` of a log. Its
subjects are those of that statement, by digest: the first is named `change`, every other `_`, for a name may be a path. `reason` is one
of a few words, so that nothing else gets in. Two people whose keys trust lists with the use `erasure` sign one each; then the payload
may go, everywhere.

What was erased said something that nobody can look at any more, so a tombstone tightens: where a change leads to one of its subjects
nothing is credited to anybody. One is enough for that, and two are needed to erase: nobody gets rid of a statement alone, and nobody
gains by it. A gate that asks a log's index for all that it has lets an entry be missing that two people's tombstones name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from byline.core.effect import parse_sha256
from byline.core.merkle import MAX_SIZE
from byline.core.moment import format_moment, parse_moment
from byline.core.statement import PredicateType, Statement, Subject, format_statement, take_members, take_text
from byline.core.table import take_number
from byline.core.value import dataclass
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from byline.core.canonical import Json

What = TypeVar("What")
NEEDED = 2  # people who sign before anything is erased


class Reason(StrEnum):
    """Why something is erased."""

    PERSONAL_DATA = "personal-data"
    SECRET = "secret"  # noqa: S105 - the word, and none
    LEGAL = "legal"
    MISTAKE = "mistake"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """The entry `index` of the log `origin`."""

    origin: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """`statement` of the repository `repository`, signed by the key with id `key`, is to be erased; `subjects` (hex) stay.

    `entry` is where a log has it, None if none is known to.
    """

    repository: str
    statement: str
    key: str
    predicate_type: str
    subjects: tuple[str, ...]
    reason: Reason
    erased_at: datetime
    entry: LogEntry | None = None


def format_tombstone(tombstone: Tombstone) -> bytes:
    """Return the payload of `tombstone`.

    Raises:
        StatementError: It does not fit a statement.
    """
    predicate: dict[str, Json] = {
        "repository": {"id": tombstone.repository},
        "statement": tombstone.statement,
        "key": tombstone.key,
        "entry": None if tombstone.entry is None else {"origin": tombstone.entry.origin, "index": tombstone.entry.index},
        "predicateType": tombstone.predicate_type,
        "reason": str(tombstone.reason),
        "erasedAt": format_moment(tombstone.erased_at),
    }
    subjects = tuple(Subject(name="_" if number else "change", sha256=each) for number, each in enumerate(tombstone.subjects))
    return format_statement(subjects, PredicateType.TOMBSTONE, predicate)


def parse_tombstone(statement: Statement) -> Tombstone:
    """Read the predicate of `statement`.

    Raises:
        StatementError: It is no tombstone.
    """
    if statement.predicate_type != PredicateType.TOMBSTONE:
        raise StatementError("not a tombstone")
    members = take_members(
        statement.predicate, "repository", "statement", "key", "entry", "predicateType", "reason", "erasedAt", what="a tombstone"
    )
    if any(each.name != ("_" if number else "change") for number, each in enumerate(statement.subjects)):
        raise StatementError("the subjects of a tombstone have no names but change and _")
    if members["reason"] not in set(Reason):
        raise StatementError(f"the reason of a tombstone is one of {', '.join(Reason)}")
    try:
        return Tombstone(
            repository=take_text(take_members(members["repository"], "id", what="repository")["id"], what="repository.id"),
            statement=parse_sha256(members["statement"]),
            key=parse_sha256(members["key"]),
            predicate_type=take_text(members["predicateType"], what="predicateType"),
            subjects=tuple(each.sha256 for each in statement.subjects),
            reason=Reason(members["reason"]),
            erased_at=parse_moment(members["erasedAt"]),
            entry=None if members["entry"] is None else _entry(members["entry"]),
        )
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(f"a tombstone: {error}") from error


def erased_statements(tombstones: Iterable[tuple[str, Tombstone]]) -> frozenset[tuple[str, str]]:
    """Return the statements (digest, key) that may go: those for which enough different people signed; each pair is a person and theirs."""
    return _agreed((person, (each.statement, each.key)) for person, each in tombstones)


def erased_entries(tombstones: Iterable[tuple[str, Tombstone]]) -> frozenset[LogEntry]:
    """Return the entries of logs that may be missing, as `erased_statements`: people agree on what the entry was, too."""
    named = ((person, (each.entry, each.statement, each.key)) for person, each in tombstones)
    return frozenset(entry for entry, _, _ in _agreed(named) if entry is not None)


def _agreed(wishes: Iterable[tuple[str, What]]) -> frozenset[What]:
    people: dict[What, set[str]] = {}
    for person, what in wishes:
        people.setdefault(what, set()).add(person)
    return frozenset(what for what, who in people.items() if len(who) >= NEEDED)


def _entry(value: Json) -> LogEntry:
    members = take_members(value, "origin", "index", what="entry")
    index = take_number(members["index"], what="entry.index", least=0, most=MAX_SIZE)
    return LogEntry(origin=take_text(members["origin"], what="entry.origin"), index=index)

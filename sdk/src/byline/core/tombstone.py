# SPDX-License-Identifier: Apache-2.0
"""The predicate `tombstone`: what was signed is to be erased, and what of it stays.

    {"repository": {"id"}, "statement": "<sha256>", "key": "<sha256>", "predicateType", "reason", "erasedAt"}

It stands for the statement `statement` (SHA-256 of its payload) that the key with the id `key` signed. Its subjects are those of that
statement, by digest: the first is named `change`, every other `_`, for a name may be a path. `reason` is one of a few words, so that
nothing else gets in. Two people whose keys trust lists with the use `erasure` sign one each; then the payload may go, everywhere.

What was erased said something that nobody can look at any more, so a tombstone tightens: where a change leads to one of its subjects
nothing is credited to anybody. One is enough for that, and two are needed to erase: nobody gets rid of a statement alone, and nobody
gains by it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.effect import parse_sha256
from byline.core.moment import format_moment, parse_moment
from byline.core.statement import PredicateType, Statement, Subject, format_statement, take_members, take_text
from byline.core.value import dataclass
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from byline.core.canonical import Json

NEEDED = 2  # people who sign before anything is erased


class Reason(StrEnum):
    """Why something is erased."""

    PERSONAL_DATA = "personal-data"
    SECRET = "secret"  # noqa: S105 - the word, and none
    LEGAL = "legal"
    MISTAKE = "mistake"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """`statement` of the repository `repository`, signed by the key with id `key`, is to be erased; `subjects` (hex) stay."""

    repository: str
    statement: str
    key: str
    predicate_type: str
    subjects: tuple[str, ...]
    reason: Reason
    erased_at: datetime


def format_tombstone(tombstone: Tombstone) -> bytes:
    """Return the payload of `tombstone`.

    Raises:
        StatementError: It does not fit a statement.
    """
    predicate: dict[str, Json] = {
        "repository": {"id": tombstone.repository},
        "statement": tombstone.statement,
        "key": tombstone.key,
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
    members = take_members(statement.predicate, "repository", "statement", "key", "predicateType", "reason", "erasedAt", what="a tombstone")
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
        )
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(f"a tombstone: {error}") from error


def erased_statements(tombstones: Iterable[tuple[str, Tombstone]]) -> frozenset[tuple[str, str]]:
    """Return the statements (digest, key) that may go: those for which enough different people signed; each pair is a person and theirs."""
    people: dict[tuple[str, str], set[str]] = {}
    for person, each in tombstones:
        people.setdefault((each.statement, each.key), set()).add(person)
    return frozenset(what for what, who in people.items() if len(who) >= NEEDED)

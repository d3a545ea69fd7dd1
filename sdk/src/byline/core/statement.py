# SPDX-License-Identifier: Apache-2.0
"""What is signed: an in-toto Statement v1.

    {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name", "digest": {"sha256"}}...], "predicateType", "predicate"}

The first subject is always `change`, the digest of what the statement is about; file versions may follow. Subjects carry
`sha256` only. Inside a predicate of Byline's, unknown members are refused except under `extensions`; outside it they are
ignored, as in-toto asks. `FORMATS` names the predicates. Each has a module of its own (`core.authorship`, `core.approval`, ...).
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

from byline.core.canonical import Json, format_canonical, parse_strict
from byline.core.effect import parse_sha256
from byline.core.envelope import MAX_PAYLOAD
from byline.core.value import dataclass
from byline.errors import MalformedError, StatementError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATES = "https://byline.invalid"  # the one constant to change when the project has a name of its own
MAX_SUBJECTS = 20_000
MAX_STRING = 512


class PredicateType(StrEnum):
    """The predicates that Byline reads and writes."""

    AUTHORSHIP = f"{PREDICATES}/ai-authorship/v0.1"
    APPROVAL = f"{PREDICATES}/change-approval/v0.1"
    DECISION = f"{PREDICATES}/gate-decision/v0.1"
    DELEGATION = f"{PREDICATES}/agent-delegation/v0.1"
    REVOCATION = f"{PREDICATES}/delegation-revocation/v0.1"
    TOMBSTONE = f"{PREDICATES}/tombstone/v0.1"
    SUCCESSION = f"{PREDICATES}/log-succession/v0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A named thing and its SHA-256, hex."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement whose predicate is not read yet."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: dict[str, Json]
    digest: str

    @property
    def change(self) -> str:
        """The digest that the statement is about: its first subject."""
        return self.subjects[0].sha256


def format_statement(subjects: tuple[Subject, ...], predicate_type: PredicateType, predicate: dict[str, Json]) -> bytes:
    """Return the canonical payload of a statement.

    Raises:
        StatementError: No subject, or more than 1 MiB.
    """
    if not subjects:
        raise StatementError("a statement has a subject")
    payload = format_canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": each.name, "digest": {"sha256": each.sha256}} for each in subjects],
            "predicateType": str(predicate_type),
            "predicate": predicate,
        }
    )
    if len(payload) > MAX_PAYLOAD:
        raise StatementError(f"a statement of {len(payload)} bytes, at most {MAX_PAYLOAD} are allowed")
    return payload


def parse_statement(payload: bytes) -> Statement:
    """Read the statement in `payload`; the predicate is read by the module of its type.

    Raises:
        StatementError: Not an in-toto Statement v1 with SHA-256 subjects and a predicate.
    """
    try:
        value = parse_strict(payload, max_bytes=MAX_PAYLOAD)
        if not isinstance(value, dict) or value.get("_type") != STATEMENT_TYPE:
            raise StatementError("not an in-toto Statement v1")
        kind, predicate = value.get("predicateType"), value.get("predicate")
        if not isinstance(kind, str) or not isinstance(predicate, dict):
            raise StatementError("a statement has a predicateType and a predicate")
        subjects = value.get("subject")
        if not isinstance(subjects, list) or not 0 < len(subjects) <= MAX_SUBJECTS:
            raise StatementError(f"a statement has 1 to {MAX_SUBJECTS} subjects")
        read = tuple(_subject(each) for each in subjects)
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(str(error)) from error
    return Statement(subjects=read, predicate_type=kind, predicate=predicate, digest=hashlib.sha256(payload).hexdigest())


def _subject(value: Json) -> Subject:
    if not isinstance(value, dict) or not isinstance(digest := value.get("digest"), dict) or not isinstance(name := value.get("name"), str):
        raise StatementError("a subject has a name and a digest")
    if set(digest) != {"sha256"}:
        raise StatementError("a subject has a sha256 digest and no other")
    return Subject(name=name, sha256=parse_sha256(digest["sha256"]))


# Readers of predicates: each names what it expects and raises StatementError otherwise.


def take_members(value: Json, *names: str, what: str) -> dict[str, Any]:
    """Return the members `names` of `value`, which has exactly these; `extensions` may stand beside them and is left out.

    Raises:
        StatementError: It is not; `what` names it in the message.
    """
    if not isinstance(value, dict) or set(value) - {"extensions"} != set(names):
        raise StatementError(f"{what} has the members {', '.join(names)}")
    return {name: value[name] for name in names}


def take_text(value: Json, *, what: str, limit: int = MAX_STRING) -> str:
    """Return `value` if it is a printable string of 1 to `limit` characters.

    Raises:
        StatementError: It is not.
    """
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
        raise StatementError(f"{what} is a printable string of 1 to {limit} characters")
    return value


def take_optional_text(value: Json, *, what: str) -> str | None:
    """Return `value` if it is null or as `take_text` wants it.

    Raises:
        StatementError: It is neither.
    """
    return None if value is None else take_text(value, what=what)


def take_count(value: Json, *, what: str, least: int = 0) -> int:
    """Return `value` if it is an integer of at least `least`.

    Raises:
        StatementError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise StatementError(f"{what} is an integer of at least {least}")
    return value


def take_list(value: Json, *, what: str) -> list[Json]:
    """Return `value` if it is an array.

    Raises:
        StatementError: It is not.
    """
    if not isinstance(value, list):
        raise StatementError(f"{what} is an array")
    return value

# SPDX-License-Identifier: Apache-2.0
"""What an entry of a log is found by.

Facets are read out of a statement when it is logged, and kept beside its leaf also when its payload is erased:

    key               SHA-256 of the public key, 32 bytes
    repository        `repository.id` of the predicate
    commit            `commit.id` of the predicate, a git id in hex
    predicate_type    what kind of statement it is
    subjects          the SHA-256 of each subject, 32 bytes, each once

What a statement does not say is empty; of a leaf without a payload only the key is known. In a store's index each facet but the kind
is a *term*, the first 12 bytes of SHA-256(name || 0x00 || value): a query asks for entries that have all of its terms.

>>> made = Facets(key=bytes(32), repository="r", subjects=(b"s" * 32,))
>>> [set(query.terms) <= set(made.terms) for query in (Query(repository="r"), Query(commit="00" * 20))]
[True, False]
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from byline.core.statement import MAX_STRING
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.core.canonical import Json
    from byline.core.statement import Statement

TERM_SIZE = 12
_GIT_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """What one entry is found by; see above."""

    key: bytes
    repository: str = ""
    commit: str = ""
    predicate_type: str = ""
    subjects: tuple[bytes, ...] = ()

    @property
    def source(self) -> tuple[bytes, str, str]:
        """What many entries share: whose they are, of which repository, of which kind."""
        return self.key, self.repository, self.predicate_type

    @property
    def terms(self) -> tuple[bytes, ...]:
        """Under what the index has the entry, each once."""
        return _terms(self.subjects, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Entries that have every facet that is named here and were logged in [`since`, `until`), in milliseconds since 1970."""

    subject: bytes = b""
    commit: str = ""
    key: bytes = b""
    repository: str = ""
    since: int = 0
    until: int | None = None

    @property
    def terms(self) -> tuple[bytes, ...]:
        """What the index is asked for, likely the rarest first."""
        return _terms((self.subject,) if self.subject else (), self)


def facets_of(statement: Statement, key: bytes) -> Facets:
    """Return the facets of `statement`, signed by the key of this id (SHA-256, 32 bytes)."""
    repository, commit = (_id_of(statement.predicate.get(name)) for name in ("repository", "commit"))
    return Facets(
        key=key,
        repository=repository,
        commit=commit if _GIT_ID.fullmatch(commit) else "",
        predicate_type=statement.predicate_type,
        subjects=tuple(dict.fromkeys(bytes.fromhex(each.sha256) for each in statement.subjects)),
    )


def _id_of(member: Json) -> str:
    found = member.get("id") if isinstance(member, dict) else None
    return found if isinstance(found, str) and len(found) <= MAX_STRING and found.isprintable() else ""


def _terms(subjects: Iterable[bytes], others: Facets | Query) -> tuple[bytes, ...]:
    named = [b"subject\0" + each for each in subjects]
    if others.commit:
        named.append(b"commit\0" + others.commit.encode())
    if others.key:
        named.append(b"key\0" + others.key)
    if others.repository:
        named.append(b"repository\0" + others.repository.encode())
    return tuple(dict.fromkeys([hashlib.sha256(each).digest()[:TERM_SIZE] for each in named]))

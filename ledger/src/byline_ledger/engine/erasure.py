# SPDX-License-Identifier: Apache-2.0
"""Erase what was signed, and keep every proof: the leaf is a hash, and stays.

1. Two people whose keys trust lists with the use `erasure` each log a tombstone (`core.tombstone`) for the statement and its key.
2. The payload goes, with every copy of it that the file of a database has: deleted rows are overwritten (`engine.sqlite`), and so is
   the write-ahead log; PostgreSQL reuses the room. Leaf, identity and facets stay, so the statement is still found, and said to be erased.
3. Backups that were made before still have it, and so has whoever was sent it.

Which people those are is for the trust file that is given to say; `engine.fsck` wants two tombstones of different keys for every
payload that is gone, and a monitor sees them come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.entry import identity_from, parse_entry
from byline.core.facets import Query
from byline.core.statement import PredicateType, parse_statement
from byline.core.tombstone import NEEDED, LogEntry, Tombstone, format_tombstone, parse_tombstone
from byline.core.trust import Use
from byline.core.value import dataclass
from byline.errors import ConfigError, MalformedError, UnknownKeyError
from byline.sign.file import sign_payload
from byline_ledger.engine.admission import Admission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from byline.core.facets import Facets
    from byline.core.ports import Signer, StoreReader
    from byline.core.tombstone import Reason
    from byline.core.trust import Trust
    from byline_ledger.engine.files import OpenLog

_PAGE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Where one statement of one key stands: its entry, who wants it erased, and whether it is."""

    index: int
    key: str
    people: frozenset[str]
    is_erased: bool

    @property
    def may_go(self) -> bool:
        """Whether enough people want it."""
        return len(self.people) >= NEEDED


def read_erasures(opened: OpenLog, digest: str, trust: Trust) -> tuple[Erasure, ...]:
    """Return the entries of the statement `digest` (SHA-256 of its payload, hex), one for each key of `trust` that signed it.

    Raises:
        ConfigError: There is none.
        LedgerError: The log cannot be read.
    """
    with opened.store.read() as reader:
        keys = {identity_from(bytes.fromhex(digest), bytes.fromhex(key.id)): key.id for key in trust.keys}
        known = reader.known(list(keys))
        if not known:
            raise ConfigError(f"no key of trust signed {digest[:16]} in this log", hint="name the SHA-256 of its payload")
        facets, payloads = reader.facets(list(known.values())), reader.payloads(list(known.values()))
        return tuple(
            Erasure(
                index=index,
                key=keys[identity],
                people=frozenset(_people(reader, digest, facets[index], trust)),
                is_erased=index not in payloads,
            )
            for identity, index in sorted(known.items(), key=lambda item: item[1])
        )


def want_erased(opened: OpenLog, erasure: Erasure, digest: str, *, reason: Reason, signer: Signer, trust: Trust, at: datetime) -> None:
    """Log the tombstone of the person with the key `signer`, unless they have logged one.

    Raises:
        UnknownKeyError: Trust does not let that key sign erasures.
        LedgerError: The log takes it not.
    """
    if trust.principal_of(signer.public, Use.ERASURE).id in erasure.people:
        return
    with opened.store.read() as reader:
        facets = reader.facets([erasure.index])[erasure.index]
    tombstone = Tombstone(
        repository=facets.repository,
        statement=digest,
        key=erasure.key,
        predicate_type=facets.predicate_type,
        subjects=tuple(each.hex() for each in facets.subjects),
        reason=reason,
        erased_at=at,
        entry=LogEntry(origin=opened.log.origin, index=erasure.index),
    )
    envelope = sign_payload(format_tombstone(tombstone), signer)
    opened.log.append([Admission().admit(envelope, signer.public)])


def erase_wanted(opened: OpenLog, erasures: tuple[Erasure, ...]) -> bool:
    """Erase those of `erasures` that may go; return whether nothing of them is left in the database's files.

    Raises:
        ConfigError: Not enough people want one of them erased.
        LedgerError: The log cannot be written.
    """
    if any(not each.may_go for each in erasures):
        raise ConfigError(f"{NEEDED} people have to sign a tombstone before anything is erased")
    with opened.store.write() as writer:
        for each in erasures:
            writer.erase(each.index)
    return opened.store.purge()


def _people(reader: StoreReader, digest: str, facets: Facets, trust: Trust) -> Iterator[str]:
    """Yield who signed a tombstone for the statement `digest` with these `facets`, as far as trust lets them."""
    query = Query(subject=facets.subjects[0], repository=facets.repository)
    after = -1
    while indices := reader.find(query, after=after, limit=_PAGE):
        after = indices[-1]
        some = [index for index, each in reader.facets(indices).items() if each.predicate_type == PredicateType.TOMBSTONE]
        leaves, payloads = reader.leaves(some), reader.payloads(some)
        for index in some:
            person = _person(payloads.get(index, b""), leaves[index], digest, facets.key.hex(), trust)
            if person is not None:
                yield person


def _person(payload: bytes, leaf: bytes, digest: str, key: str, trust: Trust) -> str | None:
    try:
        said = parse_tombstone(parse_statement(payload))
        person = trust.principal_of(parse_entry(leaf).public, Use.ERASURE).id
    except (MalformedError, UnknownKeyError):
        return None
    return person if (said.statement, said.key, said.repository) == (digest, key, trust.repository) else None

# SPDX-License-Identifier: Apache-2.0
"""The chain of one clone's statements: each names its number and the SHA-256 of the one before.

    <place>/recorder.json = {"schema": "byline.recorder/1", "id": "c-<32 hex>", "seq": 7, "prev": "<SHA-256 of payload 7>"}

`Recorder.issue` signs, keeps the envelope in the outbox (durable), and only then moves the chain on. Killed between the two, the
next start finds the statement in the outbox or among the evidence and goes on from it, so no number is given twice and none is
left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from byline.core.authorship import SALT_BYTES, Authorship, Commit, Link, Recorder, format_authorship, parse_authorship
from byline.core.bundle import Bundle, join_receipt
from byline.core.claim import Claim, New
from byline.core.statement import parse_statement
from byline.errors import MalformedError
from byline.flow.workshop import Workshop, write_atomic
from byline.log.outbox import Outbox
from byline.sign.file import sign_payload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.core.ports import Signer

SCHEMA = "byline.recorder/1"
FILE = "recorder.json"
PART_BYTES = 700_000  # estimated, of at most 1 MiB
PART_FILES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of the chain `id`: the last number given (0: none) and the digest of that statement."""

    id: str
    seq: int
    prev: str | None

    def link(self) -> Link:
        """Return the place of the next statement."""
        return Link(id=self.id, seq=self.seq + 1, prev=self.prev)


def load_tail(place: Path) -> Tail | None:
    """Return the end of the chain as it was last written, None if there is none that reads."""
    try:
        value = json.loads((place / FILE).read_bytes())
        if value["schema"] == SCHEMA:
            return Tail(id=str(value["id"]), seq=int(value["seq"]), prev=value["prev"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def save_tail(place: Path, tail: Tail) -> None:
    """Write the end of the chain.

    Raises:
        OSError: It cannot be written.
    """
    value = {"schema": SCHEMA, "id": tail.id, "seq": tail.seq, "prev": tail.prev}
    write_atomic(place / FILE, json.dumps(value).encode() + b"\n")


class Chain:
    """The one who issues this clone's statements. The lock of the clone is held by whoever has one."""

    def __init__(self, workshop: Workshop, signer: Signer) -> None:
        self._workshop = workshop
        self._signer = signer
        self._outbox = Outbox(workshop.place)
        self._tail = load_tail(workshop.place) or Tail(id=f"c-{workshop.random(16).hex()}", seq=0, prev=None)
        newest = next(reversed(self._outbox.digests()), None)
        left = self._outbox.read(newest) if newest else None
        if left:
            self._catch_up(left.envelope.payload)

    @property
    def id(self) -> str:
        """The name of the chain."""
        return self._tail.id

    def _catch_up(self, payload: bytes) -> None:
        """Go on from the statement `payload` if it is the next of this chain: a run was killed after it was kept."""
        try:
            chain = parse_authorship(parse_statement(payload)).chain
        except MalformedError:
            return
        if chain.id == self._tail.id and chain.seq > self._tail.seq:
            self._tail = replace(self._tail, seq=chain.seq, prev=hashlib.sha256(payload).hexdigest())

    def issue(self, commit: Commit, change: str, claims: Sequence[Claim], *, channel: str) -> tuple[Bundle, ...]:
        """Sign what `commit` did, in as many parts as it takes, and keep it in the outbox.

        Raises:
            OSError: The disk is full or not writable: parts that were kept are made anew by the next attempt.
        """
        identity = self._workshop.identity
        recorder = Recorder(name="byline", version=self._workshop.version, channel=channel)
        parts = tuple(split(claims))
        bundles = []
        for number, part in enumerate(parts, 1):
            authorship = Authorship(
                repository=identity.repository,
                uri=identity.uri,
                salt=self._workshop.random(SALT_BYTES),
                change=change,
                commit=commit,
                recorder=recorder,
                chain=self._tail.link(),
                part=number,
                parts=len(parts),
                claims=part,
            )
            bundles.append(self._issue(authorship))
        return tuple(bundles)

    def _issue(self, authorship: Authorship) -> Bundle:
        payload = format_authorship(authorship)
        parse_authorship(parse_statement(payload))  # nothing is signed that a strict reader would refuse
        envelope = sign_payload(payload, self._signer)
        self._outbox.put(envelope, self._signer.public)
        self._tail = replace(self._tail, seq=authorship.chain.seq, prev=envelope.digest)
        save_tail(self._workshop.place, self._tail)
        return join_receipt(envelope, self._signer.public, None)


def split(claims: Sequence[Claim]) -> Iterator[tuple[Claim, ...]]:
    """Yield `claims` in parts that fit a statement each; at least one part, which may be empty."""
    part: list[Claim] = []
    size = 0
    for claim in claims:
        small = claim if _size(claim) <= PART_BYTES else replace(claim, segments=(), removed=())
        if part and (size + _size(small) > PART_BYTES or len(part) == PART_FILES):
            yield tuple(part)
            part, size = [], 0
        part.append(small)
        size += _size(small)
    yield tuple(part)


def _size(claim: Claim) -> int:
    """About how many bytes a claim takes in the predicate, subject and owners included."""
    hashes = sum(len(each.hashes) for each in claim.segments if isinstance(each, New))
    paths = 2 * len(claim.path) + sum(len(base.path) + 250 for base in claim.bases)
    return 1000 + 2 * paths + hashes * 4 // 3 + 50 * len(claim.segments) + 70 * len(claim.removed)

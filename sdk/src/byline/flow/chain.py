# SPDX-License-Identifier: Apache-2.0
"""The chain of one clone's statements: each names its number and the SHA-256 of the one before.

    <place>/recorder.json = {"schema": "byline.recorder/1", "id": "c-<32 hex>", "seq": 7, "prev": "<SHA-256 of payload 7>", "key": "<SPKI>"}

The file is there before the first statement is. `Chain.issue` signs, keeps the envelope in the outbox (durable), and only then moves
the chain on. Killed between the two, the next start finds the statement in the outbox, or among the evidence if somebody delivered it
meanwhile, and goes on from it: no number is given twice and none is left out. Several keys may sign in a chain. Among the evidence
anybody can put anything, so only what `key` signed counts, which is there before the first statement that it signs. A lost file is made
anew from the outbox; with nothing in it a new chain begins.
What is imported is no part of what this clone recorded: an `Issuer` makes a chain of its own for each import, kept nowhere.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from byline.core.authorship import SALT_BYTES, Authorship, Commit, Link, Recorder, format_authorship, parse_authorship
from byline.core.canonical import format_base64, parse_base64
from byline.core.claim import Claim, New
from byline.core.redaction import redact_claims, redact_refusal
from byline.core.refusal import with_key
from byline.core.sshsig import AUTHORSHIP
from byline.core.statement import parse_statement
from byline.core.value import dataclass, replace
from byline.errors import MalformedError, SignatureError
from byline.flow.workshop import write_atomic
from byline.log.outbox import Outbox
from byline.sign.file import sign_payload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.core.envelope import Envelope
    from byline.core.ports import Signer
    from byline.core.refusal import Refusal
    from byline.flow.workshop import Signatory, Workshop
    from byline.log.index import EvidenceIndex

SCHEMA = "byline.recorder/1"
FILE = "recorder.json"
PART_BYTES = 700_000  # estimated, of at most 1 MiB
PART_FILES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of the chain `id`: the last number given (0: none), the digest of that statement, the key that signs it or the next."""

    id: str
    seq: int
    prev: str | None
    key: bytes = b""

    def link(self) -> Link:
        """Return the place of the next statement."""
        return Link(id=self.id, seq=self.seq + 1, prev=self.prev)


def load_tail(place: Path) -> Tail | None:
    """Return the end of the chain as it was last written, None if there is none that reads."""
    try:
        value = json.loads((place / FILE).read_bytes())
        if value["schema"] == SCHEMA:
            return Tail(id=str(value["id"]), seq=int(value["seq"]), prev=value["prev"], key=parse_base64(value["key"]))
    except (OSError, ValueError, KeyError, TypeError, MalformedError):
        return None
    return None


def save_tail(place: Path, tail: Tail) -> None:
    """Write the end of the chain.

    Raises:
        OSError: It cannot be written.
    """
    value = {"schema": SCHEMA, "id": tail.id, "seq": tail.seq, "prev": tail.prev, "key": format_base64(tail.key)}
    write_atomic(place / FILE, json.dumps(value).encode() + b"\n")


class Issuer:
    """The one who issues the statements of a chain of its own, from number 1 on."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._outbox = Outbox(workshop.place)
        self._tail = Tail(id=f"c-{workshop.random(16).hex()}", seq=0, prev=None)

    def issue(
        self,
        commit: Commit,
        change: str,
        claims: Sequence[Claim],
        *,
        by: Signatory,
        channel: str,
        refusals: Sequence[Refusal] = (),
        prompts: tuple[str, ...] = (),
    ) -> tuple[Envelope, ...]:
        """Let `by` sign what `commit` did, in as many parts as it takes, and keep it in the outbox.

        The first part has `refusals` and `prompts`.

        Raises:
            OSError: The disk is full or not writable: parts that were kept are made anew by the next attempt.
        """
        identity = self._workshop.identity
        recorder = Recorder(name="byline", version=self._workshop.version, channel=channel)
        # The one edge at which what agents and people call things becomes what others read.
        parts = tuple(split(redact_claims(claims)))
        issued = []
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
                mandate=by.mandate,
                refusals=tuple(redact_refusal(with_key(each, identity.line_key)) for each in refusals) if number == 1 else (),
                prompts=prompts if number == 1 else (),
            )
            issued.append(self._issue(authorship, by.signer))
        return tuple(issued)

    def _issue(self, authorship: Authorship, signer: Signer) -> Envelope:
        payload = format_authorship(authorship)
        parse_authorship(parse_statement(payload))  # nothing is signed that a strict reader would refuse
        if self._tail.key != signer.public:
            self._move(replace(self._tail, key=signer.public))
        envelope = sign_payload(payload, signer)
        self._outbox.put(envelope, signer.public)
        self._move(replace(self._tail, seq=authorship.chain.seq, prev=envelope.digest))
        return envelope

    def _move(self, tail: Tail) -> None:
        self._tail = tail


class Chain(Issuer):
    """The one who issues what this clone recorded itself. The lock of the clone is held by whoever has one."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__(workshop)
        kept = load_tail(workshop.place)
        # Before the evidence is looked at: what leaves the outbox is among it by then.
        self._tail = self._left(kept) or kept or self._tail
        if self._tail != kept:
            save_tail(workshop.place, self._tail)

    @property
    def id(self) -> str:
        """The name of the chain."""
        return self._tail.id

    def _left(self, kept: Tail | None) -> Tail | None:
        """Return where the newest statement in the outbox leaves the chain, signed with whichever key, None if not beyond `kept`."""
        for name in reversed(self._outbox.digests()):
            pending = self._outbox.read(name)
            link = _link(pending.envelope.payload) if pending else None
            if pending and link and (kept is None or link.id == kept.id):
                newest = Tail(id=link.id, seq=link.seq, prev=pending.envelope.digest, key=pending.public)
                return newest if kept is None or newest.seq > kept.seq else None
        return None

    def catch_up(self, index: EvidenceIndex) -> None:
        """Go on from what `index`, refreshed since, has of this chain beyond its end: a run was killed, its statement delivered.

        Raises:
            RepositoryError: Git cannot read the evidence.
            OSError: The new end cannot be written.
        """
        while found := next(self._next(index), None):
            self._move(replace(self._tail, seq=self._tail.seq + 1, prev=found))

    def _next(self, index: EvidenceIndex) -> Iterator[str]:
        from byline.keys.signatures import Signatures

        signatures = Signatures()
        facts = index.facts(chain=self._tail.id, seq=self._tail.seq + 1)
        for stored in index.open(facts) if facts else ():
            envelope = stored.bundle.envelope
            with suppress(SignatureError):
                signatures.verify(self._tail.key, envelope.signature, envelope.signed_bytes, namespace=AUTHORSHIP)
                yield envelope.digest

    def _move(self, tail: Tail) -> None:
        super()._move(tail)
        save_tail(self._workshop.place, tail)


def _link(payload: bytes) -> Link | None:
    try:
        found = parse_authorship(parse_statement(payload))
    except MalformedError:
        return None
    return None if found.is_imported else found.chain


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

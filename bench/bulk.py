# SPDX-License-Identifier: Apache-2.0
"""Statements by the million, each with a good signature, for a log that is filled rather than sent to.

Signing and formatting one after another would take hours, so the statements are one text with numbers in it, and their signatures
share one nonce: each is valid, and who sees two of them can compute the key, which is why nothing but a bench may sign so.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from byline.core.checkpoint import parse_checkpoint
from byline.core.entry import Entry, Submission, format_entry, identity_of
from byline.core.envelope import PAYLOAD_TYPE, pae
from byline.core.facets import Facets
from byline.core.note import parse_note
from byline.core.statement import PredicateType, Subject, format_statement, parse_statement
from byline.keys.p256 import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline_ledger.engine.log import Log

BATCH = 5000
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SECRET, _NONCE = 0xB11E, 0x5EED
_KEY = PrivateKey.from_seed(_SECRET)
_R = int.from_bytes(PrivateKey.from_seed(_NONCE).public[-64:-32], "big") % _ORDER
_NONCE_INVERSE = pow(_NONCE, -1, _ORDER)
_REPOSITORY = "5f" * 16
_MARK = "0123456789abcdef" * 4
_COMMIT = "fedcba9876543210" * 2 + "fedcba98"

_PREDICATE = f"""{{
"repository": {{"id": "{_REPOSITORY}"}},
"commit": {{"id": "{_COMMIT}", "tree": "{"77" * 20}", "parents": ["{"88" * 20}"]}},
"owners": [{{"origin": "ai", "evidence": "observed", "channel": "hook", "agent": {{"name": "claude-code"}}, "session": "{"4c" * 16}"}}],
"files": [{{"path": "src/shop/basket.py", "op": "modify", "mode": "100644", "sha256": "{_MARK}", "blob": "{"3e" * 20}", "hand": 0,
    "bases": [{{"parent": 0, "path": "src/shop/basket.py", "mode": "100644", "sha256": "{"9a" * 32}", "blob": "{"0d" * 20}"}}],
    "segs": [["base", 0, 1, 120], ["new", [0], 6, null], ["base", 0, 123, 40]], "hashes": "{"q" * 128}", "removed": []}}]
}}"""


def _template() -> bytes:
    """Return the payload of a statement about a commit, with marks where each has numbers of its own."""
    return format_statement((Subject(name="change", sha256=_MARK),), PredicateType.AUTHORSHIP, json.loads(_PREDICATE))


def submissions(start: int, end: int) -> Iterator[Submission]:
    """Make the statements `start` to `end` as an admission would let them in."""
    template = _template()
    predicate_type, key = parse_statement(template).predicate_type, hashlib.sha256(_KEY.public).digest()
    for number in range(start, end):
        subject = subject_of(number)
        commit = subject.hex()[: len(_COMMIT)]
        payload = template.replace(_COMMIT.encode(), commit.encode()).replace(_MARK.encode(), subject.hex().encode())
        digest = hashlib.sha256(pae(PAYLOAD_TYPE, payload)).digest()
        yield Submission(
            identity=identity_of(payload, _KEY.public),
            leaf=format_entry(Entry(digest=digest, signature=_sign(digest), public=_KEY.public)),
            payload=payload,
            facets=Facets(key=key, repository=_REPOSITORY, commit=commit, predicate_type=predicate_type, subjects=(subject,)),
        )


def subject_of(number: int) -> bytes:
    """Return the SHA-256 that statement `number` is about."""
    return hashlib.sha256(b"%d" % number).digest()


def fill(log: Log, entries: int) -> None:
    """Append statements, in their order, until the log has `entries`."""
    have = parse_checkpoint(parse_note(log.checkpoint()).text).size
    for start in range(have, entries, BATCH):
        log.append(list(submissions(start, min(entries, start + BATCH))))


def _sign(digest: bytes) -> bytes:
    """Return the DER signature over what has this SHA-256."""
    s = _NONCE_INVERSE * (int.from_bytes(digest, "big") + _R * _SECRET) % _ORDER
    numbers = b"".join(b"\2%c%b" % (len(each), each) for each in (_integer(_R), _integer(s)))
    return b"\x30%c%b" % (len(numbers), numbers)


def _integer(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")

# SPDX-License-Identifier: Apache-2.0
"""Between the values of `byline.core` and the messages of `byline.v1`. Nothing is checked here but shapes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.envelope import Envelope
from byline.core.facets import Query
from byline.core.index_keys import KEY_SIZE
from byline.core.merkle import MAX_SIZE
from byline.core.sealed_index import MAX_KEYS, parse_seal
from byline.errors import MalformedError
from byline_proto.v1 import ledger_pb2

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from byline.core.bundle import Receipt
    from byline.core.logged import Logged
    from byline.core.sealed_index import IndexProof

_TOKEN_DIGITS = len(str(MAX_SIZE))


def read_append(message: ledger_pb2.AppendRequest) -> tuple[Envelope, bytes]:
    """Return the envelope that is to be logged, and the key that signed it."""
    sent = message.envelope
    return Envelope(payload=sent.payload, signature=sent.signature, keyid=sent.keyid or None), message.public_key


def write_head(receipt: Receipt) -> ledger_pb2.Head:
    """Return the signed tree of `receipt` as a message."""
    return ledger_pb2.Head(log_id=receipt.log_id, size=receipt.proof.size, checkpoint=receipt.checkpoint)


def write_entry(receipt: Receipt, message: ledger_pb2.Entry) -> None:
    """Write the entry of `receipt` into `message`, where it stands: a message that is put into another is copied."""
    message.leaf = receipt.leaf
    message.index = receipt.proof.index
    message.hashes.extend(receipt.proof.hashes)


def write_logged(logged: Logged) -> ledger_pb2.LoggedEntry:
    """Return an entry with what the log knows about it as a message."""
    message = ledger_pb2.LoggedEntry()
    write_entry(logged.receipt, message.entry)
    message.logged_at.FromMilliseconds(logged.logged_at)
    if logged.envelope is not None:
        message.envelope.payload, message.envelope.signature = logged.envelope.payload, logged.envelope.signature
    return message


def write_index(proof: IndexProof, log_id: bytes) -> ledger_pb2.ProveIndexResponse:
    """Return what the index has as a message."""
    size = parse_seal(proof.seal).size + 1
    found = [[ledger_pb2.IndexSlice(start=each.start, rows=b"".join(each.rows), hashes=each.hashes) for each in key] for key in proof.found]
    return ledger_pb2.ProveIndexResponse(
        head=ledger_pb2.Head(log_id=log_id, size=size, checkpoint=proof.checkpoint),
        seal=proof.seal,
        hashes=proof.hashes,
        found=[ledger_pb2.IndexRows(slices=each) for each in found],
    )


def read_keys(message: ledger_pb2.ProveIndexRequest) -> list[bytes]:
    """Return the keys that are asked for.

    Raises:
        MalformedError: Too many, or what is no key.
    """
    if len(message.keys) > MAX_KEYS or any(len(key) != KEY_SIZE for key in message.keys):
        raise MalformedError(f"a key of the index has {KEY_SIZE} bytes, and at most {MAX_KEYS} are asked for at once")
    return list(message.keys)


def read_query(message: ledger_pb2.FindBundlesRequest) -> tuple[Query, int]:
    """Return what is looked for, and the index beyond which.

    Raises:
        MalformedError: Nothing is asked for, or what nothing can be found by.
    """
    if {len(message.subject_sha256), len(message.key_id)} - {0, hashlib.sha256().digest_size}:
        raise MalformedError("a subject and a key are named by their SHA-256, 32 bytes")
    if message.commit and not message.repository:
        raise MalformedError("a commit is looked for in a repository")
    if not {field.name for field, _ in message.ListFields()} - {"page_size", "page_token"}:
        raise MalformedError("a condition is needed, for example a subject: its SHA-256, 32 bytes")
    query = Query(
        subject=message.subject_sha256,
        commit=message.commit,
        key=message.key_id,
        repository=message.repository,
        since=_read_time(message.since),
        until=_read_time(message.until) if message.HasField("until") else None,
    )
    return query, _read_token(message.page_token)


def _read_time(message: Timestamp) -> int:
    try:
        return message.ToMilliseconds()
    except ValueError as error:
        raise MalformedError("not a point in time") from error


def _read_token(token: str) -> int:
    if not token:
        return -1
    if not (token.isascii() and token.isdigit()) or len(token) > _TOKEN_DIGITS or int(token) > MAX_SIZE:
        raise MalformedError("not a page token of this log")
    return int(token)

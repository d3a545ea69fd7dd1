# SPDX-License-Identifier: Apache-2.0
"""What is asked of a ledger's server and what it answers, as values and errors of Byline's: the other end of `byline_ledger.server.wire`.

An error has the class that its gRPC code says,

    INVALID_ARGUMENT                                        EntryRejectedError
    UNAUTHENTICATED                                         UnknownCallerError
    PERMISSION_DENIED                                       KeyNotAllowedError
    OUT_OF_RANGE                                            ProofError
    FAILED_PRECONDITION                                     FrozenError
    RESOURCE_EXHAUSTED                                      PushbackError
    UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, ABORTED      LedgerUnavailableError
    DATA_LOSS                                               DamagedError
    anything else                                           LedgerError

or, more exactly, the one whose code the google.rpc.Status beside it names as the reason. That has the hint as well, and the time to
come back. Nothing is verified here.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # the package has no types

from byline.core.bundle import Receipt
from byline.core.envelope import Envelope
from byline.core.logged import Logged, Page
from byline.core.merkle import InclusionProof
from byline.core.sealed_index import ROW_SIZE, IndexProof, Slice
from byline.errors import (
    BylineError,
    DamagedError,
    EntryRejectedError,
    FrozenError,
    KeyNotAllowedError,
    LedgerError,
    LedgerUnavailableError,
    MalformedError,
    NotAdmittedError,
    ProofError,
    PushbackError,
    QuotaError,
    UnknownCallerError,
)
from byline.log.address import UNTRUSTED
from byline_proto.v1 import ledger_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from byline.core.facets import Query

DETAILS = "grpc-status-details-bin"
DOMAIN = "byline"
HINT = "hint"
RETRY_SECONDS = 0.1
_CODE = re.compile("BL-[A-Z]+-[0-9]+")
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"  # as gRPC tells it

_KINDS: dict[grpc.StatusCode, type[BylineError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: EntryRejectedError,
    grpc.StatusCode.UNAUTHENTICATED: UnknownCallerError,
    grpc.StatusCode.PERMISSION_DENIED: KeyNotAllowedError,
    grpc.StatusCode.OUT_OF_RANGE: ProofError,
    grpc.StatusCode.FAILED_PRECONDITION: FrozenError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: PushbackError,
    grpc.StatusCode.UNAVAILABLE: LedgerUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: LedgerUnavailableError,
    grpc.StatusCode.CANCELLED: LedgerUnavailableError,
    grpc.StatusCode.ABORTED: LedgerUnavailableError,
    grpc.StatusCode.DATA_LOSS: DamagedError,
}
_BY_NUMBER = {code.value[0]: kind for code, kind in _KINDS.items()}
_EXACT: tuple[type[BylineError], ...] = (*_KINDS.values(), LedgerError, MalformedError, NotAdmittedError, QuotaError)
_BY_REASON = {kind.default_code: kind for kind in _EXACT}


def read_status(status: status_pb2.Status) -> BylineError:
    """Return the error that `status` tells; what of it cannot be read is left out."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    with contextlib.suppress(DecodeError):
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(retry)
    reason = info.reason if info.domain == DOMAIN and _CODE.fullmatch(info.reason) else ""
    kind = _BY_REASON.get(reason) or _BY_NUMBER.get(status.code, LedgerError)
    message, hint = status.message or "no reason given", info.metadata.get(HINT, "")
    if issubclass(kind, LedgerUnavailableError):
        pause = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9 if retry.HasField("retry_delay") else RETRY_SECONDS
        return kind(message if reason else f"the ledger does not answer: {message}", retry_after=max(0.0, pause), hint=hint)
    return kind(f"the ledger failed: {message}" if kind is LedgerError else message, code=reason or None, hint=hint)


def read_error(error: grpc.RpcError) -> BylineError:
    """Return the error with which a call ended."""
    assert isinstance(error, grpc.Call)  # noqa: S101 - what a call raises is the call
    return read_trailers(error.code(), error.details() or "", error.trailing_metadata() or ())


def read_trailers(code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]]) -> BylineError:
    """Return the error of a call that ended with `code` and `message`, and with its details in `trailers`."""
    status = status_pb2.Status()
    with contextlib.suppress(DecodeError):
        status.MergeFromString(next((value for name, value in trailers if name == DETAILS and isinstance(value, bytes)), b""))
    status.code, status.message = code.value[0], message
    found = read_status(status)
    if _UNTRUSTED in message and not found.hint:
        found.hint = UNTRUSTED
    return found


def read_receipt(head: ledger_pb2.Head, entry: ledger_pb2.Entry) -> Receipt:
    """Return the receipt that says that `entry` is in the tree of `head`."""
    proof = InclusionProof(index=entry.index, size=head.size, hashes=tuple(entry.hashes))
    return Receipt(log_id=head.log_id, leaf=entry.leaf, proof=proof, checkpoint=head.checkpoint)


def read_page(head: ledger_pb2.Head, entries: Sequence[ledger_pb2.LoggedEntry], *, more: bool) -> Page:
    """Return a page of entries."""
    found = tuple(_read_logged(head, each) for each in entries)
    return Page(checkpoint=head.checkpoint, entries=found, after=found[-1].receipt.index if more and found else None)


def _read_logged(head: ledger_pb2.Head, logged: ledger_pb2.LoggedEntry) -> Logged:
    sent = logged.envelope
    envelope = Envelope(payload=sent.payload, signature=sent.signature, keyid=sent.keyid or None) if logged.HasField("envelope") else None
    return Logged(receipt=read_receipt(head, logged.entry), envelope=envelope, logged_at=logged.logged_at.ToMilliseconds())


def read_index(answer: ledger_pb2.ProveIndexResponse) -> IndexProof:
    """Return what an index is said to have."""
    found = tuple(tuple(_read_slice(each) for each in rows.slices) for rows in answer.found)
    return IndexProof(checkpoint=answer.head.checkpoint, seal=answer.seal, hashes=tuple(answer.hashes), found=found)


def _read_slice(part: ledger_pb2.IndexSlice) -> Slice:
    rows = tuple(part.rows[at : at + ROW_SIZE] for at in range(0, len(part.rows), ROW_SIZE))
    return Slice(start=part.start, rows=rows, hashes=tuple(part.hashes))


def write_append(envelope: Envelope, public: bytes) -> ledger_pb2.AppendRequest:
    """Return the message that asks to log `envelope`, signed by the key `public`."""
    message = ledger_pb2.Envelope(payload=envelope.payload, signature=envelope.signature, keyid=envelope.keyid or "")
    return ledger_pb2.AppendRequest(envelope=message, public_key=public)


def write_query(query: Query) -> ledger_pb2.FindBundlesRequest:
    """Return the message that asks for `query`."""
    request = ledger_pb2.FindBundlesRequest(
        subject_sha256=query.subject, repository=query.repository, commit=query.commit, key_id=query.key
    )
    if query.since:
        request.since.FromMilliseconds(query.since)
    if query.until is not None:
        request.until.FromMilliseconds(query.until)
    return request

# SPDX-License-Identifier: Apache-2.0
"""Ask a ledger's server: a `core.ports.Ledger` over gRPC (`byline.v1.LedgerService`).

    grpc://HOST:PORT      plain text; loopback only
    grpcs://HOST:PORT     TLS; the server's certificate is checked against the system's roots, or those given

Every call has a deadline. Nothing that comes back is verified here: the verify room does that. gRPC's codes become errors:

    INVALID_ARGUMENT                                        EntryRejectedError
    PERMISSION_DENIED                                       KeyNotAllowedError
    OUT_OF_RANGE                                            ProofError
    RESOURCE_EXHAUSTED                                      PushbackError, with the time that the server names
    UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, ABORTED      LedgerUnavailableError
    anything else                                           LedgerError
"""

from __future__ import annotations

import contextlib
import urllib.parse
from typing import TYPE_CHECKING, Self

import grpc

from byline.core.bundle import Bundle, Receipt, join_receipt
from byline.core.effect import parse_sha256
from byline.core.envelope import MAX_PAYLOAD, Envelope
from byline.core.merkle import MAX_SIZE, ConsistencyProof, InclusionProof
from byline.errors import (
    ConfigError,
    EntryRejectedError,
    KeyNotAllowedError,
    LedgerError,
    LedgerUnavailableError,
    MalformedError,
    ProofError,
    PushbackError,
    VerificationError,
)
from byline.log.address import is_loopback
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_SECONDS = 10.0
_PUSHBACK = "grpc-retry-pushback-ms"
_UNKNOWN_OUTCOME = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED}
)


class LedgerClient:
    """A ledger at `url`; connects when first asked. Thread-safe; a context manager that closes the connection."""

    def __init__(self, url: str, *, deadline: float = DEADLINE_SECONDS, roots: bytes | None = None) -> None:
        target, secure = read_url(url)
        self._deadline = deadline
        credentials = grpc.ssl_channel_credentials(roots) if secure else None
        self._channel = grpc.secure_channel(target, credentials) if credentials else grpc.insecure_channel(target)
        self._stub = ledger_pb2_grpc.LedgerServiceStub(self._channel)

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        """Log `envelope`; as `core.ports.Ledger`.

        Raises:
            EntryRejectedError: The log will never take it.
            LedgerUnavailableError: Nobody knows whether it was taken; a `PushbackError` says when to come back.
            LedgerError: The log is broken.
        """
        if len(envelope.payload) > MAX_PAYLOAD:
            raise EntryRejectedError(f"a payload of {len(envelope.payload)} bytes, at most {MAX_PAYLOAD} are taken")
        message = ledger_pb2.Envelope(payload=envelope.payload, signature=envelope.signature, keyid=envelope.keyid or "")
        with _translated():
            answer = self._stub.Append(ledger_pb2.AppendRequest(envelope=message, public_key=public), timeout=self._deadline)
        return _read_receipt(answer.receipt)

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint; as `core.ports.Ledger`.

        Raises:
            LedgerUnavailableError: The log does not answer.
        """
        with _translated():
            return self._stub.GetCheckpoint(ledger_pb2.GetCheckpointRequest(), timeout=self._deadline).checkpoint

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Return the proof of an entry; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such entry or no such tree.
            LedgerUnavailableError: The log does not answer.
        """
        if not 0 <= index < size <= MAX_SIZE:
            raise ProofError(f"no entry {index} in a tree of {size}")
        with _translated():
            answer = self._stub.GetInclusionProof(ledger_pb2.GetInclusionProofRequest(index=index, size=size), timeout=self._deadline)
        return InclusionProof(index=index, size=size, hashes=tuple(answer.hashes))

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Return the proof that one tree begins with another; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such tree.
            LedgerUnavailableError: The log does not answer.
        """
        if not 0 <= old <= new <= MAX_SIZE:
            raise ProofError(f"no tree of {old} in a tree of {new}")
        request = ledger_pb2.GetConsistencyProofRequest(old_size=old, new_size=new)
        with _translated():
            answer = self._stub.GetConsistencyProof(request, timeout=self._deadline)
        return ConsistencyProof(old=old, new=new, hashes=tuple(answer.hashes))

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        """Return the bundles about a subject; as `core.ports.Ledger`.

        Raises:
            MalformedError: Not 64 hex digits.
            LedgerUnavailableError: The log does not answer.
            LedgerError: The log answers with what is no bundle.
        """
        request = ledger_pb2.FindBundlesRequest(subject_sha256=bytes.fromhex(parse_sha256(subject_sha256)))
        with _translated():
            return tuple(_read_found(message) for message in self._stub.FindBundles(request, timeout=self._deadline))

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_url(url: str) -> tuple[str, bool]:
    """Return the gRPC target of a ledger's `url`, and whether it is to be spoken to in TLS.

    Raises:
        ConfigError: Not a ledger's URL, or plain text beyond loopback.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"not the URL of a ledger: {url}") from error
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in {"grpc", "grpcs"} or not host or not port or extra:
        raise ConfigError(f"not the URL of a ledger: {url}", hint="write grpcs://HOST:PORT, or grpc://127.0.0.1:PORT")
    if parts.scheme == "grpc" and not is_loopback(host):
        raise ConfigError("plain text is for loopback only", hint=f"write grpcs://{host}:{port}")
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}"), parts.scheme == "grpcs"


def _read_receipt(message: ledger_pb2.Receipt) -> Receipt:
    return Receipt(
        log_id=message.log_id,
        leaf=message.leaf,
        proof=InclusionProof(index=message.index, size=message.size, hashes=tuple(message.hashes)),
        checkpoint=message.checkpoint,
    )


def _read_found(message: ledger_pb2.FindBundlesResponse) -> Bundle:
    sent = message.envelope
    envelope = Envelope(payload=sent.payload, signature=sent.signature, keyid=sent.keyid or None)
    try:
        return join_receipt(envelope, message.public_key, _read_receipt(message.receipt))
    except (MalformedError, VerificationError) as error:
        raise LedgerError(f"the ledger answers with what is no bundle: {error}") from error


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise _error_of(error) from error
    except ValueError as error:
        # The channel was closed.
        raise LedgerError(f"cannot ask the ledger: {error}") from error


def _error_of(error: grpc.RpcError) -> Exception:
    assert isinstance(error, grpc.Call)  # noqa: S101 - what a call raises is the call
    code, details = error.code(), error.details() or "no reason given"
    trailers = dict(error.trailing_metadata() or ())
    pause = trailers.get(_PUSHBACK)
    retry_after = int(pause) / 1000 if isinstance(pause, str) and pause.isdigit() else 1.0
    if code is grpc.StatusCode.PERMISSION_DENIED:
        return KeyNotAllowedError(details)
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return EntryRejectedError(details)
    if code is grpc.StatusCode.OUT_OF_RANGE:
        return ProofError(details)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return PushbackError(details, retry_after=retry_after)
    if code in _UNKNOWN_OUTCOME:
        return LedgerUnavailableError(f"the ledger does not answer: {details}", retry_after=retry_after)
    return LedgerError(f"the ledger failed: {details}")

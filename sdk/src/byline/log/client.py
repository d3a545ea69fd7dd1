# SPDX-License-Identifier: Apache-2.0
"""Ask a ledger's server: a `core.ports.Ledger` over gRPC (`byline.v1.LedgerService`).

    grpc://HOST:PORT      plain text; loopback only
    grpcs://HOST:PORT     TLS; the server's certificate is checked against the system's roots, or those given

Every call that gets one answer has a deadline, in which it is tried again: when the server says when to come back, then; when it
does not answer, soon and a few times. An append may be tried again because one statement has one index. A stream lasts; pings tell
when the server is gone. Nothing that comes back is verified here: the verify room does that. `log.answers` says which errors there are.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
import urllib.parse
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias, TypeVar

import grpc

from byline.core.effect import parse_sha256
from byline.core.envelope import MAX_PAYLOAD, Envelope
from byline.core.facets import Query
from byline.core.merkle import MAX_SIZE, ConsistencyProof, InclusionProof
from byline.errors import (
    BylineError,
    ConfigError,
    EntryRejectedError,
    LedgerError,
    LedgerUnavailableError,
    MalformedError,
    ProofError,
    PushbackError,
    VerificationError,
)
from byline.log.address import is_loopback
from byline.log.answers import read_error, read_index, read_page, read_receipt, read_status, write_append, write_query
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.bundle import Bundle, Receipt
    from byline.core.logged import Logged, Page
    from byline.core.sealed_index import IndexProof

DEADLINE_SECONDS = 10.0
TRIES = 3
MAX_REQUEST = 128
MAX_REQUEST_BYTES = 1024 * 1024
_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A second by default, in which every call fails at once: too long for who tries again soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
)

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Outcome: TypeAlias = "tuple[int, Receipt | BylineError]"


class Identity(NamedTuple):
    """Who calls, for a server that asks for certificates: `key` and `certificate` chain, both PEM."""

    key: bytes
    certificate: bytes


class LedgerClient:
    """A ledger at `url`; connects when first asked. Thread-safe; a context manager that closes the connection.

    `roots` are the authorities (PEM) that vouch for the server, `identity` is shown to it, `token` is sent with each call.
    """

    def __init__(
        self,
        url: str,
        *,
        deadline: float = DEADLINE_SECONDS,
        roots: bytes | None = None,
        identity: Identity | None = None,
        token: str | None = None,
    ) -> None:
        target, secure = read_url(url)
        self._deadline = deadline
        self._metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        if secure:
            credentials = grpc.ssl_channel_credentials(roots, *identity or ())
            self._channel = grpc.secure_channel(target, credentials, options=_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._stub = ledger_pb2_grpc.LedgerServiceStub(self._channel)

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        """Log `envelope`; as `core.ports.Ledger`.

        Raises:
            EntryRejectedError: The log will never take it.
            LedgerUnavailableError: Nobody knows whether it was taken; a `PushbackError` says when to come back.
            LedgerError: The log is broken.
        """
        _check_length(envelope)
        answer = self._call(self._stub.Append, write_append(envelope, public))
        return read_receipt(answer.head, answer.entry)

    def append_stream(self, asks: Iterable[tuple[Envelope, bytes]]) -> Iterator[Outcome]:
        """Log envelopes with the keys that signed them; give for each its place in `asks` and its receipt, or why it was refused.

        Answers come as batches become durable, in any order. `asks` is read in a thread of its own, some ahead of the answers.
        What has no answer when this raises may be sent again.

        Raises:
            LedgerUnavailableError: The log does not answer (any more).
            LedgerError: The log is broken.
        """
        refused: deque[Outcome] = deque()
        calls = self._stub.AppendStream(_requests(asks, refused), metadata=self._metadata)
        try:
            with _translated():
                for response in calls:
                    while refused:
                        yield refused.popleft()
                    for answer in response.answers:
                        failed = answer.HasField("status")
                        yield answer.number, read_status(answer.status) if failed else read_receipt(response.head, answer.entry)
            yield from refused
        finally:
            calls.cancel()

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint; as `core.ports.Ledger`.

        Raises:
            LedgerUnavailableError: The log does not answer.
        """
        return self._call(self._stub.GetCheckpoint, ledger_pb2.GetCheckpointRequest()).checkpoint

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Return the proof of an entry; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such entry or no such tree.
            LedgerUnavailableError: The log does not answer.
        """
        if not 0 <= index < size <= MAX_SIZE:
            raise ProofError(f"no entry {index} in a tree of {size}")
        answer = self._call(self._stub.GetInclusionProof, ledger_pb2.GetInclusionProofRequest(index=index, size=size))
        return InclusionProof(index=index, size=size, hashes=tuple(answer.hashes))

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Return the proof that one tree begins with another; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such tree.
            LedgerUnavailableError: The log does not answer.
        """
        if not 0 <= old <= new <= MAX_SIZE:
            raise ProofError(f"no tree of {old} in a tree of {new}")
        answer = self._call(self._stub.GetConsistencyProof, ledger_pb2.GetConsistencyProofRequest(old_size=old, new_size=new))
        return ConsistencyProof(old=old, new=new, hashes=tuple(answer.hashes))

    def entries(self, start: int = 0, *, envelopes: bool = True) -> Iterator[Page]:
        """Give the entries from `start` on, page by page, one page at least.

        Raises:
            LedgerUnavailableError: The log does not answer.
        """
        after: int | None = start - 1
        while after is not None:
            request = ledger_pb2.ListEntriesRequest(start=after + 1, with_envelopes=envelopes)
            answer = self._call(self._stub.ListEntries, request)
            yield (page := read_page(answer.head, answer.entries, more=bool(answer.entries)))
            after = page.after

    def fetch(self, indices: Sequence[int]) -> tuple[Bundle, ...]:
        """Return the bundles of the entries `indices`, as far as the log has what was signed; as `core.ports.Ledger`.

        Raises:
            LedgerUnavailableError: The log does not answer.
            LedgerError: The log answers with what is no bundle.
        """
        found: list[Logged] = []
        left = sorted(set(indices))
        while left:
            beside = sum(1 for number, index in enumerate(left) if index == left[0] + number)
            request = ledger_pb2.ListEntriesRequest(start=left[0], page_size=beside, with_envelopes=True)
            answer = self._call(self._stub.ListEntries, request)
            page = read_page(answer.head, answer.entries, more=False)
            found += page.entries[:beside]
            left = left[max(1, min(beside, len(page.entries))) :]
        return _read_bundles(found)

    def prove_index(self, keys: Sequence[bytes]) -> IndexProof:
        """Return what the index has under `keys`; as `core.ports.Ledger`.

        Raises:
            ProofError: The log has no index.
            LedgerUnavailableError: The log does not answer.
        """
        return read_index(self._call(self._stub.ProveIndex, ledger_pb2.ProveIndexRequest(keys=keys)))

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        """Return the bundles about a subject; as `core.ports.Ledger`.

        Raises:
            MalformedError: Not 64 hex digits.
            LedgerUnavailableError: The log does not answer.
            LedgerError: The log answers with what is no bundle.
        """
        pages = self.search(Query(subject=bytes.fromhex(parse_sha256(subject_sha256))))
        return _read_bundles(each for page in pages for each in page.entries)

    def search(self, query: Query) -> Iterator[Page]:
        """Give what `query` asks for, page by page, one page at least.

        Raises:
            MalformedError: It asks for nothing, or for a commit and no repository.
            LedgerUnavailableError: The log does not answer.
        """
        request = write_query(query)
        while True:
            answer = self._call(self._stub.FindBundles, request)
            yield read_page(answer.head, answer.entries, more=bool(answer.next_page_token))
            request.page_token = answer.next_page_token
            if not request.page_token:
                return

    def watch(self, size: int = 0) -> Iterator[tuple[str, ConsistencyProof]]:
        """Give each checkpoint that is larger than `size` and the one before, with the proof that it extends that; it never ends by itself.

        Raises:
            LedgerUnavailableError: The log does not answer (any more).
        """
        calls = self._stub.Watch(ledger_pb2.WatchRequest(size=size), metadata=self._metadata)
        try:
            with _translated():
                for answer in calls:
                    yield answer.checkpoint, ConsistencyProof(old=size, new=answer.size, hashes=tuple(answer.hashes))
                    size = answer.size
        finally:
            calls.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: grpc.UnaryUnaryMultiCallable[Asked, Answered], request: Asked) -> Answered:
        """Call until there is an answer, in the deadline."""
        end = time.monotonic() + self._deadline
        for tries in itertools.count(1):
            try:
                with _translated():
                    return method(request, timeout=max(0.0, end - time.monotonic()), metadata=self._metadata)
            except LedgerUnavailableError as error:
                pause = error.retry_after * (1 + random.random())  # noqa: S311 - so that callers do not all come back at once
                is_lasting = tries == TRIES and not isinstance(error, PushbackError)
                if is_lasting or time.monotonic() + pause > end:
                    raise
                time.sleep(pause)
        raise AssertionError("counting never ends")


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


def _read_bundles(entries: Iterable[Logged]) -> tuple[Bundle, ...]:
    try:
        return tuple(bundle for each in entries if (bundle := each.bundle))
    except (MalformedError, VerificationError) as error:
        raise LedgerError(f"the ledger answers with what is no bundle: {error}") from error


def _check_length(envelope: Envelope) -> None:
    if len(envelope.payload) > MAX_PAYLOAD:
        raise EntryRejectedError(f"a payload of {len(envelope.payload)} bytes, at most {MAX_PAYLOAD} are taken")


def _requests(asks: Iterable[tuple[Envelope, bytes]], refused: deque[Outcome]) -> Iterator[ledger_pb2.AppendStreamRequest]:
    """Give requests with some of `asks` each; those that no server takes are `refused` here."""
    request, size = ledger_pb2.AppendStreamRequest(), 0
    for number, (envelope, public) in enumerate(asks):
        try:
            _check_length(envelope)
        except EntryRejectedError as error:
            refused.append((number, error))
            continue
        request.appends.add(number=number, append=write_append(envelope, public))
        size += len(envelope.payload)
        if len(request.appends) == MAX_REQUEST or size > MAX_REQUEST_BYTES:
            yield request
            request, size = ledger_pb2.AppendStreamRequest(), 0
    if request.appends:
        yield request


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise read_error(error) from error
    except ValueError as error:
        # The channel was closed.
        raise LedgerError(f"cannot ask the ledger: {error}") from error

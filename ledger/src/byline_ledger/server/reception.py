# SPDX-License-Identifier: Apache-2.0
"""Where every call comes in and goes out, at every door: who it is is asked, and how it ended is counted and told.

A caller shows a bearer token (`authorization: Bearer ...`), a certificate, both or neither. The certificate is the connection's own,
as TLS checked it: no header and no proxy speaks for it. Each call gets an id, which is in its log lines and goes back to the caller
as `x-request-id`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

import grpc

from byline.errors import (
    BylineError,
    EntryRejectedError,
    FrozenError,
    MalformedError,
    NotAdmittedError,
    ProofError,
    PushbackError,
    UnknownCallerError,
)
from byline.log.answers import DETAILS
from byline_ledger.engine.access import Caller
from byline_ledger.engine.identities import ANYONE
from byline_ledger.events import tell
from byline_ledger.server.diary import REQUEST, Refusals
from byline_ledger.server.status import code_of, write_status
from byline_ledger.server.traces import untraced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

    from byline_ledger.engine.access import Access, Visit
    from byline_ledger.engine.identities import Door
    from byline_ledger.server.metrics import Metrics
    from byline_ledger.server.traces import Headers, Span

REQUEST_ID = "x-request-id"
# The names of a certificate that gRPC tells apart from each other; a common name is none.
_NAMES = ("peer_uri", "peer_dns")
_NOBODY = Caller()
# Whoever asked is to blame, and not the ledger.
_REFUSALS = (EntryRejectedError, FrozenError, MalformedError, NotAdmittedError, ProofError, PushbackError, UnknownCallerError)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Call(Protocol):
    """So much of gRPC's context as a call is let in and refused with."""

    def invocation_metadata(self) -> Any: ...  # noqa: ANN401, D102 - headers, or None; gRPC's own types are no use here

    def auth_context(self) -> Mapping[str, Iterable[bytes]]: ...  # noqa: D102 - as gRPC says it

    async def abort(self, code: grpc.StatusCode, details: str = ..., trailing_metadata: Any = ...) -> NoReturn: ...  # noqa: ANN401, D102 - as gRPC says it


class Reception:
    """Lets calls in as `access` says, counts them in `metrics` and traces them by `span`; `clock` is in seconds and only goes forward."""

    def __init__(self, access: Access, metrics: Metrics, *, span: Span = untraced, clock: Callable[[], float]) -> None:
        self._access = access
        self.metrics = metrics
        self._span = span
        self._clock = clock
        self._refusals = Refusals(clock)

    @contextlib.asynccontextmanager
    async def receive(self, context: Call, door: Door, method: str) -> AsyncIterator[Visit]:
        """Let the caller of `method` in, and end the call with the status of an error that leaves the block."""
        headers = context.invocation_metadata() or ()
        with self.timed(method, headers) as ended:
            visit: Visit | None = None
            try:
                visit = self.enter(caller_of(headers, context.auth_context()), door)
                yield visit
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - nothing is hidden: it is told, or logged
                self.failed(error, visit.name if visit else ANYONE)
                ended(code_of(error).name)
                status = write_status(error)
                await context.abort(code_of(error), status.message, ((DETAILS, status.SerializeToString()), (REQUEST_ID, REQUEST.get())))

    def enter(self, caller: Caller, door: Door) -> Visit:
        """Let `caller` in at `door`; as `Access.enter`.

        Raises:
            UnknownCallerError: As there.
            NotAdmittedError: As there.
        """
        return self._access.enter(caller, door)

    @contextlib.contextmanager
    def timed(self, method: str, headers: Headers) -> Iterator[Callable[[str], None]]:
        """Give a call of `method` an id, and count it under the last code that the block says, OK if it says none."""
        began, codes, end, request = self._clock(), list[str](), grpc.StatusCode.OK, secrets.token_hex(8)
        REQUEST.set(request)
        with self._span(method, headers) as mark:
            try:
                yield codes.append
            except (asyncio.CancelledError, GeneratorExit):
                end = grpc.StatusCode.CANCELLED
                raise
            except Exception:
                end = grpc.StatusCode.INTERNAL
                raise
            finally:
                code = codes[-1] if codes else end.name
                mark("byline.request", request)
                mark("byline.code", code)
                self.metrics.answered(method, code, self._clock() - began)

    def failed(self, error: Exception, identity: str) -> None:
        """Count and tell that `error` was the answer to `identity`."""
        if isinstance(error, _REFUSALS):
            self.metrics.refused(error.code, identity)
            self._refusals.tell(error.code, identity)
        elif isinstance(error, BylineError):
            tell(logging.ERROR, "failed", reason=error.code)


def caller_of(headers: Headers, peer: Mapping[str, Iterable[bytes]]) -> Caller:
    """Return who calls with `headers` over a connection of which TLS says `peer`.

    Raises:
        UnknownCallerError: It shows what is no bearer token.
    """
    shown = [value for key, value in headers if key == "authorization"]
    names = frozenset([value.decode(errors="replace") for key in _NAMES for value in peer.get(key, ())]) if peer else _NOBODY.names
    if not shown:
        return Caller(names=names) if names else _NOBODY
    scheme, _, token = str(shown[0]).partition(" ")
    if len(shown) > 1 or scheme.lower() != "bearer" or not token:
        raise UnknownCallerError("not one bearer token", hint="authorization: Bearer <token>")
    return Caller(token=token, names=names)

# SPDX-License-Identifier: Apache-2.0
"""The one place that maps errors to gRPC codes; `byline.log.client` maps them back.

    KeyNotAllowedError                    PERMISSION_DENIED
    EntryRejectedError, MalformedError    INVALID_ARGUMENT
    ProofError                            OUT_OF_RANGE
    PushbackError                         RESOURCE_EXHAUSTED, and when to come back
    LedgerUnavailableError                UNAVAILABLE, and when to come back
    anything else                         INTERNAL

What is no error of Byline's is logged and not told.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import grpc

from byline.errors import (
    BylineError,
    EntryRejectedError,
    KeyNotAllowedError,
    LedgerUnavailableError,
    MalformedError,
    ProofError,
    PushbackError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PUSHBACK = "grpc-retry-pushback-ms"


def code_of(error: BylineError) -> grpc.StatusCode:
    """Return the gRPC code of `error`."""
    match error:
        case KeyNotAllowedError():
            return grpc.StatusCode.PERMISSION_DENIED
        case EntryRejectedError() | MalformedError():
            return grpc.StatusCode.INVALID_ARGUMENT
        case ProofError():
            return grpc.StatusCode.OUT_OF_RANGE
        case PushbackError():
            return grpc.StatusCode.RESOURCE_EXHAUSTED
        case LedgerUnavailableError():
            return grpc.StatusCode.UNAVAILABLE
        case _:
            return grpc.StatusCode.INTERNAL


@contextlib.asynccontextmanager
async def answering(context: grpc.aio.ServicerContext[object, object]) -> AsyncIterator[None]:
    """End the call with the code of an error that leaves the block."""
    try:
        yield
    except BylineError as error:
        trailers: tuple[tuple[str, str], ...] = ()
        if isinstance(error, LedgerUnavailableError):
            trailers = ((PUSHBACK, str(int(error.retry_after * 1000))),)
        await context.abort(code_of(error), str(error), trailers)
    except grpc.aio.AbortError:
        raise
    except Exception:
        logging.getLogger(__name__).exception("a call failed")
        await context.abort(grpc.StatusCode.INTERNAL, "the ledger failed")

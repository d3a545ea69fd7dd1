# SPDX-License-Identifier: Apache-2.0
"""The one place that maps errors to gRPC codes; `byline.log.answers` maps them back.

    UnknownCallerError                      UNAUTHENTICATED
    KeyNotAllowedError, NotAdmittedError    PERMISSION_DENIED
    EntryRejectedError, MalformedError      INVALID_ARGUMENT
    ProofError                              OUT_OF_RANGE
    FrozenError                             FAILED_PRECONDITION
    PushbackError                           RESOURCE_EXHAUSTED, and when to come back
    LedgerUnavailableError                  UNAVAILABLE, and when to come back
    DamagedError                            DATA_LOSS
    anything else                           INTERNAL

Each goes out as a google.rpc.Status, in the trailer `grpc-status-details-bin` or inside an answer: an ErrorInfo whose reason is the
error's code (docs/errors.md) and whose metadata hold its hint, a RetryInfo, and a QuotaFailure where it is a QuotaError. What is no
error of Byline's is logged and not told.
"""

from __future__ import annotations

import logging
from datetime import timedelta

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # the package has no types

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
from byline.log.answers import DOMAIN, HINT

# The first that fits, the more exact ones before.
_CODES: dict[type[BylineError], grpc.StatusCode] = {
    UnknownCallerError: grpc.StatusCode.UNAUTHENTICATED,
    KeyNotAllowedError: grpc.StatusCode.PERMISSION_DENIED,
    NotAdmittedError: grpc.StatusCode.PERMISSION_DENIED,
    EntryRejectedError: grpc.StatusCode.INVALID_ARGUMENT,
    MalformedError: grpc.StatusCode.INVALID_ARGUMENT,
    ProofError: grpc.StatusCode.OUT_OF_RANGE,
    FrozenError: grpc.StatusCode.FAILED_PRECONDITION,
    PushbackError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    LedgerUnavailableError: grpc.StatusCode.UNAVAILABLE,
    DamagedError: grpc.StatusCode.DATA_LOSS,
}


def code_of(error: Exception) -> grpc.StatusCode:
    """Return the gRPC code of `error`."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), grpc.StatusCode.INTERNAL)


def write_status(error: Exception) -> status_pb2.Status:
    """Return `error` as a message."""
    if not isinstance(error, BylineError):
        logging.getLogger(__name__).error("a call failed", exc_info=error)
        error = LedgerError("the ledger failed")
    code: int = code_of(error).value[0]
    status = status_pb2.Status(code=code, message=str(error))
    info = error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN, metadata={HINT: error.hint} if error.hint else {})
    status.details.add().Pack(info)
    if isinstance(error, LedgerUnavailableError):
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=error.retry_after))
        status.details.add().Pack(retry)
    if isinstance(error, QuotaError):
        violation = error_details_pb2.QuotaFailure.Violation(subject="caller", description=str(error))
        status.details.add().Pack(error_details_pb2.QuotaFailure(violations=[violation]))
    return status

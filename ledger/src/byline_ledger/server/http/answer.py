# SPDX-License-Identifier: Apache-2.0
r"""What HTTP answers: bytes that never change, and refusals that a program can read.

A refusal is `google.rpc.Status` in JSON, as the gateways in front of gRPC services write it, under the HTTP status that belongs to its
gRPC code; where it is worth to come back, `Retry-After` says after how many seconds:

    {"code": 3, "message": "not JSON at line 1, column 1", "details": []}

>>> refuse(grpc.StatusCode.OUT_OF_RANGE, "the log has 5 entries").status_code
400
"""

from __future__ import annotations

import math

import grpc
from google.protobuf import json_format
from google.rpc import status_pb2  # type: ignore[import-untyped]  # the package has no types
from starlette.responses import JSONResponse

from byline.errors import LedgerUnavailableError
from byline.log.answers import read_status

IMMUTABLE = "public, max-age=31536000, immutable"
# Nobody may keep a "no": what is not there yet may be there a moment later.
NEVER_KEPT = "no-store"

_PASSING = frozenset({429, 503})
_STATUS: dict[int, int] = {
    grpc.StatusCode.CANCELLED.value[0]: 499,
    grpc.StatusCode.INVALID_ARGUMENT.value[0]: 400,
    grpc.StatusCode.OUT_OF_RANGE.value[0]: 400,
    grpc.StatusCode.FAILED_PRECONDITION.value[0]: 400,
    grpc.StatusCode.UNAUTHENTICATED.value[0]: 401,
    grpc.StatusCode.PERMISSION_DENIED.value[0]: 403,
    grpc.StatusCode.NOT_FOUND.value[0]: 404,
    grpc.StatusCode.ABORTED.value[0]: 409,
    grpc.StatusCode.ALREADY_EXISTS.value[0]: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]: 429,
    grpc.StatusCode.UNIMPLEMENTED.value[0]: 501,
    grpc.StatusCode.UNAVAILABLE.value[0]: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED.value[0]: 504,
}
_CODES = {
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
}


def refuse(code: grpc.StatusCode, message: str, *, status: int | None = None) -> JSONResponse:
    """Return the refusal; `status` where HTTP says it better than the code does."""
    return refuse_status(status_pb2.Status(code=code.value[0], message=message), status=status)


def refuse_status(told: status_pb2.Status, *, status: int | None = None) -> JSONResponse:
    """Return the refusal that gRPC's callers are `told`; as `refuse`."""
    headers = {"Cache-Control": NEVER_KEPT}
    error = read_status(told)
    status = status or _STATUS.get(told.code, 500)
    if isinstance(error, LedgerUnavailableError) and status in _PASSING:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    details = [json_format.MessageToDict(each) for each in told.details]
    return JSONResponse({"code": told.code, "message": told.message, "details": details}, status, headers)


def code_of_status(status: int) -> grpc.StatusCode:
    """Return the gRPC code that says most nearly what the HTTP `status` says."""
    return _CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT if status < 500 else grpc.StatusCode.INTERNAL)

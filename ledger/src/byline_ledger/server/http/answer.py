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
from typing import TYPE_CHECKING

import grpc
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

IMMUTABLE = "public, max-age=31536000, immutable"
# Nobody may keep a "no": what is not there yet may be there a moment later.
NEVER_KEPT = "no-store"

_STATUS = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_CODES = {
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
}


def refuse(
    code: grpc.StatusCode,
    message: str,
    *,
    status: int | None = None,
    details: Sequence[object] = (),
    retry_after: float | None = None,
) -> JSONResponse:
    """Return the refusal; `status` where HTTP says it better than the code does."""
    headers = {"Cache-Control": NEVER_KEPT}
    if retry_after is not None:
        headers["Retry-After"] = str(math.ceil(retry_after))
    body = {"code": code.value[0], "message": message, "details": list(details)}
    return JSONResponse(body, status or _STATUS.get(code, 500), headers)


def code_of_status(status: int) -> grpc.StatusCode:
    """Return the gRPC code that says most nearly what the HTTP `status` says."""
    return _CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT if status < 500 else grpc.StatusCode.INTERNAL)

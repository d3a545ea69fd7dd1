# SPDX-License-Identifier: Apache-2.0
"""A request's body, in bounds: so many bytes, within so many seconds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

SECONDS = 30.0


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of `request`, at most `limit` bytes.

    Raises:
        HTTPException: It is longer (413), takes too long to come (408), or its sender went away (400).
    """
    data = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                data += chunk
                if len(data) > limit:
                    raise HTTPException(413, f"at most {limit} bytes are read")
    except TimeoutError as error:
        raise HTTPException(408, "the request took too long to come") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the request was not sent to its end") from error
    return bytes(data)

# SPDX-License-Identifier: Apache-2.0
"""How many calls may last: streams, of whatever service, leave room for the calls that are answered at once.

A server answers so many calls at a time (`limits.calls`), and a stream is one of them for as long as its caller likes: whoever may
read, or may ask nothing but whether the server is well, could otherwise keep out everybody else. So streams beyond `most` are pushed
back, and one that is to come from then on waits for another to end.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import TYPE_CHECKING, Any

from byline.errors import PushbackError
from byline.log.answers import DETAILS
from byline_ledger.server.status import code_of, write_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

RETRY_SECONDS = 5.0
_LASTING = ("unary_stream", "stream_unary", "stream_stream")


class FewStreams:
    """Lets `most` streams last at a time, of all methods that it stands around."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0

    def around(self, handler: Any) -> Any:  # noqa: ANN401 - gRPC's own, which has no type
        """Return `handler`, counted if it streams."""
        for kind in _LASTING:
            if (method := getattr(handler, kind, None)) is not None:
                call = self._give if inspect.isasyncgenfunction(method) else self._answer
                return handler._replace(**{kind: functools.partial(call, method)})
        return handler

    async def _answer(self, method: Callable[..., Any], request: object, context: Any) -> object:  # noqa: ANN401 - gRPC's own types
        await self._check(context)
        with self._counted():
            return await method(request, context)

    async def _give(self, method: Callable[..., Any], request: object, context: Any) -> AsyncIterator[object]:  # noqa: ANN401 - gRPC's own types
        await self._check(context)
        with self._counted():
            async for answer in method(request, context):
                yield answer

    async def _check(self, context: Any) -> None:  # noqa: ANN401 - gRPC's own types
        """End the call if there are as many as may be."""
        if self._number >= self._most:
            error = PushbackError("too many streams are open", retry_after=RETRY_SECONDS)
            status = write_status(error)
            await context.abort(code_of(error), status.message, ((DETAILS, status.SerializeToString()),))

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._number += 1
        try:
            yield
        finally:
            self._number -= 1

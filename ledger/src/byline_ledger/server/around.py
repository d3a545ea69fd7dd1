# SPDX-License-Identifier: Apache-2.0
"""What stands around each method of a service.

- Bytes that are no message are refused like anything else that is malformed. gRPC reads a request before a method sees it, and takes
  bytes that are none for a failure of the server: a stack trace in its log, UNKNOWN to the caller.
- A call that was refused lets go of its request. gRPC keeps the exception that ended it, whose trace holds the request, which holds
  gRPC's call: megabytes for each, until somebody looks for garbage in cycles.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping


class Registering:
    """What a generated `add_..._to_server` takes for the server: it adds the methods to `server` with all that stands `around` them."""

    def __init__(self, server: grpc.aio.Server, *around: Callable[[Any], Any]) -> None:
        self._server = server
        self._around = around

    def add_generic_rpc_handlers(self, _handlers: object) -> None:
        """Add nothing: the same methods come by name."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Add methods."""
        surrounded = {name: functools.reduce(lambda inner, put: put(inner), self._around, handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, surrounded),))


class Unreadable:
    """A request of which nothing can be read: a method that looks at it refuses it where it refuses any other."""

    def __getattr__(self, _name: str) -> NoReturn:
        raise MalformedError("these bytes are not a message of this method")


def surround(handler: Any) -> Any:  # noqa: ANN401 - gRPC's own, which has no type
    """Return `handler`, reading and refusing as above."""
    around: dict[str, Callable[..., Any]] = {"unary_unary": _answer, "unary_stream": _stream, "stream_stream": _answer}
    methods = {kind: functools.partial(call, method) for kind, call in around.items() if (method := getattr(handler, kind))}
    return handler._replace(request_deserializer=functools.partial(_read, handler.request_deserializer), **methods)


def _read(read: Callable[[bytes], object], data: bytes) -> object:
    try:
        return read(data)
    except DecodeError:
        return Unreadable()


async def _answer(method: Callable[..., Any], request: object, context: object) -> object:
    call = method(request, context)
    del request
    try:
        return await call
    except grpc.aio.AbortError as error:
        raise _forgetful(error) from None


async def _stream(method: Callable[..., Any], request: object, context: object) -> AsyncIterator[object]:
    answers = method(request, context)
    del request
    try:
        async for answer in answers:
            yield answer
    except grpc.aio.AbortError as error:
        raise _forgetful(error) from None


def _forgetful(error: grpc.aio.AbortError) -> grpc.aio.AbortError:
    """Return `error` without what it remembers: where it and all that led to it were raised."""
    before = error.__context__
    while before is not None:
        before.__traceback__ = None
        before = before.__context__
    return error.with_traceback(None)

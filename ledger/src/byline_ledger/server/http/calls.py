# SPDX-License-Identifier: Apache-2.0
"""The door for the curious: the calls of `byline.v1.LedgerService` in JSON, for curl and for languages without gRPC.

    POST /byline.v1.LedgerService/<Method>        Content-Type: application/json        the request in protobuf's JSON

The answer is the response in protobuf's JSON: bytes are base64, 64-bit integers are strings, what is zero is left out. It is the
method behind gRPC that answers, with the same limits, the same identities and the same errors. Methods that stream are gRPC's alone:
who asks for one here, or for one that there is not, is told which there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2  # type: ignore[import-untyped]  # the package has no types
from starlette.responses import JSONResponse
from starlette.routing import Route

from byline.core.canonical import parse_strict
from byline.errors import MalformedError
from byline.log.answers import DETAILS
from byline_ledger.server.http.answer import NEVER_KEPT, refuse
from byline_ledger.server.http.body import read_body
from byline_ledger.server.http.connection import peer_of
from byline_proto.v1 import ledger_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from google.protobuf.descriptor import MethodDescriptor
    from starlette.requests import Request
    from starlette.responses import Response

    from byline_ledger.server.http.site import Site

_SERVICE = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"]
# A statement of 1 MiB in base64, and its key; a little more is let in, so that the answer can be a reason.
MAX_REQUEST = 2 * 1024 * 1024


class Refused(grpc.aio.AbortError):
    """The call ended with `status` and not with an answer."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


class HttpCall:
    """What a method of the service sees of its caller and uses to refuse, where the caller came over HTTP: so much of gRPC's context."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """Return the headers."""
        return self._request.headers.items()

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Return whom TLS found at the other end."""
        return peer_of(self._request.scope)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Sequence[tuple[str, str | bytes]] = ()) -> NoReturn:
        """End the call.

        Raises:
            Refused: Always.
        """
        status = status_pb2.Status.FromString(next((value for name, value in trailing_metadata if name == DETAILS), b""))
        status.code, status.message = code.value[0], details
        raise Refused(status)


def routes(site: Site) -> Iterator[Route]:
    """Give the routes of this door, one for each method that does not stream."""
    methods = [each for each in _SERVICE.methods if not (each.client_streaming or each.server_streaming)]
    for method in methods:
        yield _route(site, method)
    names = ", ".join(each.name for each in methods)

    async def unknown(request: Request) -> Response:
        return refuse(grpc.StatusCode.NOT_FOUND, f"{request.path_params['name'][:64]} is not called over HTTP; these are: {names}")

    yield Route(f"/{_SERVICE.full_name}/{{name}}", unknown, methods=["POST"])


def _route(site: Site, method: MethodDescriptor) -> Route:
    answer_of = getattr(site.service, method.name)
    request_class = GetMessageClass(method.input_type)

    async def call(request: Request) -> Response:
        message = _parse(await read_body(request, MAX_REQUEST), request_class())
        answer = await answer_of(message, HttpCall(request))
        return JSONResponse(json_format.MessageToDict(answer), headers={"Cache-Control": NEVER_KEPT})

    return Route(f"/{_SERVICE.full_name}/{method.name}", call, methods=["POST"])


def _parse(body: bytes, message: Any) -> Any:  # noqa: ANN401 - a message of any method
    """Fill `message` from its JSON.

    Raises:
        MalformedError: Not JSON that two readers read alike, or not that of such a message.
    """
    value = parse_strict(body or b"{}", max_bytes=MAX_REQUEST)
    if not isinstance(value, dict):
        raise MalformedError("expected an object")
    try:
        return json_format.ParseDict(value, message)
    except (json_format.ParseError, ValueError, TypeError) as error:
        raise MalformedError(f"no {type(message).DESCRIPTOR.name}: {error}") from error

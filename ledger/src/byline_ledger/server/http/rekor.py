# SPDX-License-Identifier: Apache-2.0
"""The door for Sigstore's clients: Rekor v2's create.

    POST /api/v2/log/entries        a request of `core.rekor`; 201 and a TransparencyLogEntry in protobuf's JSON

It answers once the entry is durable and in the tree, with proof and checkpoint; the same request again gets the same entry. The door
is closed until the operator opens it, for keys or for certificates too. Refusals: 400 for what is never logged, 403 for who may not,
405 where the log is frozen, 413 for too much, 429 and 503 with `Retry-After`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from starlette.responses import JSONResponse
from starlette.routing import Route

from byline.core.bundle import receipt_to_json
from byline.core.entry import EntryKind
from byline.core.rekor import MAX_REQUEST, parse_record_request
from byline.errors import FrozenError
from byline_ledger.engine.identities import Door
from byline_ledger.engine.records import admit_record
from byline_ledger.server.http.answer import NEVER_KEPT, refuse
from byline_ledger.server.http.body import read_body
from byline_ledger.server.http.calls import HttpCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from byline_ledger.server.http.site import Site


def routes(site: Site) -> Iterator[Route]:
    """Give the route of this door."""

    async def create(request: Request) -> Response:
        body = await read_body(request, MAX_REQUEST)
        async with site.reception.receive(HttpCall(request), Door.REKOR, "CreateEntry") as visit:
            submission = admit_record(parse_record_request(body), site.rekor)
            visit.guest(submission.facets.key.hex()).take(len(submission.leaf))
            try:
                receipt = await site.appends.log(submission)
            except FrozenError as error:
                return refuse(grpc.StatusCode.FAILED_PRECONDITION, str(error), status=405)
        return JSONResponse(receipt_to_json(receipt, EntryKind.HASHEDREKORD), 201, {"Cache-Control": NEVER_KEPT})

    yield Route("/api/v2/log/entries", create, methods=["POST"])

# SPDX-License-Identifier: Apache-2.0
"""Before every door of HTTP: who calls is asked, the answer is counted and gets its id.

`/healthz` answers everybody, `/metrics` is a door apart, and all else is for whoever may read. What takes calls of its own (`OWN`) lets
them in and counts them for itself; who may not come in there is refused here, before anything of the request is read. A caller shows a
token, a certificate (`connection`), both or neither. A browser sends `Origin` with whatever a page makes it post, a page of somebody
else's to a ledger on the reader's own machine, too: that is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from byline.errors import BylineError
from byline_ledger.engine.identities import ANYONE, Door
from byline_ledger.server.diary import REQUEST
from byline_ledger.server.http.answer import refuse, refuse_status
from byline_ledger.server.http.connection import peer_of
from byline_ledger.server.reception import REQUEST_ID, caller_of
from byline_ledger.server.status import write_status

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from byline_ledger.server.reception import Reception
    from byline_ledger.server.traces import Headers

OWN = ("/byline.v1.LedgerService/", "/api/v2/log/entries")
_OPEN = "/healthz"
_DOORS = {"/metrics": Door.METRICS, f"{OWN[0]}Append": Door.APPEND, OWN[1]: Door.REKOR}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_KNOWN = {"", "api", "checkpoint", "healthz", "metrics", "tile"}


class Guard:
    """The application `app` behind `reception`."""

    def __init__(self, app: ASGIApp, reception: Reception) -> None:
        self._app = app
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        if scope["type"] == "http" and scope["method"] not in _SAFE and any(key == b"origin" for key, _ in scope["headers"]):
            await refuse(grpc.StatusCode.PERMISSION_DENIED, "no web page may call a ledger")(scope, receive, _marking(send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, _marking(send))
            return
        first = path.split("/")[1] if "/" in path else ""
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"]]
        if path.startswith(OWN) and self._may_enter(scope, headers):
            await self._app(scope, receive, _marking(send))
            return
        with self._reception.timed(f"http /{first}" if first in _KNOWN else "http other", headers) as ended:
            marking = _marking(send)

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    ended(str(message["status"]))
                await marking(message)

            try:
                if path != _OPEN:
                    self._reception.enter(caller_of(headers, peer_of(scope)), _DOORS.get(path, Door.READ))
            except BylineError as error:
                self._reception.failed(error, ANYONE)
                await refuse_status(write_status(error))(scope, receive, sending)
            else:
                await self._app(scope, receive, sending)

    def _may_enter(self, scope: Scope, headers: Headers) -> bool:
        try:
            self._reception.enter(caller_of(headers, peer_of(scope)), _DOORS.get(scope["path"], Door.READ))
        except BylineError:
            return False
        return True


def _marking(send: Send) -> Send:
    """Return what sends an answer with the call's id."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (REQUEST_ID.encode(), REQUEST.get("").encode())]
        await send(message)

    return sending

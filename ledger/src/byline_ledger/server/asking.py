# SPDX-License-Identifier: Apache-2.0
"""Ask witnesses over HTTP: a POST on a connection that is kept, for as long as a few seconds, and no redirect followed.

The standard library does all of it: one short request at a time to each witness, in a thread of its own. TLS is checked against the
system's roots; plain text is spoken to this machine alone.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from typing import TYPE_CHECKING

from byline.core.tlog_witness import MAX_REQUEST
from byline.errors import LedgerUnavailableError
from byline.log.address import split_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.core.tlog_policy import PolicyWitness

TIMEOUT_SECONDS = 5.0


class WitnessCalls:
    """An `engine.publishing.Ask` for `witnesses`: each is asked by one thread at a time."""

    def __init__(self, witnesses: Iterable[PolicyWitness], *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Connect to nobody yet.

        Raises:
            ConfigError: A witness has no URL that can be asked.
        """
        self._calls = {each.name: _Call(each, timeout) for each in witnesses}

    def __call__(self, witness: PolicyWitness, request: str) -> tuple[int, str]:
        """Send `request` and return the status and the text of the answer.

        Raises:
            LedgerUnavailableError: There is none.
        """
        return self._calls[witness.name].post(request.encode())

    def end(self) -> None:
        """End what is under way: nobody waits for an answer any more."""
        for each in self._calls.values():
            each.end()


class _Call:
    """The connection to one witness."""

    def __init__(self, witness: PolicyWitness, timeout: float) -> None:
        parts = split_url(witness.url or "", what=f"the witness {witness.name} is to be asked at {witness.url}")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._path = f"{parts.path.rstrip('/')}/add-checkpoint"
        self._connection = make(str(parts.hostname), parts.port, timeout=timeout)
        self._ended = threading.Event()

    def post(self, body: bytes) -> tuple[int, str]:
        # A connection that was kept may be gone by now: then a new one is tried, once.
        was_kept = self._connection.sock is not None
        try:
            return self._post(body)
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            self._connection.close()
            if was_kept and not self._ended.is_set() and not isinstance(error, TimeoutError):
                return self.post(body)
            raise LedgerUnavailableError(f"it does not answer: {str(error) or type(error).__name__}") from error

    def end(self) -> None:
        self._ended.set()
        kept = self._connection.sock
        if kept is not None:
            with contextlib.suppress(OSError):
                kept.shutdown(socket.SHUT_RDWR)  # whoever waits for an answer hears of it
            self._connection.close()

    def _post(self, body: bytes) -> tuple[int, str]:
        headers = {"User-Agent": "byline", "Content-Type": "text/plain; charset=utf-8"}
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        data = answer.read(MAX_REQUEST)
        if not answer.isclosed():
            self._connection.close()  # what is left unread is no answer to the next question
        return answer.status, data.decode()

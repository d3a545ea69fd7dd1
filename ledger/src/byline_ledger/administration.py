# SPDX-License-Identifier: Apache-2.0
"""Ask a running server through its operator's socket (`byline_ledger.server.http.admin`)."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

from byline.core.canonical import parse_strict
from byline.errors import LedgerUnavailableError, MalformedError

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.canonical import Json

ADMIN = "admin.sock"
_SECONDS = 10.0
_MAX_ANSWER = 1024 * 1024


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the unix socket `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__("ledger", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_server(path: Path, question: str) -> dict[str, Json] | None:
    """Return what the server behind the socket `path` answers to GET `question`, None if none listens there.

    Raises:
        LedgerUnavailableError: It does not answer as one of ours.
    """
    connection = UnixConnection(path)
    try:
        connection.request("GET", question)
        answer = connection.getresponse()
        body = answer.read(_MAX_ANSWER + 1)
        value = parse_strict(body, max_bytes=_MAX_ANSWER)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except (OSError, http.client.HTTPException, MalformedError) as error:
        raise LedgerUnavailableError(f"the server at {path} does not answer: {getattr(error, 'strerror', None) or error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK or not isinstance(value, dict):
        raise LedgerUnavailableError(f"the server at {path} answers {answer.status}")
    return value

# SPDX-License-Identifier: Apache-2.0
"""What the operator chose for a server.

Without TLS a server listens on loopback only. `listen` is `HOST:PORT` or `[HOST]:PORT`; port 0 lets the system choose one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byline.errors import ConfigError
from byline.log.client import is_loopback
from byline_ledger.engine.sequencer import CAPACITY

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_LISTEN = "127.0.0.1:7420"
_MAX_PORT = 65_535
_KEY_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Paths of the server's certificate chain and private key, both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The log's `directory`, where to listen, how, which key ids (hex) may append (None: all), how many entries may wait."""

    directory: Path
    listen: str = DEFAULT_LISTEN
    tls: Tls | None = None
    allowed: frozenset[str] | None = None
    capacity: int = CAPACITY

    def check(self) -> None:
        """Check that this can be served.

        Raises:
            ConfigError: Not an address with a port, plain text beyond loopback, or what is no key id.
        """
        for key in self.allowed or ():
            if _KEY_ID.fullmatch(key) is None:
                raise ConfigError(f"not the id of a key: {key}", hint="it is the SHA-256 of the public key, 64 hex digits in lower case")
        host, colon, port = self.listen.rpartition(":")
        if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > _MAX_PORT:
            raise ConfigError(f"not an address to listen on: {self.listen}", hint="write HOST:PORT, for example 127.0.0.1:7420")
        if self.tls is None and not is_loopback(host.strip("[]")):
            raise ConfigError(f"without TLS a ledger listens on loopback only, not on {host}", hint="give a certificate and a key")

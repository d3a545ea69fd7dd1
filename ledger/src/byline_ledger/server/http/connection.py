# SPDX-License-Identifier: Apache-2.0
"""A connection over HTTP: whom TLS found at its other end, and how long that one may keep it without a request.

The names are those of the certificate that the other end showed and that an authority of the operator's vouches for, as gRPC tells
them: `peer_uri` and `peer_dns`. No header speaks for anybody. Whoever does not send the head of a request to its end within
`HEAD_SECONDS` is hung up on: connections are few, and theirs is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, MutableMapping

HEAD_SECONDS = 30.0
_PEER = "peer"
_KINDS = {"URI": "peer_uri", "DNS": "peer_dns"}


class Connection(H11Protocol):
    """One connection, as uvicorn makes it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as there
        """Note whose it is."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _PEER: _names(transport.get_extra_info("peercert"))}
        self._seen = self.cycle
        self._look = self.loop.call_later(HEAD_SECONDS, self._hang_up_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._look.cancel()
        super().connection_lost(exc)

    def _hang_up_if_silent(self) -> None:
        """End a connection that is answering nothing and on which nothing was asked since the last look."""
        answered = getattr(self.cycle, "response_complete", True)  # before the first request there is no cycle
        if answered and self.cycle is self._seen:
            self.transport.close()
            return
        self._seen = self.cycle
        self._look = self.loop.call_later(HEAD_SECONDS, self._hang_up_if_silent)


def peer_of(scope: MutableMapping[str, Any]) -> Mapping[str, tuple[bytes, ...]]:
    """Return whom TLS found at the other end of the connection that a request came on."""
    peer: Mapping[str, tuple[bytes, ...]] = scope.get("state", {}).get(_PEER, {})
    return peer


def _names(certificate: Mapping[str, Any] | None) -> dict[str, tuple[bytes, ...]]:
    """Return the names in a certificate as the `ssl` module tells it."""
    shown = (certificate or {}).get("subjectAltName", ())
    return {name: tuple(value.encode() for kind, value in shown if kind == wanted) for wanted, name in _KINDS.items()}

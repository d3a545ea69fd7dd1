# SPDX-License-Identifier: Apache-2.0
"""Connections over HTTP: whose they are, and that nobody keeps one for nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from byline_ledger.server.certificates import Certificates
from byline_ledger.server.config import Tls
from byline_ledger.server.http import connection
from byline_ledger.server.http.connection import peer_of
from byline_ledger.server.http.listen import listening
from serving import certify

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response


async def _who(request: Request) -> Response:
    return JSONResponse({name: [each.decode() for each in values] for name, values in peer_of(request.scope).items()})


APP = Starlette(routes=[Route("/", _who)])


async def ask(url: str, sent: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Send bytes, and return all that comes until the other end hangs up."""
    host, _, port = url.partition("://")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    writer.write(sent)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"])
def test_who_asks_for_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)

    async def story() -> bytes:
        async with listening(APP, "127.0.0.1:0", None) as url:
            return await asyncio.wait_for(ask(url, sent), 60)

    answer = asyncio.run(story())
    assert answer.startswith(b"HTTP/1.1 200 OK") if sent.endswith(b"GET / HT") else answer == b""


def test_the_names_of_a_certificate_are_told_and_those_of_a_header_are_not(tmp_path: Path) -> None:
    certificate, key = certify(tmp_path, x509.UniformResourceIdentifier("spiffe://shop.example/ci"), x509.DNSName("ci.example"))
    tls = Tls(certificate=certificate, key=key, client_ca=certificate)
    context = ssl.create_default_context(cafile=certificate)
    context.load_cert_chain(certificate, key)
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-Client-Cert: URI=spiffe://other\r\n\r\n"

    async def story() -> tuple[bytes, bytes, bytes]:
        nameless = b""
        async with listening(APP, "127.0.0.1:0", Certificates(tls)) as url:
            certified = await ask(url, request, context)
            with contextlib.suppress(OSError):
                nameless = await ask(url, request, ssl.create_default_context(cafile=certificate))
        async with listening(APP, "127.0.0.1:0", None) as url:
            return certified, nameless, await ask(url, request)

    certified, nameless, plain = asyncio.run(story())
    assert nameless == b""
    assert certified.endswith(b'{"peer_uri":["spiffe://shop.example/ci"],"peer_dns":["ci.example"]}')
    assert plain.endswith(b'{"peer_uri":[],"peer_dns":[]}')

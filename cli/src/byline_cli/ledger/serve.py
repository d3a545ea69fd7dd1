# SPDX-License-Identifier: Apache-2.0
"""`byline ledger serve`: run a ledger until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline.errors import ConfigError
from byline_cli.extras import needs_extra
from byline_cli.ledger.place import find_folder
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--listen", metavar="HOST:PORT", help="default 127.0.0.1:7420; port 0 takes a free one")
    parser.add_argument(
        "--certificate", type=Path, metavar="PEM", help="the server's certificate chain; without it only loopback is served"
    )
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="the certificate's private key")
    parser.add_argument(
        "--allow", action="append", metavar="KEYID", help="only keys with this id (SHA-256, hex) may append; may be repeated"
    )


def run(options: Namespace, world: World) -> int:
    """Serve."""
    folder = find_folder(world, options.folder)
    if (options.certificate is None) != (options.tls_key is None):
        raise ConfigError("--certificate and --tls-key go together")
    with needs_extra("ledger"):
        from byline_ledger.server.config import DEFAULT_LISTEN, ServerConfig, Tls
        from byline_ledger.server.main import serve

    def announce(address: str) -> None:
        world.terminal.line(f"serving grpc{'s' if tls else ''}://{address}")
        world.terminal.out.flush()

    tls = Tls(certificate=options.certificate, key=options.tls_key) if options.certificate else None
    allowed = frozenset(options.allow) if options.allow else None
    serve(ServerConfig(directory=folder, listen=options.listen or DEFAULT_LISTEN, tls=tls, allowed=allowed), announce=announce)
    return YES

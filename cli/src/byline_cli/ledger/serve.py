# SPDX-License-Identifier: Apache-2.0
"""`byline ledger serve`: run a ledger until it is told to stop."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline.errors import ConfigError
from byline_cli.extras import needs_extra
from byline_cli.ledger.place import find_folder
from byline_cli.world import YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World
    from byline_ledger.server.config import ServerConfig


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path, nargs="?", help="the ledger's folder; may be left out where --config names it")
    parser.add_argument("--config", type=Path, metavar="FILE", help="how to serve (default: ledger.toml in the folder); options here win")
    parser.add_argument("--check", action="store_true", help="only check that it could be served so")
    parser.add_argument("--listen", metavar="HOST:PORT", help="default 127.0.0.1:7420; port 0 takes a free one")
    parser.add_argument("--http", metavar="HOST:PORT", help="answer HTTP there as well: tiles, JSON, a status page")
    parser.add_argument("--rekor", choices=["keys", "certificates"], help="let Sigstore's clients log over HTTP, by what they sign with")
    parser.add_argument(
        "--certificate", type=Path, metavar="PEM", help="the server's certificate chain; without it only loopback is served"
    )
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="the certificate's private key")
    parser.add_argument("--admission", type=Path, metavar="FILE", help="who may do what (docs/formats.md, admission.toml)")
    parser.add_argument(
        "--allow", action="append", metavar="KEYID", help="only keys with this id (SHA-256, hex) may append; may be repeated"
    )


def run(options: Namespace, world: World) -> int:
    """Serve."""
    # The processes that a server starts are other programs: gRPC has nothing to do in them, and says so wherever it is not told.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    with needs_extra("ledger"):
        from byline_ledger.server.main import check_server, serve

        config = _config(options, world)

    def announce(url: str) -> None:
        world.terminal.line(f"serving {url}")
        world.terminal.out.flush()

    if options.check:
        check_server(config)
        world.terminal.line(f"sound: {config.directory} could be served on {' and '.join(filter(None, (config.listen, config.http)))}")
    else:
        serve(config, announce=announce)
    return YES


def _config(options: Namespace, world: World) -> ServerConfig:
    """Return what the file says, and over it what the options say."""
    from byline_ledger.engine.records import RekorDoor
    from byline_ledger.server.config import CONFIG, ServerConfig, Tls, load_config

    if options.folder is None and options.config is None:
        raise UsageError("which ledger?", hint="byline ledger serve FOLDER, or --config FILE")
    if (options.certificate is None) != (options.tls_key is None):
        raise ConfigError("--certificate and --tls-key go together")
    chosen: dict[str, Any] = {
        "listen": options.listen,
        "http": options.http,
        "allowed": frozenset(options.allow) if options.allow else None,
    }
    if options.rekor is not None:
        chosen["rekor"] = RekorDoor(options.rekor)
    if options.admission is not None:
        chosen["admission"] = world.cwd / options.admission
    if options.folder is not None:
        chosen["directory"] = find_folder(world, options.folder)
    if options.certificate is not None:
        chosen["tls"] = Tls(certificate=world.cwd / options.certificate, key=world.cwd / options.tls_key)
    path = world.cwd / (options.config or options.folder / CONFIG)
    config = load_config(path) if options.config or path.exists() else ServerConfig(directory=path.parent)
    return replace(config, **{name: value for name, value in chosen.items() if value is not None})

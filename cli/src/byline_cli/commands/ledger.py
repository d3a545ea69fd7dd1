# SPDX-License-Identifier: Apache-2.0
"""`byline ledger`: make, run and check a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline.errors import ConfigError
from byline_cli.extras import needs_extra
from byline_cli.terminal import Paint, count
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
A ledger is a folder with a key and a database. It takes signed envelopes, puts them into an append-only tree and answers with
receipts that anybody can check.

  init   make the folder; prints the public key (vkey) that goes into the trust file
  serve  answer over gRPC until it is told to stop (SIGTERM or SIGINT)
  fsck   recompute everything and name the first wrong byte; safe beside a running server"""
EXAMPLE = "byline ledger init /srv/ledger --origin ledger.example && byline ledger serve /srv/ledger --listen 127.0.0.1:7420"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="init|serve|fsck")
    init = verbs.add_parser("init", help="make a ledger")
    init.add_argument("folder", type=Path)
    init.add_argument("--origin", help="the ledger's name for ever: a host name (default: a random one that ends in .invalid)")
    serve = verbs.add_parser("serve", help="run a ledger")
    serve.add_argument("folder", type=Path)
    serve.add_argument("--listen", metavar="HOST:PORT", help="default 127.0.0.1:7420; port 0 takes a free one")
    serve.add_argument("--certificate", type=Path, metavar="PEM", help="the server's certificate chain; without it only loopback is served")
    serve.add_argument("--tls-key", type=Path, metavar="PEM", help="the certificate's private key")
    serve.add_argument(
        "--allow", action="append", metavar="KEYID", help="only keys with this id (SHA-256, hex) may append; may be repeated"
    )
    fsck = verbs.add_parser("fsck", help="check a ledger")
    fsck.add_argument("folder", type=Path)


def run(options: Namespace, world: World) -> int:
    """Run one of the verbs."""
    folder = options.folder if options.folder.is_absolute() else world.cwd / options.folder
    if options.verb != "init" and not folder.is_dir():
        raise ConfigError(f"there is no ledger at {folder}", hint=f"byline ledger init {options.folder}")
    return {"init": _init, "serve": _serve, "fsck": _fsck}[options.verb](options, world, folder)


def _init(options: Namespace, world: World, folder: Path) -> int:
    from byline_ledger.engine.files import init_ledger

    world.terminal.line(init_ledger(folder, origin=options.origin))
    world.terminal.note("this is the ledger's public key: byline init --ledger URL --log-key puts it into a trust file")
    return YES


def _serve(options: Namespace, world: World, folder: Path) -> int:
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


def _fsck(options: Namespace, world: World, folder: Path) -> int:  # noqa: ARG001 - the three verbs are called alike
    from byline_ledger.engine.fsck import check_ledger

    report = check_ledger(folder)
    for each in report.findings:
        world.terminal.line(Paint("wrong", "red"), f": {each.where}: {each.what}")
    if report.findings:
        world.terminal.line(f"this ledger is damaged: {count(len(report.findings), 'finding')}")
    else:
        world.terminal.line(f"sound: {count(report.entries, 'entry', 'entries')}, root {report.root}")
    return NO if report.findings else YES

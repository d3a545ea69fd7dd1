# SPDX-License-Identifier: Apache-2.0
"""`byline ledger`: make, run and check a ledger. Each verb is a module of `byline_cli.ledger`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace
    from types import ModuleType

    from byline_cli.parser import Parser
    from byline_cli.world import World

VERBS = {
    "init": "make the folder; prints the public key (vkey) that goes into the trust file, and leaves an example of ledger.toml",
    "serve": "answer over gRPC, and HTTP where asked, until it is told to stop (SIGTERM or SIGINT), as ledger.toml in its folder says",
    "stats": "tell how a ledger is, whether a server runs on it or not",
    "token": "make a token for somebody who may append or read; prints it, and what admission.toml says of it",
    "trust-config": "print what Sigstore's clients need to log here and to verify: trusted root and signing configuration",
    "fsck": "recompute everything and name the first wrong byte; safe beside a running server",
    "witness": "make a witness, and cosign checkpoints of logs that only grow; a log asks it over HTTP",
    "backup": "copy one moment of a ledger, beside a running server or not, and check the copy",
    "restore": "bring a backup back: one that lacks what others saw of the log is refused, for it would fork",
    "move": "move a ledger that no server has from its file into PostgreSQL, with its key and all of its history",
    "freeze": "let a ledger answer and take no new entries, from any process",
    "unfreeze": "let it take entries again; after a restore, once it is shown what others saw",
    "rotate-key": "end a ledger, and begin the one that follows it, under another name and key",
    "erase": "erase what was signed once two people have signed a tombstone for it; every proof stays",
    "monitor": "watch a log, yours or another's: that it only grows, and what it holds under a key",
    "mirror": "copy a log, yours or another's, prove all of it, and keep the copy up to date",
}
ABOUT = """\
A ledger is a folder with a key and a database. It takes signed envelopes, puts them into an append-only tree and answers with
receipts that anybody can check."""
EXAMPLE = "byline ledger init /srv/ledger --origin ledger.example && byline ledger serve /srv/ledger --listen 127.0.0.1:7420"


def configure(parser: Parser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, about in VERBS.items():
        _verb(name).configure(verbs.add_parser(name, help=about, description=f"{about}."))


def run(options: Namespace, world: World) -> int:
    """Run one of the verbs."""
    code: int = _verb(options.verb).run(options, world)
    return code


def _verb(name: str) -> ModuleType:
    return import_module(f"byline_cli.ledger.{name.replace('-', '_')}")

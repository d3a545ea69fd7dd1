# SPDX-License-Identifier: Apache-2.0
"""`byline ledger trust-config`: what Sigstore's clients need to log here, and to verify what is logged here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from byline.errors import ConfigError
from byline_cli.ledger.place import find_folder, read_vkey
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World
    from byline_ledger.trust_config import Issuer


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", help="where clients reach the ledger (default: https:// and its origin)")
    parser.add_argument(
        "--also", action="append", default=[], metavar="VKEY", help="verify entries of this log, too: one that ended; may be repeated"
    )
    parser.add_argument("--only", choices=["trusted-root", "signing-config"], help="one of the two files that cosign reads")
    parser.add_argument("--ca", type=Path, metavar="PEM", help="the chain of a private certificate authority, its root last")
    parser.add_argument("--ca-url", metavar="URL", default="", help="where it answers")
    parser.add_argument("--oidc-url", metavar="URL", default="", help="where people prove who they are")
    parser.add_argument("--ct-key", type=Path, metavar="PEM", help="the public key (P-256) of its log of certificates")
    parser.add_argument("--tsa", type=Path, metavar="PEM", help="the chain of a private time stamper, its root last")
    parser.add_argument("--tsa-url", metavar="URL", default="", help="where it answers")


def run(options: Namespace, world: World) -> int:
    """Print the configuration."""
    from byline.keys.ed25519 import load_log_key
    from byline_ledger.engine.files import KEY, check_files
    from byline_ledger.trust_config import signing_config, trust_config, trusted_root

    folder = find_folder(world, options.folder)
    check_files(folder)
    log = load_log_key(folder / KEY).note_key
    logs = [log, *(read_vkey(each, "--also").note_key for each in options.also)]
    url = options.url or f"https://{log.name}"
    for each in filter(None, (url, options.ca_url, options.oidc_url, options.tsa_url)):
        if not each.startswith(("https://", "http://")):
            raise ConfigError(f"not a URL: {each}", hint="write https://HOST")
    issuer = _issuer(options, world)
    if options.only == "trusted-root":
        told = trusted_root(logs, issuer)
    elif options.only == "signing-config":
        told = signing_config(log, url, issuer)
    else:
        told = trust_config(logs, url, issuer)
    for line in json.dumps(told, indent=2).splitlines():
        world.terminal.line(line)
    return YES


def _issuer(options: Namespace, world: World) -> Issuer:
    from byline.core.publickey import KeyType, key_type
    from byline.keys.certificates import load_chain
    from byline_cli.keyfile import read_public
    from byline_ledger.trust_config import Issuer

    ct_key = read_public(world.cwd / options.ct_key) if options.ct_key else b""
    if ct_key and key_type(ct_key) is not KeyType.P256:
        raise ConfigError(f"{options.ct_key} is not a P-256 key")
    return Issuer(
        authority=load_chain(world.cwd / options.ca) if options.ca else (),
        authority_url=options.ca_url,
        oidc_url=options.oidc_url,
        ct_key=ct_key,
        stamper=load_chain(world.cwd / options.tsa) if options.tsa else (),
        stamper_url=options.tsa_url,
    )

# SPDX-License-Identifier: Apache-2.0
"""`byline ledger witness`: make and run a witness of logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline.errors import ConfigError, MalformedError
from byline_cli.extras import needs_extra
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from byline.keys.ed25519 import LogVerifier
    from byline_cli.parser import Parser
    from byline_cli.world import World
    from byline_ledger.server.config import Tls

DEFAULT_LISTEN = "127.0.0.1:7422"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--new", metavar="NAME", help="make the witness NAME there, print its public keys (vkeys), and end")
    parser.add_argument("--ml-dsa", action="store_true", help="with --new: an ML-DSA-44 key beside the Ed25519 key")
    parser.add_argument("--log", action="append", default=[], metavar="VKEY", help="a log that it cosigns; may be repeated")
    parser.add_argument("--logs", type=Path, metavar="FILE", help="the logs that it cosigns, as the log lines of a C2SP tlog-policy")
    parser.add_argument("--listen", default=DEFAULT_LISTEN, metavar="HOST:PORT", help=f"default {DEFAULT_LISTEN}; port 0 takes a free one")
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="its certificate chain; without it only loopback is served")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="the certificate's private key")


def run(options: Namespace, world: World) -> int:
    """Make it, or serve."""
    with needs_extra("ledger"):
        from byline_ledger.server import witness

    folder = world.cwd / options.folder
    if options.new is not None:
        try:
            vkeys = witness.init_witness(folder, options.new, post_quantum=options.ml_dsa)
        except MalformedError as error:
            raise ConfigError(f"cannot make the witness {options.new!r}: {error}") from error
        for each in vkeys:
            world.terminal.line(each)
        world.terminal.note("these are public: a [[witness]] of a trust file, a witness line of a log's tlog-policy")
        return YES

    def announce(url: str) -> None:
        world.terminal.line(f"witnessing on {url}")
        world.terminal.out.flush()

    config = witness.WitnessConfig(folder=folder, logs=tuple(_logs(options, world)), listen=options.listen, tls=_tls(options, world))
    witness.serve_witness(config, announce=announce)
    return YES


def _logs(options: Namespace, world: World) -> Iterator[LogVerifier]:
    """Give the keys of the logs.

    Raises:
        ConfigError: There is none, or one is no key of a log.
    """
    from byline.core.note import format_vkey
    from byline.core.tlog_policy import parse_tlog_policy
    from byline.keys.ed25519 import load_verifier

    try:
        vkeys = list(options.log)
        if options.logs:
            vkeys += [format_vkey(each.key) for each in parse_tlog_policy((world.cwd / options.logs).read_bytes()).logs]
        if not vkeys:
            raise ConfigError("a witness of which logs?", hint="--log VKEY, as `byline ledger init` printed it, or --logs FILE")
        yield from map(load_verifier, vkeys)
    except MalformedError as error:
        raise ConfigError(f"not the logs of a witness: {error}", hint="a vkey is NAME+8 hex digits+base64, in quotes") from error
    except OSError as error:
        raise ConfigError(f"cannot read {options.logs}: {error.strerror}") from error


def _tls(options: Namespace, world: World) -> Tls | None:
    from byline_ledger.server.config import Tls

    if (options.certificate is None) != (options.tls_key is None):
        raise ConfigError("--certificate and --tls-key go together")
    if options.certificate is None:
        return None
    return Tls(certificate=world.cwd / options.certificate, key=world.cwd / options.tls_key)

# SPDX-License-Identifier: Apache-2.0
"""`byline ledger token`: make a bearer token for a caller."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from byline.core.table import take_string
from byline.errors import ConfigError, MalformedError
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

_BYTES = 32


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("name", help="who will show it, for counts and log lines")


def run(options: Namespace, world: World) -> int:
    """Print a token, and beside it what admission.toml says of it."""
    from byline_ledger.engine.access import hash_token
    from byline_ledger.engine.identities import ANYONE

    try:
        name = take_string(options.name, what="the name")
    except MalformedError as error:
        raise ConfigError(str(error)) from error
    if name == ANYONE or not name.isascii() or set(name) & set('"\\'):
        raise ConfigError(f"nobody can be named {name!r}", hint="take letters, digits and dashes, for example build-farm")
    token = f"byline_{secrets.token_urlsafe(_BYTES)}"
    world.terminal.line(token)
    world.terminal.note("this is the token, for its owner; nobody can show it again. In the ledger's admission.toml it is:")
    for line in ("", "[[identity]]", f'name = "{name}"', f'token = "sha256:{hash_token(token)}"', 'doors = ["append", "read"]'):
        world.terminal.note(line)
    return YES

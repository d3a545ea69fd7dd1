# SPDX-License-Identifier: Apache-2.0
"""A ledger as a person names it: its folder, where its tiles are, its public key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from pathlib import Path

    from byline.keys.ed25519 import LogVerifier
    from byline.log.tiled import TiledLog
    from byline_cli.world import World


def find_folder(world: World, folder: Path) -> Path:
    """Return the folder of a ledger that is there, as an absolute path.

    Raises:
        ConfigError: There is no such folder.
    """
    place = world.cwd / folder
    if not place.is_dir():
        raise ConfigError(f"there is no ledger at {place}", hint=f"byline ledger init {folder}")
    return place


def open_log(world: World, where: str) -> TiledLog:
    """Return the log whose tiles are at `where`, a URL, which is shown what ledgers.toml says, or a folder.

    Raises:
        ConfigError: Neither, plain text beyond loopback, or what is to be shown cannot be read.
    """
    from byline.log.tiled import open_tiles
    from byline_cli.credentials import credentials_for

    if "://" not in where:
        return open_tiles(str(world.cwd / where))
    shown = credentials_for(where, world.environ)
    return open_tiles(where, token=shown.token, context=shown.tls())


def read_vkey(text: str, option: str) -> LogVerifier:
    """Return the key that signs a log's checkpoints, as the option of that name gives it.

    Raises:
        ConfigError: It is no key of a log.
    """
    from byline.keys.ed25519 import load_verifier

    try:
        return load_verifier(text)
    except MalformedError as error:
        raise ConfigError(f"{option}: {error}", hint="it is NAME+8 hex digits+base64, in quotes") from error

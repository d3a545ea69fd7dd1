# SPDX-License-Identifier: Apache-2.0
"""The folder of a ledger, as a person names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

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

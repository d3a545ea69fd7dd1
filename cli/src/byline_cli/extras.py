# SPDX-License-Identifier: Apache-2.0
"""What the base install does not bring: a clear word instead of an import error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from byline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Say which extra of the distribution brings what the block imports.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs {error.name}, which is not installed", hint=f'pip install "byline[{name}]"') from error

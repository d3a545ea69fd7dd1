# SPDX-License-Identifier: Apache-2.0
"""Waiting for what another process does and does not tell: `wait_until(lambda: pid.exists())`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 300  # however slow a machine is: it is that a test ends where it never comes
_NAP = 0.02


def wait_until(happens: Callable[[], bool]) -> None:
    """Ask until it is so."""
    ends = time.monotonic() + SECONDS
    while not happens():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(_NAP)

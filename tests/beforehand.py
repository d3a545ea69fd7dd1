# SPDX-License-Identifier: Apache-2.0
"""The agents that tests drive, installed one after the other while the tests begin: `python tests/beforehand.py`.

In a new home all processes of the tests would wait for the same one each time.
"""

from __future__ import annotations

from contextlib import suppress

import pytest

from real_agents import AGENTS

if __name__ == "__main__":
    for agent in AGENTS:
        with suppress(pytest.skip.Exception):  # its tests say why
            agent.path()

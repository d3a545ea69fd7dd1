# SPDX-License-Identifier: Apache-2.0
"""Fixtures for pytest, for who names this module in `pytest_plugins`.

byline_home         an empty home: nothing of the developer's is read or written, no agent is named by the environment
byline_repository   an empty repository in which the test runs (`ScratchRepository`)
byline_ledger       the ledger in which its commits are logged (`MemoryLedger`)
byline_clock        the ledger's clock (`FixedClock`)
byline_signer       the key that signs its commits (`fixed_signer`)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from byline.capture.agents import AGENT_VARIABLES
from byline.testing.ledger import FixedClock, MemoryLedger, fixed_signer
from byline.testing.repository import ScratchRepository

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.ports import Signer

_STEERING = ("BYLINE_", "GIT_", "XDG_")


@pytest.fixture
def byline_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty home."""
    for name in os.environ:
        if name.startswith(_STEERING) or name in AGENT_VARIABLES:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


@pytest.fixture
def byline_clock() -> FixedClock:
    """Return a clock that stands still until it is moved."""
    return FixedClock()


@pytest.fixture
def byline_ledger(byline_clock: FixedClock) -> MemoryLedger:
    """Return a ledger in memory."""
    return MemoryLedger(clock=byline_clock)


@pytest.fixture
def byline_signer() -> Signer:
    """Return a key that everybody knows."""
    return fixed_signer()


@pytest.fixture
def byline_repository(
    byline_home: Path, tmp_path: Path, byline_ledger: MemoryLedger, byline_signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> ScratchRepository:
    """Make an empty repository, and let the test run in it."""
    assert byline_home.is_dir()  # noqa: S101 - before git looks for its configuration
    repository = ScratchRepository.create(tmp_path / "repository", ledger=byline_ledger, signer=byline_signer)
    monkeypatch.chdir(repository.path)
    return repository

# SPDX-License-Identifier: Apache-2.0
"""Random histories whose lines say who wrote them: no line is ever shown as another's, and what was told is not forgotten.

Attested after each step or only when somebody asks, with hooks to the end or not in the last step, each is asked here and in a fresh
single-branch clone that has the claims and nothing else. A few dozen run always; `HISTORIES=2000` in the environment runs as many,
other ones each time.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byline.flow.blame import TrustHere, find_blame
from byline.log.evidence import EvidenceRef
from history import History
from history_steps import POOL, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.bundle import Bundle

USUAL = 24
HISTORIES = int(os.environ.get("HISTORIES", USUAL))
LENGTH = 20

steps = st.lists(st.tuples(st.sampled_from(POOL), st.integers(0, 2**16)), min_size=4, max_size=LENGTH)


@pytest.mark.slow
@settings(
    max_examples=HISTORIES,
    derandomize=HISTORIES == USUAL,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps, declares=st.sampled_from((True, True, False)), is_eager=st.booleans(), loses_hooks=st.booleans())
def test_every_history_keeps_its_authors(steps: list[tuple[str, int]], *, declares: bool, is_eager: bool, loses_hooks: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History.begin(Path(folder), declares=declares, is_eager=is_eager)
        tell(history, steps, loses_hooks=loses_hooks)
        here = history.verdict(history.path)
        assert (here.wrong, here.lost) == ((), ())
        assert history.verdict(history.story.copy(history.branch() or None)) == here


@pytest.mark.slow
@settings(
    max_examples=max(HISTORIES // 8, 1),
    derandomize=HISTORIES == USUAL,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(mine=steps, theirs=steps, seed=st.integers(0, 2**16))
def test_evidence_in_another_order_gives_the_same_bytes(mine: list[tuple[str, int]], theirs: list[tuple[str, int]], seed: int) -> None:
    """Two people with keys of their own, and what each did merged: a clone that gets all at once, and one that asks after each piece."""
    with tempfile.TemporaryDirectory() as folder:
        history = History.begin(Path(folder), declares=True, is_eager=False)
        colleague = history.colleague(Path(folder) / "colleague")
        for one, their_steps in ((history, mine), (colleague, theirs)):
            tell(one, their_steps, loses_hooks=False)
        history.git("fetch", "-q", str(colleague.path), "HEAD")
        history.git("merge", "-q", "--no-edit", "--allow-unrelated-histories", "FETCH_HEAD")
        history.settle(Random(seed))
        history.story.attest()
        bundles = [bundle for each in (history, colleague) for bundle in bundles_of(each)]
        at_once = answers(history, [bundles])
        Random(seed).shuffle(bundles)
        assert answers(history, [[bundle] for bundle in bundles]) == at_once


def bundles_of(history: History) -> list[Bundle]:
    with history.story.workshop() as workshop:
        return [stored.bundle for stored in EvidenceRef(workshop.repo).bundles()]


def answers(history: History, deliveries: Sequence[Sequence[Bundle]]) -> bytes:
    """Return what a fresh clone without evidence says of every file, when `deliveries` came in, each followed by a question."""
    scratch = history.story.scratch.clone(history.path.with_name(f"order{len(deliveries)}"), "--no-local")
    names = scratch.git("ls-tree", "--name-only", "HEAD").splitlines()
    said: list[object] = []
    with history.story.workshop(scratch.path, signs=False) as workshop:
        for delivery in deliveries:
            EvidenceRef(workshop.repo).add(delivery)
            said = []
            for name in names:
                trust = TrustHere(mark=lambda: None, load=lambda: None)
                blame = find_blame(workshop, "HEAD", name.encode(), trust=trust, at=datetime(2026, 1, 1, tzinfo=UTC))
                said.append([name, list(blame.ranges), list(blame.findings)])
    return json.dumps(said).encode()

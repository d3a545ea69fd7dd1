# SPDX-License-Identifier: Apache-2.0
"""Random histories whose lines say who wrote them: no line is ever shown as another's, and what was told is not forgotten.

Attested after each step or only when somebody asks, with hooks to the end or not in the last step, each is asked here and in a fresh
single-branch clone that has the claims and nothing else. A few dozen run always; `HISTORIES=2000` in the environment runs as many,
other ones each time.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from history import History
from history_steps import POOL, tell

USUAL = 40
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

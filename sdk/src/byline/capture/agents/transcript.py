# SPDX-License-Identifier: Apache-2.0
"""An agent's transcript of JSON lines, each with its time: which model answered last before a call of which no payload tells it.

{"timestamp": "2026-11-22T07:01:53.012Z", ..., the model, wherever the agent puts it}
"""

from __future__ import annotations

from byline.capture.agents import clean
from byline.core.plain_json import json_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from byline.capture.agents import Observed


def last_model(transcript: bytes, observed: Observed, model_in: Callable[[Any], object]) -> str | None:
    """Return the model of the last answer in the (end of the) `transcript` that is no younger than what was `observed`.

    `model_in` returns what a record names; None, a KeyError or a TypeError stand for a record that is no answer.
    """
    for line in reversed(transcript.splitlines()):
        try:
            record = json_value(line)
            moment, model = str(record["timestamp"]), model_in(record)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # not an answer, or a line cut at the tail's start
        if isinstance(model, str) and moment <= (observed.moment or moment):
            return clean(model) or None
    return None


def within(observed: Observed) -> str:
    """Return which sub-agent made the call, empty for the agent itself."""
    return (observed.session or "").partition("/")[2]

# SPDX-License-Identifier: Apache-2.0
"""What a server tells its operator: one JSON object a line, on standard error.

    {"time": "2026-11-21T12:00:00.000Z", "level": "warning", "event": "refused", "request": "5f0c...", "reason": "BL-LEDGER-7", ...}

`event` is one of a few fixed words or sentences, what else there is to say stands in members of its own. No line holds a statement, a
signature, a token, a name out of a certificate or what a caller sent; of an error that nobody foresaw it has the kind and where it
came from, and not its message, which may quote anything. `request` is the id that the caller got with its answer.

Refusals come as fast as callers send, so of those with one reason and identity at most one a second is told, with how many were not.
"""

from __future__ import annotations

import contextvars
import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline_ledger.events import LOGGER, tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request")
_SECONDS_APART = 1.0
_MAX_FRAMES = 8


class Lines(logging.Formatter):
    """Records as JSON lines. Of libraries' records only our own texts are safe to tell, so theirs are told without arguments."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {"time": at, "level": record.levelname.lower(), "event": record.getMessage()}
        if record.name.partition(".")[0] != LOGGER:
            line |= {"event": str(record.msg), "from": record.name}
        if (request := REQUEST.get("")) != "":
            line["request"] = request
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"error": record.exc_info[0].__name__, "at": _frames(record.exc_info[2])}
        return json.dumps(line, ensure_ascii=True)


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{each.filename}:{each.lineno} {each.name}" for each in traceback.extract_tb(trace)[-_MAX_FRAMES:]]


def begin() -> None:
    """Tell everything from here on as JSON lines on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(LOGGER).setLevel(logging.INFO)


class Refusals:
    """Tells refusals, the first of a kind at once and the next ones once a second; `clock` is in seconds and only goes forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def tell(self, reason: str, identity: str) -> None:
        """Tell that `identity` was refused for the `reason` (a code of docs/errors.md)."""
        at, kind = self._clock(), (reason, identity)
        last, untold = self._last.get(kind, (-_SECONDS_APART, 0))
        if at - last < _SECONDS_APART:
            self._last[kind] = (last, untold + 1)
            return
        self._last[kind] = (at, 0)
        tell(logging.WARNING, "refused", reason=reason, identity=identity, untold=untold)

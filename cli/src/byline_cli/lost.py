# SPDX-License-Identifier: Apache-2.0
"""What could not be recorded, told by its code: how often, when last, in which words, and what to do about it.

A loss is in nobody's way when it happens (`byline.capture.losses`), so this is where a person meets it. The advice is the last column
of docs/errors.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byline.capture.losses import LossCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.capture.losses import Loss

ADVICE = {
    LossCode.MALFORMED: "it is kept in the inbox under `aside`; report it with the agent's version",
    LossCode.TORN: "nothing: what came before and after is whole",
    LossCode.OVERSIZED: "nothing: the change is recorded as one of the whole file",
    LossCode.REFUSED: "nothing: such paths are never recorded",
    LossCode.AMBIGUOUS: "nothing: it is recorded as either's, without a session",
    LossCode.FAILED: "make room, check permissions",
    LossCode.CLAIMED_HUMAN: "find out which script does; a gate never credits it",
    LossCode.UNREADABLE: "nothing: what stands there by then is recorded as the agent's",
}


def losses_to_json(losses: Iterable[Loss]) -> list[dict[str, Any]]:
    """Return the `losses` of `byline.status/1`: one row for each code, by code; `last` is the newest message, `time` its nanoseconds."""
    rows: dict[LossCode, dict[str, Any]] = {}
    for loss in sorted(losses, key=lambda each: (each.code, each.time)):
        row = rows.setdefault(loss.code, {"code": str(loss.code), "count": 0})
        row |= {"count": row["count"] + 1, "last": loss.message, "time": str(loss.time), "advice": ADVICE[loss.code]}
    return list(rows.values())

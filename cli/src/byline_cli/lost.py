# SPDX-License-Identifier: Apache-2.0
"""What could not be recorded, told by its code: how often, when last, in which words, and what to do about it.

A loss is in nobody's way when it happens (`byline.capture.losses`), so this is where a person meets it. The advice is the last column
of docs/errors.md.
"""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING, Any

from byline.capture.agents import clean
from byline.capture.elsewhere import HIDES
from byline.capture.losses import LossCode
from byline_cli.terminal import show_age

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.capture.elsewhere import Elsewhere
    from byline.capture.losses import Loss

ADVICE = {
    LossCode.MALFORMED: "it is kept in the inbox under `aside`; mend your script (docs/formats.md), or report it with the agent's version",
    LossCode.TORN: "nothing: what came before and after is whole",
    LossCode.OVERSIZED: "nothing: the change is recorded as one of the whole file",
    LossCode.REFUSED: "nothing: such paths are never recorded",
    LossCode.UNENDED: "call `byline status` before you go on by hand: what changes until then may count as the agent's",
    LossCode.AMBIGUOUS: "nothing: it is recorded as either's, without a session",
    LossCode.FAILED: "make room, check permissions; `byline doctor` says what is wrong here",
    LossCode.CLAIMED_HUMAN: "find out which script does; a gate never credits it",
    LossCode.ASTRAY: "call `byline status` in the repository, or in the container, within a day of what the agent did there",
    LossCode.UNREADABLE: "nothing: what stands there by then is recorded as the agent's",
    LossCode.LEFT_RUNNING: "end it, or let the agent wait for it: what it writes from now on is not the agent's",
}


def losses_to_json(losses: Iterable[Loss]) -> list[dict[str, Any]]:
    """Return the `losses` of `byline.status/1`: one row for each code, by code; `last` is the newest message, `time` its nanoseconds."""
    rows: dict[LossCode, dict[str, Any]] = {}
    for loss in sorted(losses, key=lambda each: (each.code, each.time)):
        row = rows.setdefault(loss.code, {"code": str(loss.code), "count": 0})
        row |= {"count": row["count"] + 1, "last": loss.message, "time": str(loss.time), "advice": ADVICE[loss.code]}
    return list(rows.values())


def elsewhere_to_json(marks: Iterable[Elsewhere]) -> list[dict[str, Any]]:
    """Return the `elsewhere` of `byline.status/1`: one row for each agent and account, since when, and who else takes the mark away."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for each in marks:  # the oldest first
        keeper = each.account if each.agent == HIDES else each.path.parent.stat().st_uid
        names = {"account": name_account(each.account), "keeper": name_account(keeper)}
        row = {"agent": clean(each.agent), **names, "time": str(each.time)}
        rows.setdefault((each.agent, each.account), row)
    return list(rows.values())


def describe_elsewhere(row: dict[str, Any], now: int) -> str:
    """Return one such row for a person, with what to do about it."""
    told, advice = explain_elsewhere(row, f", first {show_age((now - int(row['time'])) / 1e9)},")
    is_ours = name_account(os.geteuid()) in (row["account"], row["keeper"], "root")
    commits = "" if is_ours else f"{row['keeper']}, whose clone this is, commits and "
    until = "" if row["agent"] == HIDES else f", or until {commits}nothing here is uncommitted or stashed"
    return f"{told}: {advice}. Until then{until}, no line is declared yours"


def explain_elsewhere(row: dict[str, Any], since: str = "") -> tuple[str, str]:
    """Return what one such row says, and what to do about it."""
    account = row["account"]
    if row["agent"] == HIDES:
        told = f"what other inboxes hold here cannot be looked through: the folder byline.elsewhere is {account}'s alone, or too full"
        return told, "its owner lets you read it (chmod g+r), or clears it"
    return f"what {row['agent']} did as {account}{since} is recorded in another home folder or container", "call `byline status` there"


def name_account(number: int) -> str:
    """Return what the account of the user id `number` is called here."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # of a container
        return str(number)

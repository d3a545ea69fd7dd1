# SPDX-License-Identifier: Apache-2.0
"""A judgement for programs (`byline.gate/1`) and for people.

    {"schema": "byline.gate/1", "verdict": "allow" | "deny" | "pending", "base", "candidate", "anchored": bool,
     "summary": {"units", "added", "removed", "ai", "human", "mixed", "tool", "imported", "unknown"},
     "reasons": [{"rule", "message", "path", "side": "added" | "removed" | "file", "start", "end", "needs"}],
     "findings": [...], "decision": {"entry"} | null}

`units` counts change units, `added` and `removed` lines; `ai` to `unknown` are the added lines by owner and sum to `added`. A
reason on the removed side has path and lines of the base; `start` and `end` are 1-based, inclusive, and null for a whole file;
`path` is null (and `pathBytes` stands instead if it is not UTF-8) where the whole change is meant. `needs` is
{"approvals", "level_at_least"} or null. `entry` is the index of the decision in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import Origin
from byline.core.effect import path_members
from byline.core.finding import describe_finding, finding_to_json
from byline.core.verdict import Outcome
from byline.core.verified import VerifiedAuthorship
from byline.flow.approve import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.core.canonical import Json
    from byline.core.finding import Finding
    from byline.core.verdict import Reason, Summary
    from byline.flow.judge import Judgement

SCHEMA = "byline.gate/1"
MOST_FAILURES = 10
MOST_FINDINGS = 20
MOST_PLACES = 40
SHOWN_ORIGINS = (Origin.AI, Origin.HUMAN, Origin.MIXED, Origin.TOOL, Origin.IMPORTED, Origin.UNKNOWN)
MARKS = {"added": "+", "removed": "-", "file": " "}


def judgement_to_json(judgement: Judgement, *, entry: int | None = None) -> dict[str, Json]:
    """Return `judgement` as `byline.gate/1`; `entry` is the decision's index in the log, if it was logged."""
    question, verdict = judgement.question, judgement.verdict
    return {
        "schema": SCHEMA,
        "verdict": str(verdict.outcome),
        "base": question.base,
        "candidate": question.candidate,
        "anchored": question.pin is not None,
        "summary": _summary_to_json(verdict.summary),
        "reasons": [_reason_to_json(each) for each in verdict.reasons],
        "findings": [finding_to_json(each) for each in _findings(judgement)],
        "decision": None if entry is None else {"entry": entry},
    }


def _summary_to_json(summary: Summary) -> dict[str, Json]:
    origins = dict(summary.origins)
    counts: dict[str, Json] = {str(each): origins.get(each, 0) for each in SHOWN_ORIGINS}
    return {"units": summary.units, "added": summary.added, "removed": summary.removed, **counts}


def _reason_to_json(reason: Reason) -> dict[str, Json]:
    path: dict[str, Json] = {"path": None} if reason.path is None else path_members(reason.path)
    return {
        "rule": reason.rule,
        "message": reason.message,
        **path,
        "side": str(reason.side),
        "start": reason.lines.first if reason.lines else None,
        "end": reason.lines.last if reason.lines else None,
        "needs": {"approvals": reason.needs.approvals, "level_at_least": reason.needs.level_at_least} if reason.needs else None,
    }


def report_lines(judgement: Judgement, *, entry: int | None = None) -> Iterator[str]:
    """Yield `judgement` for people, a line at a time; after some places the rest is counted. Nothing in it needs escaping."""
    verdict, question = judgement.verdict, judgement.question
    origins = dict(verdict.summary.origins)
    yield f"{verdict.outcome}: {question.base[:12]} -> {question.candidate[:12]}" + (f" on {question.target}" if question.target else "")
    summary = verdict.summary
    owned = ", ".join(f"{origins[each]} {each}" for each in SHOWN_ORIGINS if origins.get(each))
    counts = f"{summary.units} {_plural('change', summary.units)}, {summary.added} {_plural('line', summary.added)} added"
    yield f"  {counts}{f' ({owned})' if owned else ''}, {summary.removed} removed"
    yield from _approvals(judgement)
    yield from _reasons(verdict.reasons)
    found = _findings(judgement)
    yield from [""] if found else []
    yield from (f"  found: {visible(describe_finding(each).encode())}" for each in found[:MOST_FINDINGS])
    if len(found) > MOST_FINDINGS:
        yield f"  found: {len(found) - MOST_FINDINGS} more"
    failures = judgement.verification.failures
    counted = {fact.digest for fact in judgement.verification.facts if not isinstance(fact, VerifiedAuthorship) or fact.is_full}
    for failure in failures[:MOST_FAILURES]:
        what = "a copy of statement" if failure.digest in counted else "statement"
        yield f"  not counted: {what} {failure.digest[:12]}: {visible(failure.message.encode())} ({failure.code})"
    if len(failures) > MOST_FAILURES:
        yield f"  not counted: {len(failures) - MOST_FAILURES} more"
    closing = [*_closing(judgement, entry)]
    yield from ("", *closing) if closing else ()


def _findings(judgement: Judgement) -> Sequence[Finding]:
    return judgement.change.findings if judgement.change else ()


def _approvals(judgement: Judgement) -> Iterator[str]:
    """Name the approvals about these files; whether one counts for a rule is the verdict's to say."""
    moves = set(judgement.change.transitions) if judgement.change else set()
    about = [fact for fact in judgement.verification.approvals if moves & set(fact.approval.transitions)]
    for fact in sorted(about, key=lambda each: (each.principal, each.digest)):
        files = len(moves & set(fact.approval.transitions))
        yield f"  approved by {visible(fact.principal.encode())}: {files} {_plural('file', files)}  {fact.digest[:12]}"


def _reasons(reasons: Sequence[Reason]) -> Iterator[str]:
    shown = 0
    for rule in dict.fromkeys(each.rule for each in reasons):
        places = [each for each in reasons if each.rule == rule]
        first = places[0]
        yield ""
        yield f"{first.outcome}  {visible(rule.encode())}: {visible(first.message.encode())}{_needs(first)}"
        for each in places[: max(0, MOST_PLACES - shown)]:
            if each.path is not None:
                yield f"  {MARKS[each.side]} {visible(each.path)}{_lines(each)}"
        if len(places) > MOST_PLACES - shown:
            yield f"    and {len(places) - max(0, MOST_PLACES - shown)} more"
        shown += len(places)


def _needs(reason: Reason) -> str:
    if reason.needs is None:
        return ""
    level = f" by {visible(reason.needs.level_at_least.encode())} or above" if reason.needs.level_at_least else ""
    return f" [needs {reason.needs.approvals} {_plural('approval', reason.needs.approvals)}{level}]"


def _lines(reason: Reason) -> str:
    if reason.lines is None:
        return "  the whole file"
    where = f"{reason.lines.first}" if len(reason.lines) == 1 else f"{reason.lines.first}-{reason.lines.last}"
    return f":{where}  {reason.side}"


def _closing(judgement: Judgement, entry: int | None) -> Iterator[str]:
    if judgement.policy and judgement.policy.relaxes and not judgement.policy.needs_index:
        yield "Policy credits claims (T1,T2 only): a hidden claim that would have tightened is missed."
    if judgement.question.pin is None:
        yield "Unanchored: this is a preview; trust and policy are those of the base that you named, and nothing is signed."
    elif entry is not None:
        yield f"The decision is signed and logged as entry {entry} (lowest tier of a key used: A0)."
    if judgement.verdict.outcome is Outcome.PENDING:
        yield "To approve: byline approve, on the branch of the change or with --head BRANCH"


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"

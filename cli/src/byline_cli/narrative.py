# SPDX-License-Identifier: Apache-2.0
"""How a chronicle looks to a person: each line, its owner, and the way back to who wrote it, newest first.

    app.py:2 in 3f2a9c1d0e4b
      2 │     return 1

    ai observed ✓ claude-code · claude-sonnet-4-5, p-ana answers for it
    (a hook or the editor saw it)

    kept      as line 2 of app.py, by 4 commits from 51b59f0 to 3f2a9c1; ✓ signed
    brought   as line 1 of old.py, by 2c26b46 “prices”, 2026-11-20 14:02 UTC
    signed    ✓ 9fceb02d0ae5 by p-ana (senior), signed, entry 3 of ledger.example
    written   2026-11-20 14:01 UTC, through hook, call toolu_01 of session 6e46bda4
    asked     2026-11-20 14:00 UTC, the last prompt of the session before that: byline prompt show 6e46bda4:3

What a step says without `signed` under it was worked out from git's objects and the journal.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from byline.core.attribution import Channel, Evidence
from byline.core.lines import LineRange
from byline.core.moment import parse_moment
from byline.core.report import MEANING
from byline.flow.trace import How, Stop
from byline_cli.chronicle import facts_of, time_of
from byline_cli.statements import DIGITS, describe_item
from byline_cli.terminal import Paint, count, harmless, shorten, show_line, show_path
from byline_cli.view import COLOURS, describe_evidence, describe_owner, mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.trust import Trust
    from byline.flow.trace import Step
    from byline.flow.why import Account
    from byline_cli.chronicle import Chronicle

    Row = list[str | Paint]

LABEL = 10
SHORT = 7

LABELS = {How.NEW: "brought", How.STOOD: "stood", How.IMPORTED: "imported"}
FOUND = {
    How.IMPORTED: "the record of another tool gives it to an agent",
    How.EXACT: "found whole in an earlier version that is claimed",
    How.ALIGNED: "found by comparing it with an earlier version that is claimed",
    How.HASH: "found by the hash of its text in an earlier statement",
}
STOPPED = {
    Stop.UNSAID: "the statement says that the line came with this commit, and that nobody recorded who wrote it",
    Stop.UNRECORDED: "no statement that is here speaks of it, and nobody recorded who wrote it",
    Stop.BEFORE: "it was there before the first thing that was recorded here; git blame may go further back",
    Stop.CUT: "objects are missing (a shallow or partial clone); git fetch --unshallow may bring them",
    Stop.MISMATCH: "a claim names another text than is there, so it says nothing about this line",
    Stop.CIRCLE: "the statements about it rest on each other in a circle",
    Stop.FAILS: "the statement that it was carried from does not say so",
    Stop.ABSENT: "the statement that says more is not here; git fetch may bring it",
}


def tell(chronicle: Chronicle, trust: Trust | None, *, columns: int) -> Iterator[Row]:
    """Yield the rows that tell `chronicle`; long ones go on under themselves."""
    subject = chronicle.why.subject
    where = f"in {subject.revision[:DIGITS]}" if subject.is_committed else "on disk"
    for number, account in enumerate(chronicle.why.accounts):
        if number:
            yield []
        first, last = account.lines.first, account.lines.last
        yield [Paint(f"{show_path(subject.path)}:{first}{f'-{last}' if last > first else ''}", "bold"), f" {where}"]
        for row, line in enumerate((subject.lines or ())[account.lines.start : account.lines.end], first):
            yield [shorten(f"  {row:>{len(str(last))}} │ {show_line(line)}", columns)]
        yield []
        yield from _owner(facts_of(account, chronicle), trust)
        yield []
        for label, text in _way(account, chronicle, trust):
            yield from _wrapped(label, text, columns)
    if chronicle.approvals or chronicle.decisions:
        yield []
    for label, items in (("approved", chronicle.approvals), ("decided", chronicle.decisions)):
        for item in items:
            head, *rest = describe_item(item)
            yield from _wrapped(label, head, columns)
            for each in rest:
                yield from _wrapped("", each.strip(), columns)
    if chronicle.is_filtered:
        note = "a filter of .gitattributes makes the committed text another one than the file's: what was recorded may not fit it"
        yield from _wrapped("note", note, columns)


def _owner(facts: dict[str, Any], trust: Trust | None) -> Iterator[Row]:
    who = describe_owner(facts)
    if facts["origin"] == "human" and facts["person"]:
        who = who.replace(facts["person"], _person(facts["person"], trust), 1)
    elif facts["person"]:
        who += f", {_person(facts['person'], trust)} answers for it"
    yield [Paint(f"{describe_evidence(facts)} {mark(facts)} {who}", COLOURS[facts["origin"]])]
    if facts["origin"] != "unknown":
        yield [f"({MEANING[Evidence(facts['evidence'])]})"]
    if facts["earlier"]:
        yield [f"changed in part; before: {describe_evidence(facts['earlier'])} {describe_owner({**facts['earlier'], 'earlier': None})}"]


def _way(account: Account, chronicle: Chronicle, trust: Trust | None) -> Iterator[tuple[str, str]]:
    """Yield a label and what it says for each part of the way."""
    for kept, steps in groupby(account.steps, key=lambda step: (step.how is How.COPIED, step.commit is None, step.path)):
        if kept[0]:
            yield "kept", _kept([*steps], len(account.lines), chronicle)
            continue
        for step in steps:
            found = FOUND.get(step.how)
            came = f"{'in' if step.how is How.STOOD else 'by'} {_commit(step.commit, chronicle)}" if step.commit else "not committed yet"
            yield LABELS.get(step.how, "carried"), f"{_place(step, len(account.lines))}, {came}" + (f"; {found}" if found else "")
            if step.statement:
                yield "signed", _signed(step.statement, chronicle, trust)
    if account.stop:
        yield "", STOPPED[account.stop]
    elif account.byline.owner.channel is Channel.DECLARATION:
        yield "declared", "at the commit: what no record gives to another is the committer's own"
    elif account.edit:
        tool = f"tool {account.edit.tool}, " if account.edit.tool else ""
        call = f"call {account.edit.call} of " if account.edit.call else ""
        session = f"session {account.edit.session}" if account.edit.session else "no session"
        yield "written", f"{_time(time_of(account.edit))}, through {account.edit.channel}, {tool}{call}{session}"
        if account.prompt:
            name = f"{account.prompt.session}:{account.prompt.number}"
            yield "asked", f"{_time(time_of(account.prompt))}, the last prompt of the session before that: byline prompt show {name}"
    elif account.byline.owner.session:
        yield "written", f"in session {account.byline.owner.session}; which edit it was is not in the journal here"


def _kept(steps: Sequence[Step], lines: int, chronicle: Chronicle) -> str:
    newest, oldest = steps[0], steps[-1]
    if newest.commit is None:
        return f"{_place(newest, lines)}, as the last commit has it"
    by = f"by {_commit(newest.commit, chronicle)}"
    if len(steps) > 1:
        by = f"by {count(len(steps), 'commit')} from {(oldest.commit or '')[:SHORT]} to {newest.commit[:SHORT]}"
    return f"{_place(newest, lines)}, {by}; {_said(steps, chronicle)}"


def _said(steps: Iterable[Step], chronicle: Chronicle) -> str:
    """Say how many of `steps` are signed, and whether that is proven here."""
    proven = [chronicle.proofs[step.statement].verified if step.statement else None for step in steps]
    words = {True: "✓ signed", False: "? signed, unverified", None: "· told by git's objects"}
    said = {word: proven.count(value) for value, word in words.items() if value in proven}
    return ", ".join(words if len(said) == 1 else f"{number} {words}" for words, number in said.items())


def _signed(digest: str, chronicle: Chronicle, trust: Trust | None) -> str:
    signed = chronicle.statements[digest]
    proof, receipt = signed.proof, signed.receipt
    log = f"entry {receipt['index']} of {receipt['origin']}" if receipt else "no receipt"
    if not proof.verified:
        return f"? {digest[:DIGITS]}, {log}; not verified: {proof.problem}"
    who = ("an agent's key for " if proof.delegation else "") + _person(proof.signer or "", trust)
    return f"✓ {digest[:DIGITS]} by {who}, {proof.strength}, {log}"


def _place(step: Step, lines: int) -> str:
    """Say where as many `lines` stood, of which that of `step` is the first."""
    if step.line is None:
        return f"in {show_path(step.path)}"
    place = LineRange(step.line, step.line + lines)
    return f"as {f'lines {place.first}-{place.last}' if lines > 1 else f'line {place.first}'} of {show_path(step.path)}"


def _commit(commit: str, chronicle: Chronicle) -> str:
    made = chronicle.commits.get(commit)
    if made is None:
        return f"{commit[:SHORT]} (which is not here any more)"
    title = f" “{made.subject}”" if made.subject else ""
    elsewhere = "" if made.is_past else " (not in this history: the same content was claimed for it)"
    return f"{commit[:SHORT]}{title}, {_time(made.authored)}{elsewhere}"


def _time(moment: str) -> str:
    return f"{parse_moment(moment):%Y-%m-%d %H:%M} UTC"


def _person(name: str, trust: Trust | None) -> str:
    """Return the principal `name` with the level that trust gives them."""
    principal = trust.principal(name) if trust else None
    return f"{name} ({principal.level})" if principal and principal.level else name


def _wrapped(label: str, text: str, columns: int) -> Iterator[Row]:
    from textwrap import wrap

    lines = wrap(harmless(text), max(20, columns - LABEL), break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        yield [Paint(f"{label if number == 0 else '':<{LABEL}}", "cyan"), line]

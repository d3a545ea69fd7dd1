# SPDX-License-Identifier: Apache-2.0
"""Why: how we know whose a line is, from the version that is asked about back to the edit that wrote it.

    with open_resolver(workshop) as resolver:
        why = explain(workshop, resolver, find_subject(workshop.repo, "HEAD", b"src/a.py"), LineRange(39, 40))
        why.accounts[0].byline      # what blame says of the line
        why.accounts[0].steps       # the versions that held it, newest first (`flow.trace`)
        why.accounts[0].edit        # the journal's record of how it was written, where that is still there
        why.accounts[0].prompt      # what was asked for before, where prompts are kept (`capture.prompts`)

Blame and why cannot disagree: the steps are those by which the answer was composed, and the byline is the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import Channel
from byline.core.lines import LineRange, has_word
from byline.core.value import dataclass, replace
from byline.flow.asking import IN_HEAD
from byline.flow.prompts import prompt_before
from byline.flow.trace import How, Step, Stop, Tracer, Trail
from byline.flow.written import Written

if TYPE_CHECKING:
    from byline.attribute.match import Draft
    from byline.core.attribution import Byline
    from byline.core.edit import Edit
    from byline.core.finding import FindingCode
    from byline.core.prompt import Prompt
    from byline.flow.resolve import Resolver
    from byline.flow.subject import Subject
    from byline.flow.versions import Versions
    from byline.flow.workshop import Workshop

RECORDED = (Channel.SDK, Channel.PROXY, Channel.HOOK, Channel.RECORD, Channel.GENERIC, Channel.EDITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Adjacent `lines` of one way: `steps` are those of the first line, the others stood below it in each of them.

    `stop` says what ended the way before the writer was known, `edit` is the record of the writing, `prompt` what was last asked for before
    it in its session.
    """

    lines: LineRange
    byline: Byline
    steps: tuple[Step, ...]
    stop: Stop | None
    edit: Edit | None
    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The accounts of the lines that were asked about, in order, and what was found on the way (`flow.resolve`)."""

    subject: Subject
    accounts: tuple[Account, ...]
    findings: tuple[FindingCode, ...] = ()


def explain(workshop: Workshop, resolver: Resolver, subject: Subject, lines: LineRange) -> Why:
    """Return how we know whose `lines` of `subject` are.

    Raises:
        RepositoryError: Git cannot say.
        OSError: The journal cannot be read.
    """
    resolved, answer = resolver.answer(subject)
    ways = _Ways(subject, resolver.versions, answer.draft)
    written = Written(workshop.place, resolver.versions.texts)
    accounts: list[Account] = []
    for line in range(lines.start, lines.end):
        trail, byline, text = ways.of(line), resolved.bylines[line], resolved.lines[line]
        if trail.byline.owner.is_known and not byline.owner.is_known:
            trail.stop = Stop.MISMATCH
        edit = _edit(written, text, byline, trail)
        account = Account(
            lines=LineRange(line, line + 1),
            byline=byline,
            steps=tuple(trail.steps),
            stop=trail.stop,
            edit=edit,
            prompt=prompt_before(workshop.place, edit.session, edit.time) if edit else None,
        )
        if accounts and _goes_on(accounts[-1], account, has_edit=has_word(text)):
            accounts[-1] = replace(accounts[-1], lines=LineRange(accounts[-1].lines.start, line + 1))
        else:
            accounts.append(account)
    return Why(subject=subject, accounts=tuple(accounts), findings=resolved.findings)


class _Ways:
    def __init__(self, subject: Subject, versions: Versions, draft: Draft | None) -> None:
        self._subject = subject
        self._tracer = Tracer(versions)
        self._draft = draft
        entry = versions.repo.entry(subject.commit, subject.path) if subject.commit else None
        self._key = (subject.commit, subject.path, entry.oid) if subject.commit and entry else None

    def of(self, line: int) -> Trail:
        trail, draft = Trail(steps=[]), self._draft
        if draft is None:
            return self._tracer.trace(self._key, line, trail) if self._key else trail
        place = draft.places[line]
        if place and place[0] == IN_HEAD and self._key:
            trail.steps.append(Step(path=self._subject.path, line=line, commit=None, how=How.COPIED))
            return self._tracer.trace(self._key, place[1], trail)
        self._tracer.trace_found(trail, draft, line, path=self._subject.path, commit=None)
        return trail


def _edit(written: Written, text: bytes, byline: Byline, trail: Trail) -> Edit | None:
    last = trail.steps[-1] if trail.steps else None
    if trail.stop or last is None or last.how is not How.NEW or byline.owner.channel not in RECORDED:
        return None
    return written.edit_of(text, path=last.path, owner=byline.owner, commit=last.commit)


def _goes_on(account: Account, other: Account, *, has_edit: bool) -> bool:
    """Whether the line `other` stands below `account` in every version, for the same reasons."""
    if (account.byline, account.stop, len(account.steps)) != (other.byline, other.stop, len(other.steps)):
        return False
    count = len(account.lines)
    are_alike = all(
        (one.statement, one.commit, one.path, one.how) == (two.statement, two.commit, two.path, two.how)
        and two.line == (None if one.line is None else one.line + count)
        for one, two in zip(account.steps, other.steps, strict=True)
    )
    return are_alike and (account.edit == other.edit or not has_edit)

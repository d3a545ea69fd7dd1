# SPDX-License-Identifier: Apache-2.0
"""Everything that is known of how a line came to be: its way, the commits and statements on it, and what was decided about it.

The way is `flow.why`'s. Beside it stand of each commit what git says, of each statement whether it is proven here and which log has
it, every approval of a version that held the line, and every decision about a change that brought it: one whose candidate holds the
commit and whose base does not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from byline.core.decision import Decision
from byline.core.effect import path_members
from byline.core.moment import format_moment
from byline.core.report import ranges_to_json
from byline.core.statement import PredicateType
from byline.core.value import dataclass
from byline.errors import RepositoryError
from byline.flow.gathering import content_of
from byline.flow.landing import state_at
from byline.flow.proofs import prove_statements
from byline.flow.trace import How
from byline.git.ident import read_ident
from byline_cli.dossier import Item, open_items
from byline_cli.statements import receipt_to_json, said_to_json
from byline_cli.view import subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.core.edit import Edit
    from byline.core.prompt import Prompt
    from byline.flow.proofs import Proof
    from byline.flow.trace import Step
    from byline.flow.why import Account, Why
    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository
    from byline.log.index import EvidenceIndex, Fact

SCHEMA = "byline.why/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement on the way: how it stands here, and the receipt (`byline.show/1`) that its bundle has."""

    proof: Proof
    receipt: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A commit on the way that is here: the first line of its message, and when its author says that it was made.

    `is_past` is false where the history that was asked about does not have it, as after a squash or a rebase.
    """

    subject: str
    authored: str
    is_past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """What `why` tells: `proofs` of every statement on the way, `statements` those that brought or carried the line, `commits` those here.

    `is_filtered`: attributes make the committed text another than the file's.
    """

    why: Why
    commits: dict[str, Made]
    proofs: dict[str, Proof]
    statements: dict[str, Signed]
    approvals: tuple[Item, ...]
    decisions: tuple[Item, ...]
    is_filtered: bool


def gather(workshop: Workshop, index: EvidenceIndex, why: Why, *, at: datetime) -> Chronicle:
    """Return `why` with what stands beside it, as it is proven at the moment `at`.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    repo, steps = workshop.repo, [step for account in why.accounts for step in account.steps]
    proofs = prove_statements(index, (step.statement for step in steps), trust=workshop.trust, at=at)
    statements = dict.fromkeys(step.statement for step in steps if step.statement and step.how is not How.COPIED)
    receipts = _receipts(index, statements)
    known = all(account.byline.owner.is_known for account in why.accounts)
    return Chronicle(
        why=why,
        commits=dict(_commits(repo, why.subject.commit, dict.fromkeys(step.commit for step in steps if step.commit))),
        proofs=proofs,
        statements={digest: Signed(proof=proofs[digest], receipt=receipts.get(digest)) for digest in statements},
        approvals=open_items(index, dict.fromkeys(_approvals(repo, index, why)), workshop.trust, at=at),
        decisions=tuple(_decisions(workshop, index, steps, at)),
        is_filtered=not known and repo.top is not None and why.subject.path in repo.filtered_paths([why.subject.path]),
    )


def chronicle_to_json(chronicle: Chronicle) -> dict[str, Any]:
    """Return `byline.why/1`."""
    why = chronicle.why
    return {
        "schema": SCHEMA,
        **path_members(why.subject.path),
        "revision": why.subject.revision,
        "lines": [_account_to_json(each, chronicle) for each in why.accounts],
        "commits": [_made_to_json(commit, made) for commit, made in chronicle.commits.items()],
        "statements": [_signed_to_json(digest, signed) for digest, signed in chronicle.statements.items()],
        "approvals": [_item_to_json(each) for each in chronicle.approvals],
        "decisions": [_item_to_json(each) for each in chronicle.decisions],
        "filtered": chronicle.is_filtered,
        "findings": list(why.findings),
    }


def facts_of(account: Account, chronicle: Chronicle) -> dict[str, Any]:
    """Return what `byline.blame/1` says of the lines of `account`."""
    proven = {digest for digest, proof in chronicle.proofs.items() if proof.verified}
    return {**ranges_to_json([account.byline], proven)[0], "start": account.lines.first, "end": account.lines.last}


def time_of(record: Edit | Prompt) -> str:
    """Return when `record` was made."""
    return format_moment(datetime.fromtimestamp(record.time // 10**9, UTC))


def _account_to_json(account: Account, chronicle: Chronicle) -> dict[str, Any]:
    steps = [
        {
            **path_members(step.path),
            "line": None if step.line is None else step.line + 1,
            "commit": step.commit,
            "how": str(step.how),
            "statement": step.statement,
            "verified": step.statement is not None and chronicle.proofs[step.statement].verified,
        }
        for step in account.steps
    ]
    stop = None if account.stop is None else str(account.stop)
    edit, prompt = account.edit and _edit_to_json(account.edit), account.prompt and _prompt_to_json(account.prompt)
    return {**facts_of(account, chronicle), "steps": steps, "stop": stop, "edit": edit, "prompt": prompt}


def _prompt_to_json(prompt: Prompt) -> dict[str, Any]:
    return {"session": prompt.session, "number": prompt.number, "time": time_of(prompt)}


def _edit_to_json(edit: Edit) -> dict[str, Any]:
    told = {"time": time_of(edit), "session": edit.session, "call": edit.call, "tool": edit.tool, "channel": str(edit.channel)}
    return {**told, **path_members(edit.path), "head": edit.head}


def _made_to_json(commit: str, made: Made) -> dict[str, Any]:
    return {"commit": commit, "subject": made.subject, "authored": made.authored, "past": made.is_past}


def _signed_to_json(digest: str, signed: Signed) -> dict[str, Any]:
    proof = signed.proof
    told = {"verified": proof.verified, "signer": proof.signer, "strength": proof.strength, "problem": proof.problem}
    return {"statement": digest, **told, "delegation": proof.delegation, "receipt": signed.receipt}


def _item_to_json(item: Item) -> dict[str, Any]:
    fact = item.fact
    told = {"verified": item.is_proven, "signer": fact.principal if fact else None, "strength": str(fact.strength) if fact else None}
    problem = item.failure.message if item.failure else None
    return {"statement": item.digest, **said_to_json(item), **told, "problem": problem, "receipt": receipt_to_json(item.bundle)}


def _receipts(index: EvidenceIndex, statements: Iterable[str]) -> dict[str, dict[str, Any]]:
    facts = [fact for digest in statements for fact in index.facts(statement=digest) if fact.logged]
    found = ((stored.bundle.envelope.digest, receipt_to_json(stored.bundle)) for stored in index.open(facts))
    return {digest: receipt for digest, receipt in found if receipt}


def _commits(repo: Repository, head: str | None, commits: Iterable[str]) -> Iterator[tuple[str, Made]]:
    strangers = repo.strangers(head, commits) if head else frozenset()
    for commit in commits:
        try:
            info = repo.commit_info(commit)
        except RepositoryError:  # thrown away since, or never fetched
            continue
        authored = format_moment(read_ident(info.author).time)
        yield commit, Made(subject=subject_of(info.message), authored=authored, is_past=commit not in strangers)


def _approvals(repo: Repository, index: EvidenceIndex, why: Why) -> Iterator[Fact]:
    """Yield the approvals that let the path become a version which holds the line."""
    if not index.facts(kind=PredicateType.APPROVAL):
        return
    subject = why.subject
    versions = {(step.path, content_of(step.state)) for account in why.accounts for step in account.steps if step.state}
    is_in_head = any(account.steps and account.steps[0].how is How.COPIED for account in why.accounts)
    if subject.commit and (subject.is_committed or is_in_head):
        versions.add((subject.path, content_of(state_at(repo, subject.commit, subject.path))))
    for path, content in sorted(versions, key=str):
        yield from index.approvals_about({path: content})


def _decisions(workshop: Workshop, index: EvidenceIndex, steps: Iterable[Step], at: datetime) -> Iterator[Item]:
    facts = index.facts(kind=PredicateType.DECISION)
    if not facts:
        return
    items = [item for item in open_items(index, facts, workshop.trust, at=at) if isinstance(item.said, Decision)]
    sides = {side for item in items if isinstance(item.said, Decision) for side in (item.said.base, item.said.candidate)}
    brought = dict.fromkeys(step.commit for step in steps if step.commit and step.how not in (How.COPIED, How.STOOD))
    holders = [workshop.repo.holders(commit, sides) for commit in brought if commit and workshop.repo.has_object(commit)]
    for item in items:
        said = item.said
        if isinstance(said, Decision) and any(said.candidate in each and said.base not in each for each in holders):
            yield item

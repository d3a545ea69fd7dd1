# SPDX-License-Identifier: Apache-2.0
"""One run of an anchored gate.

1. The base is the tip of the anchor's target in this repository; nobody names it.
2. The judgement rests on the pinned trust and on no policy older than the gate has seen.
3. With a ledger: all that it shows is one history, which goes on from what the gate saw last (`byline_gate.growth`). With a key as well
   the decision is signed and logged, whatever it is; only then is it told.
4. What was seen is kept: the policy, the log's checkpoint, and which approved steps the target has taken. An approval that landed and
   was reverted is spent.

`EXIT` is what a program returns for each outcome; "cannot decide" is an exception (3), wrong configuration another (2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.core.verdict import Outcome
from byline.errors import RepositoryError
from byline.flow.judge import Judgement, Pin, Question, judge, record_decision
from byline.flow.landing import landed_steps
from byline.log.evidence import EvidenceRef
from byline.verify import verify_bundles
from byline_gate.growth import FollowedLedger
from byline_gate.state import Seen, Spent, load_seen, save_seen

if TYPE_CHECKING:
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.ports import IndexedLedger, Signer
    from byline.flow.gathering import Evidence
    from byline.git.repository import Repository
    from byline_gate.anchor import Anchor

EXIT = {Outcome.ALLOW: 0, Outcome.DENY: 1, Outcome.PENDING: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A judgement and the bundle of its decision, None where nothing was signed."""

    judgement: Judgement
    decision: Bundle | None = None

    @property
    def entry(self) -> int | None:
        """The index of the decision in the log."""
        return self.decision.receipt.index if self.decision and self.decision.receipt else None


def run_gate(
    repo: Repository,
    anchor: Anchor,
    *,
    head: str,
    evidence: Evidence,
    at: datetime,
    signer: Signer | None = None,
    ledger: IndexedLedger | None = None,
) -> Run:
    """Judge the commit `head` against the tip of the anchor's target at the moment `at`, from `evidence` and what `ledger` has.

    Raises:
        ConfigError: The gate's state cannot be used.
        RepositoryError: The target or an object is not here.
        LedgerError: A log that is needed does not answer.
        VerificationError: The decision cannot be put on record, or the log shows less than before, or another history.
    """
    # 1.
    base = repo.ref(anchor.target)
    if base is None:
        raise RepositoryError(f"the target {anchor.target} is not in this repository", hint="run the gate where the target lives")
    # 2.
    seen = load_seen(anchor.state, repository=anchor.repository)
    spent = tuple(each for each in seen.spent if each.until > at) if seen else ()
    pin = Pin(
        repository=anchor.repository,
        trust_sha256=anchor.trust_sha256,
        policy=seen.policy if seen else None,
        spent=frozenset(step for each in spent for step in each.steps),
    )
    question = Question(
        base=repo.commit_id(base), candidate=repo.commit_id(head), target=anchor.target, environment=anchor.environment, pin=pin
    )
    followed = FollowedLedger(ledger) if ledger else None
    judgement = judge(repo, question, evidence=evidence.asking(followed), at=at)
    trust, policy = judgement.trust, judgement.policy
    if trust is None or policy is None:
        return Run(judgement=judgement)
    # 3.
    logs = dict(seen.logs) if seen else {}
    decision = None
    if followed is not None:
        logs = followed.follow(trust, logs)
        if signer is not None:
            decision = record_decision(judgement, signer=signer, ledger=followed, at=at)
            logs = followed.follow(trust, logs)
            EvidenceRef(repo).add([decision])
    # 4.
    spent = _spend(repo, judgement, spent, evidence, at)
    now = Seen(repository=trust.repository, policy=(policy.version, policy.sha256), spent=spent, logs=tuple(sorted(logs.items())))
    save_seen(anchor.state, now)
    return Run(judgement=judgement, decision=decision)


def _spend(repo: Repository, judgement: Judgement, known: tuple[Spent, ...], evidence: Evidence, at: datetime) -> tuple[Spent, ...]:
    """Return the approvals of which the target has taken a step: those `known`, and those that it shows now, about whatever files."""
    question, trust = judgement.question, judgement.trust
    if trust is None or question.target is None:
        return known
    until = {each.approval: each.until for each in known}
    paths = {each.approval: set(each.paths) for each in known}
    steps = frozenset(step for each in known for step in each.steps)
    landed = verify_bundles(evidence.landed(question.base, question.target, known=steps, at=at), trust=trust, at=at)
    approvals = (*judgement.verification.approvals, *landed.approvals)
    here = [fact for fact in approvals if fact.approval.target == question.target]
    until |= {fact.digest: fact.approval.expires_at for fact in here}
    for digest, path in landed_steps(repo, question.base, here):
        paths.setdefault(digest, set()).add(path)
    return tuple(Spent(approval=digest, until=until[digest], paths=tuple(sorted(paths[digest]))) for digest in sorted(paths))


def preview(repo: Repository, *, base: str, head: str, target: str | None, evidence: Evidence, at: datetime) -> Judgement:
    """Judge the commit `head` against `base` by the trust and policy of `base`: unanchored, nothing is signed.

    Raises:
        RepositoryError: A commit or an object is not here.
        LedgerError: A log that is needed does not answer.
    """
    question = Question(base=repo.commit_id(base), candidate=repo.commit_id(head), target=target)
    return judge(repo, question, evidence=evidence, at=at)

# SPDX-License-Identifier: Apache-2.0
"""judge: one change, the evidence about it, a verdict, and the decision on record.

    judgement = judge(repo, Question(base=..., candidate=..., target="refs/heads/main", pin=pin), evidence=evidence, at=now)
    judgement.verdict.outcome                   # allow, pending or deny
    record_decision(judgement, signer=key, ledger=ledger, at=now)

1. Trust and policy are those of the *base* tree, never the candidate's: regular blobs at `.byline/trust.toml` and `policy.toml`.
   Missing, malformed, expired, of another repository, or (with a `Pin`) of other bytes than the pinned: deny. That is T0.
2. The change is the difference of the two trees, cut into units. An object that is not here is an error: nobody can say.
3. The evidence is verified under that trust; what fails a check relaxes nothing. What does not fit together is found.
   Where trust names a log with an index, that is asked for all that it has about the change: what is not in it is not logged, and
   where the policy asks for completeness, what it has and does not show is withheld. An answer that proves nothing denies.
4. decide gives the verdict.
5. With a pin, a key and a ledger the decision is signed, logged, and its receipt verified before anybody hears "allow".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.bundle import join_receipt
from byline.core.change import Change
from byline.core.decision import Decision, format_decision, inputs_digest
from byline.core.effect import effect_digest
from byline.core.index_keys import subject_key
from byline.core.policy import POLICY_PATH, Binding, Policy, parse_policy
from byline.core.trust import TRUST_PATH, Trust, Use, parse_trust
from byline.core.value import dataclass
from byline.decide import decide_change
from byline.decide.rules import deny_change
from byline.errors import MalformedError, VerificationError
from byline.flow.completion import ask_index, complete
from byline.flow.findings import Finder
from byline.flow.landing import manifest_of, named_commits, read_landing, read_regular
from byline.flow.verbatim import verbatim_bases
from byline.flow.witnessed import await_index, await_strength
from byline.sign.file import sign_payload
from byline.verify import Verification, verify_bundles

if TYPE_CHECKING:
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.ports import IndexedLedger, Signer
    from byline.core.verdict import Verdict
    from byline.flow.completion import Completion
    from byline.flow.gathering import Evidence
    from byline.flow.landing import Landing
    from byline.git.repository import Repository

NOTHING_PROVEN = Verification(facts=(), failures=())
LOWEST_TIER = "A0"  # keys in files: programs of the same user can read them


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What an administrator pinned outside the repository, and what the gate has seen since.

    `repository` is its id, `trust_sha256` that of its trust file; `policy` the version and SHA-256 of the newest policy seen; `spent`
    the steps of approvals (statement, path) that the target was seen to have taken.
    """

    repository: str
    trust_sha256: str
    policy: tuple[int, str] | None = None
    spent: frozenset[tuple[str, bytes]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May `candidate` follow `base` (commit ids) on `target` (a full ref name), for `environment`? Without `pin` it is a preview."""

    base: str
    candidate: str
    target: str | None = None
    environment: str | None = None
    pin: Pin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict, and what it was made from; trust and policy are None where the base has none that can be used."""

    question: Question
    verdict: Verdict
    change: Change | None = None
    trust: Trust | None = None
    policy: Policy | None = None
    verification: Verification = NOTHING_PROVEN


def judge(repo: Repository, question: Question, *, evidence: Evidence, at: datetime) -> Judgement:
    """Return the verdict about `question` at the moment `at`.

    Raises:
        RepositoryError: An object that the answer needs is not here.
        LedgerError: `evidence` asks a log that does not answer.
    """
    # 1.
    try:
        trust, policy = read_state(repo, question.base)
        _check_pin(question.pin, trust, policy)
    except MalformedError as error:
        return Judgement(question=question, verdict=deny_change(f"the base has no state to judge by: {error}"))
    # 2., 3.
    try:
        change, proven = read_change(repo, question, trust=trust, policy=policy, evidence=evidence, at=at)
    except VerificationError as error:
        return Judgement(question=question, verdict=deny_change(f"the log does not prove that nothing was withheld: {error}"))
    # 4.
    verdict = decide_change(policy, change, trust=trust, at=at)
    return Judgement(question=question, verdict=verdict, change=change, trust=trust, policy=policy, verification=proven)


def read_change(
    repo: Repository, question: Question, *, trust: Trust, policy: Policy, evidence: Evidence, at: datetime
) -> tuple[Change, Verification]:
    """Return the change that `question` is about, with the evidence about it as it is verified at the moment `at`.

    Raises:
        VerificationError: The policy asks for completeness, and the log of `evidence` does not prove what it answers.
        RepositoryError: An object that the answer needs is not here.
        LedgerError: `evidence` asks a log that does not answer.
    """
    landing = read_landing(repo, question.base, question.candidate)
    completion = _complete(evidence, landing, trust=trust, policy=policy, at=at)
    bundles = [*evidence.here(landing, at=at), *completion.bundles] if completion else evidence.about(landing, at=at)
    index = completion.index if completion else None
    proven = verify_bundles(bundles, trust=trust, at=at, read=evidence.read, index=index)
    commits = repo.commits_between(question.base, question.candidate)
    named = named_commits(repo, commits)
    finder = Finder(repo, evidence.index, trust, at=at)
    is_bound_to_tree = policy.binding is Binding.TREE or any(fact.approval.binding is Binding.TREE for fact in proven.approvals)
    change = Change(
        repository=trust.repository,
        target=question.target,
        environment=question.environment,
        manifest=manifest_of(repo, question.candidate) if is_bound_to_tree else None,
        files=landing.files,
        authorships=proven.authorships,
        approvals=proven.approvals,
        named=frozenset[bytes]().union(*named.values()),
        verbatim=verbatim_bases(repo, proven.authorships, landing),
        spent=question.pin.spent if question.pin else frozenset(),
        tombstones=proven.tombstones,
        findings=finder.about_change(landing, proven.authorships, commits=frozenset(commits), named=named),
        completeness=completion.completeness if completion and policy.needs_index else None,
    )
    return change, proven


def _complete(evidence: Evidence, landing: Landing, *, trust: Trust, policy: Policy, at: datetime) -> Completion | None:
    """Ask the index of the log of `evidence`, if trust says that it has one."""
    if evidence.ledger is None or not trust.indexed_logs:
        return None
    try:
        return complete(evidence, landing, evidence.ledger, trust=trust, at=at, max_age=policy.max_checkpoint_age, strength=policy.strength)
    except (MalformedError, VerificationError) as error:
        if policy.needs_index:
            raise VerificationError(str(error), code=error.code, hint=error.hint) from error
        return None  # then nothing counts as logged there


def read_state(repo: Repository, base: str) -> tuple[Trust, Policy]:
    """Return the trust and policy of the commit `base`.

    Raises:
        MalformedError: One of them is missing, not a regular file, or not what it should be.
        RepositoryError: An object is not here.
    """
    found = [read_regular(repo, base, path) for path in (TRUST_PATH, POLICY_PATH)]
    for path, data in zip((TRUST_PATH, POLICY_PATH), found, strict=True):
        if data is None:
            raise MalformedError(f"{path.decode()} is not there as a regular file")
    return parse_trust(found[0] or b""), parse_policy(found[1] or b"")


def _check_pin(pin: Pin | None, trust: Trust, policy: Policy) -> None:
    if pin is None:
        return
    if trust.sha256 != pin.trust_sha256:
        raise MalformedError(f"trust.toml is sha256:{trust.sha256}, the anchor pins sha256:{pin.trust_sha256}")
    if trust.repository != pin.repository:
        raise MalformedError("trust.toml is of another repository than the anchor pins")
    version, sha256 = pin.policy or (policy.version, policy.sha256)
    if policy.version < version:
        raise MalformedError(f"policy version {policy.version} is older than {version}, which this gate has seen")
    if policy.version == version and policy.sha256 != sha256:
        raise MalformedError(f"policy version {version} has other bytes than the one that this gate has seen")


def record_decision(judgement: Judgement, *, signer: Signer, ledger: IndexedLedger, at: datetime) -> Bundle:
    """Sign the decision, log it, and return its bundle once the receipt has been verified like any other's.

    Raises:
        VerificationError: There is nothing to record, trust does not let the key sign decisions, or the receipt does not prove it.
        LedgerError: The log does not take it.
    """
    question, change, trust, policy = judgement.question, judgement.change, judgement.trust, judgement.policy
    if question.pin is None or question.target is None or change is None or trust is None or policy is None:
        raise VerificationError("a verdict without an anchor, or without trust and policy, is not put on record")
    decision = Decision(
        repository=trust.repository,
        outcome=judgement.verdict.outcome,
        base=question.base,
        candidate=question.candidate,
        target=question.target,
        environment=question.environment,
        effect=effect_digest(change.transitions),
        trust_version=trust.version,
        trust_sha256=trust.sha256,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        inputs=inputs_digest(fact.digest for fact in judgement.verification.facts),
        tier=LOWEST_TIER,
        decided_at=at,
    )
    trust.principal_of(signer.public, Use.DECISION)
    envelope = sign_payload(format_decision(decision), signer)
    bundle = join_receipt(envelope, signer.public, ledger.append(envelope, signer.public))
    index = None
    if trust.indexed_logs:
        keys = [subject_key(trust.repository, decision.effect)]
        index = ask_index(ledger, keys, trust=trust, at=at, max_age=policy.max_checkpoint_age)
        index = await_index(index, policy.strength, ledger, trust=trust, at=at)
    bundle, strength = await_strength(bundle, policy.strength, ledger, trust=trust, at=at, index=index)
    if strength.rank < policy.strength.rank:
        raise VerificationError(f"the decision is {strength} only, and policy asks for {policy.strength}")
    return bundle

# SPDX-License-Identifier: Apache-2.0
"""A small case for the gate: a trust with four people, policies, claims, approvals, and changes made of them.

The people are Ana and Ben (senior), Mia (mid) and Rob (junior); there is also an agent and a service. Their keys are those of
`byline.testing.fixed_signer`, so statements can really be signed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from byline.core.approval import Approval, format_approval
from byline.core.attribution import Agent, Channel, Evidence, Origin, Owner
from byline.core.authorship import Authorship, Commit, Link, Recorder, format_authorship
from byline.core.bundle import Bundle
from byline.core.change import Change, ChangedFile, cut_file
from byline.core.claim import Base, Claim, Copied, New, Op, Removed
from byline.core.diff import gaps, match_lines, runs
from byline.core.effect import FileState, Transition, effect_digest
from byline.core.lines import hash_lines, split_lines
from byline.core.policy import Binding, Policy, parse_policy
from byline.core.presets import TEAM_LEVELS, format_preset
from byline.core.statement import parse_statement
from byline.core.tombstone import LogEntry, Reason, Tombstone, format_tombstone
from byline.core.trust import Kind, LogClass, Principal, Trust, TrustedKey, TrustedLog, Use, parse_trust
from byline.core.trustfile import format_new_trust
from byline.decide import decide_change
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger, fixed_signer
from byline.verify import verify_bundles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.core.verdict import Outcome, Verdict
    from byline.core.verified import VerifiedAuthorship

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
REPOSITORY = "byl:6f1c2a90d4b7431e9a55c0de10f4ab21"
# What rules of a test are written under.
SOLO = format_preset("solo", repository=REPOSITORY)
LINE_KEY = b"k" * 32
TARGET = "refs/heads/main"
LEVELS = TEAM_LEVELS

PEOPLE = {"p-ana": "senior", "p-ben": "senior", "p-mia": "mid", "p-rob": "junior"}
SIGNERS = {name: fixed_signer(number) for number, name in enumerate([*PEOPLE, "a-bot", "s-gate", "p-eve"], 1)}
PERSONAL = (Use.AUTHORSHIP, Use.APPROVAL)


def trust_bytes(*, logs: tuple[TrustedLog, ...] = (), uses: dict[str, tuple[Use, ...]] | None = None) -> bytes:
    """Make the trust file of the case; p-eve is nobody in it. `uses` overrides what somebody's key may do."""
    kinds = {**dict.fromkeys(PEOPLE, Kind.HUMAN), "a-bot": Kind.AGENT, "s-gate": Kind.SERVICE}
    allowed = {**dict.fromkeys(PEOPLE, PERSONAL), "p-ana": (*PERSONAL, Use.ROOT), "a-bot": (Use.AUTHORSHIP,), "s-gate": (Use.DECISION,)}
    allowed |= uses or {}
    return format_new_trust(
        repository=REPOSITORY,
        line_key=LINE_KEY,
        issued=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=100),
        levels=LEVELS,
        logs=logs,
        principals=[Principal(id=name, kind=kind, level=PEOPLE.get(name)) for name, kind in kinds.items()],
        keys=[TrustedKey(principal=name, public=SIGNERS[name].public, uses=allowed[name]) for name in kinds],
    )


def make_trust(*, logs: tuple[TrustedLog, ...] = (), uses: dict[str, tuple[Use, ...]] | None = None) -> Trust:
    """Make the trust of the case."""
    return parse_trust(trust_bytes(logs=logs, uses=uses))


def independent(ledger: MemoryLedger) -> TrustedLog:
    """Trust a ledger as a log that somebody else runs."""
    return TrustedLog(origin=ledger.key.name, vkey=ledger.vkey, kind=LogClass.INDEPENDENT, operator="s-gate")


def team(**changes: object) -> Policy:
    """Make the preset `team`, with fields of the parsed policy replaced."""
    return replace(parse_policy(format_preset("team", repository=REPOSITORY).encode()), **changes)  # type: ignore[arg-type]  # by name


def strict() -> Policy:
    """Make the preset `team` without any credit for claims: T3 holds."""
    return team(credit_human=(), credit_hands=False)


def sha(data: bytes) -> str:
    """Hash."""
    return hashlib.sha256(data).hexdigest()


def state(data: bytes | None, mode: str = "100644") -> FileState | None:
    """Make the state of a file with this content; None is no file."""
    return None if data is None else FileState(mode=mode, sha256=sha(data))


def move(path: bytes, old: bytes | None, new: bytes | None, *, modes: tuple[str, str] = ("100644", "100644")) -> Transition:
    """Make a transition between two contents."""
    return Transition(path=path, old=state(old, modes[0]), new=state(new, modes[1]))


def changed(path: bytes, old: bytes | None, new: bytes | None, *, modes: tuple[str, str] = ("100644", "100644")) -> ChangedFile:
    """Cut the change from one content to another."""
    return cut_file(move(path, old, new, modes=modes), old, new)


def ai(person: str | None, *, evidence: Evidence = Evidence.OBSERVED) -> Owner:
    """Make text of an agent for which `person` answers."""
    agent = Agent(name="claude-code", version="2.1", model="model-x")
    return Owner(origin=Origin.AI, evidence=evidence, channel=Channel.HOOK, agent=agent, session="s-1", principal=person)


def human(person: str | None, *, evidence: Evidence = Evidence.DECLARED, channel: Channel = Channel.DECLARATION) -> Owner:
    """Make text that a person declares to be theirs."""
    return Owner(origin=Origin.HUMAN, evidence=evidence, channel=channel, principal=person)


def claim(
    path: bytes, old: bytes | None, new: bytes | None, owner: Owner, *, base_path: bytes | None = None, op: Op | None = None
) -> Claim:
    """Make the recipe of `new` over `old`, all that is new and all that is gone being `owner`'s."""
    came_from = base_path or path
    bases = () if old is None else (Base(parent=0, path=came_from, mode="100644", sha256=sha(old), blob="b" * 40),)
    if new is None:
        return Claim(path=path, op=Op.DELETE, mode=None, sha256=None, blob=None, hand=owner, bases=bases)
    before, after = split_lines(old or b""), split_lines(new)
    matching = match_lines(before, after)
    hashes = hash_lines(after, LINE_KEY)
    segments: list[Copied | New] = []
    at = 0
    for run in runs(matching):
        segments += [New(owner=owner, hashes=b"".join(hashes[at : run.new]))] if run.new > at else []
        segments.append(Copied(base=0, start=run.old, count=run.count))
        at = run.new + run.count
    segments += [New(owner=owner, hashes=b"".join(hashes[at:]))] if at < len(after) else []
    removed = tuple(Removed(base=0, lines=gap.old, hand=owner) for gap in gaps(matching, len(before)) if gap.old)
    kind = op or (Op.ADD if old is None else Op.MODIFY)
    return Claim(
        path=path,
        op=kind,
        mode="100644",
        sha256=sha(new),
        blob="c" * 40,
        hand=owner,
        bases=bases,
        segments=tuple(segments),
        removed=removed,
    )


def authorship(*claims: Claim, repository: str = REPOSITORY, seq: int = 1) -> Authorship:
    """Make a statement about `claims`."""
    return Authorship(
        repository=repository,
        salt=bytes(16),
        change=effect_digest([each for one in claims for each in one.transitions()]),
        commit=Commit(id="1" * 40, tree="2" * 40, parents=("3" * 40,)),
        recorder=Recorder(name="byline", version="0.1.0", channel="git"),
        chain=Link(id="clone", seq=seq, prev=None),
        claims=claims,
    )


def approval(approver: str, *moves: Transition, policy: Policy, **changes: object) -> Approval:
    """Make a yes to `moves`; `changes` replaces fields."""
    ordered = tuple(sorted(moves, key=lambda each: each.path))
    given = Approval(
        repository=REPOSITORY,
        approver=approver,
        binding=Binding.EFFECT,
        digest=effect_digest(ordered),
        transitions=ordered,
        target=TARGET,
        environment="*",
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        approved_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(hours=71),
        nonce=bytes(16),
        shown=sha(b"what was shown"),
    )
    return replace(given, **changes)  # type: ignore[arg-type]  # by name


def tombstone(bundle: Bundle, **changes: object) -> Tombstone:
    """Make a person's wish that what was signed in `bundle` be erased; `changes` replaces fields."""
    statement = parse_statement(bundle.envelope.payload)
    wish = Tombstone(
        repository=REPOSITORY,
        statement=statement.digest,
        key=bundle.key_hint,
        predicate_type=statement.predicate_type,
        subjects=tuple(dict.fromkeys(each.sha256 for each in statement.subjects)),
        reason=Reason.PERSONAL_DATA,
        erased_at=NOW,
        entry=LogEntry(origin=bundle.receipt.origin, index=bundle.receipt.index) if bundle.receipt else None,
    )
    return replace(wish, **changes)  # type: ignore[arg-type]  # by name


def signed(what: Authorship | Approval | Tombstone, signer: str, ledger: MemoryLedger | None = None) -> Bundle:
    """Sign a statement with somebody's key, and log it if there is a ledger."""
    key = SIGNERS[signer]
    format_what = {Approval: format_approval, Authorship: format_authorship, Tombstone: format_tombstone}[type(what)]
    envelope = sign_payload(format_what(what), key)  # type: ignore[operator]  # by its type
    receipt = ledger.append(envelope, key.public) if ledger else None
    return Bundle(envelope=envelope, key_hint=sha(key.public), receipt=receipt)


def judge(
    files: list[ChangedFile],
    bundles: list[Bundle],
    *,
    policy: Policy | None = None,
    trust: Trust | None = None,
    at: datetime = NOW,
    **changes: object,
) -> Verdict:
    """Verify `bundles` and decide about `files`."""
    whom = trust or make_trust()
    proven = verify_bundles(bundles, trust=whom, at=at)
    change = Change(
        repository=REPOSITORY,
        target=TARGET,
        environment=None,
        manifest=sha(b"tree"),
        files=tuple(files),
        authorships=proven.authorships,
        approvals=proven.approvals,
        tombstones=proven.tombstones,
        verbatim=verbatim(proven.authorships),
    )
    return decide_change(policy or team(), replace(change, **changes), trust=whom, at=at)  # type: ignore[arg-type]  # by name


def verbatim(facts: Iterable[VerifiedAuthorship]) -> frozenset[tuple[str, bytes, int]]:
    """Say of every base that what claims copy from it is the same text: `claim` matches lines that are."""
    return frozenset(
        (fact.digest, made.path, number) for fact in facts for made in fact.authorship.claims for number in range(len(made.bases))
    )


def outcome(*arguments: object, **named: object) -> Outcome:
    """Return only what `judge` says."""
    return judge(*arguments, **named).outcome  # type: ignore[arg-type]  # as judge

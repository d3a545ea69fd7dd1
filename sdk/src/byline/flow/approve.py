# SPDX-License-Identifier: Apache-2.0
r"""approve: show a person a change, and sign their yes to exactly those bytes.

    proposal = propose_approval(repo, question, public=key.public, evidence=..., at=now)
    show(proposal.text)                                            # and ask
    payload = approval_payload(proposal, nonce=..., at=now)        # to be signed, put into the outbox, delivered

Trust and policy are those of the base, as for the gate. The text shown is made of the two versions of every file; its SHA-256
goes into the approval. It is plain ASCII and printable UTF-8: every other byte of the repository stands as `\xNN`, so that
nothing in a file can paint over what the approver reads.

Nobody approves what a gate would not count from them (`decide.standing`): what they had a hand in, what wants another level or
another key. Such files are left out, with the reason, and if nothing remains it is an error.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from byline.core.approval import ANY_ENVIRONMENT, Approval, format_approval
from byline.core.change import Side
from byline.core.effect import effect_digest
from byline.core.policy import Binding, Policy
from byline.core.trust import Kind, Trust, TrustedKey, Use
from byline.core.value import dataclass
from byline.decide.standing import list_uncounted
from byline.errors import IdentityError, UnknownKeyError, VerificationError
from byline.flow.judge import read_change, read_state
from byline.flow.landing import manifest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from byline.core.change import ChangedFile, Unit
    from byline.core.effect import FileState
    from byline.decide.standing import Uncounted
    from byline.flow.gathering import Evidence
    from byline.flow.judge import Question
    from byline.git.repository import Repository

LASTS = timedelta(hours=72)  # where the policy does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What somebody is about to approve: `files`, shown as `text`; `left_out` are those for which a gate would not count it."""

    approver: str
    question: Question
    trust: Trust
    policy: Policy
    files: tuple[ChangedFile, ...]
    left_out: tuple[Uncounted, ...]
    manifest: str | None
    text: str


def propose_approval(repo: Repository, question: Question, *, public: bytes, evidence: Evidence, at: datetime) -> Proposal:
    """Return what the holder of the key `public` can approve of the change in `question`.

    Raises:
        MalformedError: The base has no trust or policy to approve under.
        UnknownKeyError: Trust does not know the key as one that may approve.
        IdentityError: A gate would count the approver's yes for none of the files.
        VerificationError: There is nothing to approve.
        StaleError: Trust has expired.
        RepositoryError: An object is not here.
        LedgerError: `evidence` asks a log that does not answer.
    """
    trust, policy = read_state(repo, question.base)
    trust.check_current(at)
    approver, key = _approver(trust, public)
    change, _ = read_change(repo, question, trust=trust, policy=policy, evidence=evidence, at=at)
    if not change.files:
        raise VerificationError("there is nothing to approve: both commits hold the same files")
    left_out = list_uncounted(policy, change, trust, approver=approver, uses=key.uses, is_token=key.type.is_token)
    rest = tuple(each for each in change.files if each.transition.path not in {file.path for file in left_out})
    if not rest:
        first, more = left_out[0], f", and {len(left_out) - 1} more" if left_out[1:] else ""
        message = f"no gate would count this approval by {approver}: {visible(first.path)}: {first.why}{more}"
        raise IdentityError(message, hint="somebody else has to look at it")
    manifest = manifest_of(repo, question.candidate) if policy.binding is Binding.TREE else None
    return Proposal(
        approver=approver,
        question=question,
        trust=trust,
        policy=policy,
        files=rest,
        left_out=left_out,
        manifest=manifest,
        text="".join(_render(repo, question, rest)),
    )


def approval_payload(proposal: Proposal, *, nonce: bytes, at: datetime) -> bytes:
    """Return the statement with which the approver says yes at the moment `at`; `nonce` is 16 random bytes.

    Raises:
        StatementError: It does not fit a statement, or the question has no target.
    """
    policy, question = proposal.policy, proposal.question
    moves = tuple(each.transition for each in proposal.files)
    now = at.replace(microsecond=0)
    return format_approval(
        Approval(
            repository=proposal.trust.repository,
            approver=proposal.approver,
            binding=policy.binding,
            digest=proposal.manifest or effect_digest(moves),
            transitions=moves,
            target=question.target or "",
            environment=question.environment or ANY_ENVIRONMENT,
            policy_version=policy.version,
            policy_sha256=policy.sha256,
            approved_at=now,
            expires_at=now + (policy.max_age or LASTS),
            nonce=nonce,
            shown=hashlib.sha256(proposal.text.encode()).hexdigest(),
        )
    )


def _approver(trust: Trust, public: bytes) -> tuple[str, TrustedKey]:
    key = trust.key(public)
    who = trust.principal(key.principal) if key else None
    if key is None or who is None:
        raise UnknownKeyError("trust does not know your key", hint="an owner adds it with byline trust add")
    if who.kind is not Kind.HUMAN or not {Use.APPROVAL, Use.ROOT} & set(key.uses):
        raise UnknownKeyError(f"trust does not let this key of {who.id} approve", hint="its uses need approval or root")
    return who.id, key


def _render(repo: Repository, question: Question, files: tuple[ChangedFile, ...]) -> Iterator[str]:
    for file in files:
        path, move = file.transition.path, file.transition
        yield f"{visible(path)}  {_side(move.old)} -> {_side(move.new)}\n"
        lines = {
            side: _lines(repo, commit, path)
            for side, commit in ((Side.REMOVED, question.base), (Side.ADDED, question.candidate))
            if any(unit.side is side for unit in file.units)
        }
        for unit in file.units:
            yield from _unit(unit, lines.get(unit.side, []))


def _side(state: FileState | None) -> str:
    return f"{state.mode} sha256:{state.sha256[:16]}" if state else "nothing"


def _lines(repo: Repository, commit: str, path: bytes) -> list[str]:
    entry = repo.entry(commit, path)
    lines = repo.read_blob(entry.oid).split(b"\n") if entry else [b""]
    last = lines.pop()
    return [*map(visible, lines), *([f"{visible(last)}  (no line end)"] if last else [])]


def _unit(unit: Unit, lines: list[str]) -> Iterator[str]:
    if unit.lines is None:
        yield f"  the whole file: {unit.kind}\n"
        return
    sign = "+" if unit.side is Side.ADDED else "-"
    for number in range(unit.lines.start, unit.lines.end):
        yield f"  {sign}{number + 1:>6}  {lines[number]}\n"


def visible(data: bytes) -> str:
    r"""Return `data` as text in which nothing is hidden: what is not printable stands as `\xNN`, a backslash as two."""
    text = data.decode("utf-8", "surrogateescape")
    return "".join(each if each.isprintable() and each != "\\" else _escape(each) for each in text)


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))

# SPDX-License-Identifier: Apache-2.0
"""The predicate `change-approval`: a person's signed yes to exact bytes.

    {"repository": {"id"}, "approver", "notAuthor": true, "binding": "effect" | "tree", "digest",
     "transitions": [[path, oldMode, oldSha256, newMode, newSha256], ...], "target", "environment" | "*",
     "policy": {"version", "sha256"}, "approvedAt", "expiresAt", "nonce", "shown"}

`transitions` is what was shown, sorted by path, and what is approved. With binding `effect`, `digest` is their effect
(`core.effect`); with `tree` it is the manifest of the whole tree that they lead to, and the approval holds for that tree only.
The first subject is `digest`. `shown` is the SHA-256 of what the approver was shown, as bytes. `nonce` is 16 bytes in base64,
so that two approvals are two statements. An approval says nothing about diffs, context or commits: it survives a rebase, a merge
or a squash exactly when the files that it names come out with the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.canonical import Json, format_base64, parse_base64
from byline.core.effect import Transition, effect_digest, parse_sha256, transition_from_json, transition_to_json
from byline.core.moment import format_moment, parse_moment
from byline.core.policy import Binding
from byline.core.statement import (
    PredicateType,
    Statement,
    Subject,
    format_statement,
    take_count,
    take_list,
    take_members,
    take_text,
)
from byline.core.value import dataclass
from byline.errors import MalformedError, StatementError

if TYPE_CHECKING:
    from datetime import datetime

NONCE_BYTES = 16
ANY_ENVIRONMENT = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """`approver` (a principal's id) says yes to `transitions`, for one `target` and one environment or all (`*`)."""

    repository: str
    approver: str
    binding: Binding
    digest: str
    transitions: tuple[Transition, ...]
    target: str
    environment: str
    policy_version: int
    policy_sha256: str
    approved_at: datetime
    expires_at: datetime
    nonce: bytes
    shown: str


def format_approval(approval: Approval) -> bytes:
    """Return the payload of `approval`; the approver says with it that they are no author of the change.

    Raises:
        StatementError: It does not fit a statement, or it contradicts itself.
    """
    _check_whole(approval)
    predicate: dict[str, Json] = {
        "repository": {"id": approval.repository},
        "approver": approval.approver,
        "notAuthor": True,
        "binding": str(approval.binding),
        "digest": approval.digest,
        "transitions": [transition_to_json(each) for each in approval.transitions],
        "target": approval.target,
        "environment": approval.environment,
        "policy": {"version": approval.policy_version, "sha256": approval.policy_sha256},
        "approvedAt": format_moment(approval.approved_at),
        "expiresAt": format_moment(approval.expires_at),
        "nonce": format_base64(approval.nonce),
        "shown": approval.shown,
    }
    return format_statement((Subject(name="change", sha256=approval.digest),), PredicateType.APPROVAL, predicate)


def parse_approval(statement: Statement) -> Approval:
    """Read the predicate of `statement`.

    Raises:
        StatementError: Another predicate type, or a predicate that is not exactly as above.
    """
    if statement.predicate_type != PredicateType.APPROVAL:
        raise StatementError("not an approval")
    try:
        approval = _read(statement)
    except StatementError:
        raise
    except MalformedError as error:
        raise StatementError(str(error)) from error
    _check_whole(approval)
    if statement.change != approval.digest:
        raise StatementError("an approval's first subject is its digest")
    return approval


def _read(statement: Statement) -> Approval:
    top = take_members(
        statement.predicate,
        *("repository", "approver", "notAuthor", "binding", "digest", "transitions", "target", "environment"),
        *("policy", "approvedAt", "expiresAt", "nonce", "shown"),
        what="an approval",
    )
    if top["notAuthor"] is not True:
        raise StatementError("an approver says that they are not the author")
    if top["binding"] not in list(Binding):
        raise StatementError("binding is effect or tree")
    policy = take_members(top["policy"], "version", "sha256", what="policy")
    repository = take_members(top["repository"], "id", what="repository")
    return Approval(
        repository=take_text(repository["id"], what="repository.id"),
        approver=take_text(top["approver"], what="approver"),
        binding=Binding(top["binding"]),
        digest=parse_sha256(top["digest"]),
        transitions=tuple(transition_from_json(each) for each in take_list(top["transitions"], what="transitions")),
        target=take_text(top["target"], what="target"),
        environment=take_text(top["environment"], what="environment"),
        policy_version=take_count(policy["version"], what="policy.version", least=1),
        policy_sha256=parse_sha256(policy["sha256"]),
        approved_at=parse_moment(top["approvedAt"]),
        expires_at=parse_moment(top["expiresAt"]),
        nonce=parse_base64(top["nonce"]),
        shown=parse_sha256(top["shown"]),
    )


def _check_whole(approval: Approval) -> None:
    paths = [each.path for each in approval.transitions]
    if not paths or paths != sorted(set(paths)):
        raise StatementError("an approval names each path once, in order, and at least one")
    if approval.binding is Binding.EFFECT and approval.digest != effect_digest(approval.transitions):
        raise StatementError("an approval's digest is not that of its transitions")
    if len(approval.nonce) != NONCE_BYTES:
        raise StatementError(f"a nonce is {NONCE_BYTES} bytes")
    if approval.expires_at <= approval.approved_at:
        raise StatementError("an approval expires after it is given")

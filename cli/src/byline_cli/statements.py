# SPDX-License-Identifier: Apache-2.0
"""How a signed statement looks to a person and to a program.

    ✓ authorship by p-rob, logged, entry 3 of ledger.example  2c26b46b68ff
        modify  src/shop.py  +4 ai observed (claude-code · claude-sonnet-4-5); -2 by ai observed (claude-code)

`+` says whose the lines are that came, `-` who took lines away; a statement has no text, so lines without words are counted as well.
`✓` and `?` are blame's marks: proven, signed by a key that trust does not know; `✗` is a statement that a check found wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byline.core.access import Effect
from byline.core.approval import Approval
from byline.core.authorship import Authorship
from byline.core.claim import New
from byline.core.decision import Decision
from byline.core.delegation import Delegation, Revocation
from byline.core.effect import path_members
from byline.core.moment import format_moment
from byline.core.report import owner_to_json
from byline.core.tombstone import Tombstone
from byline.core.verified import VerifiedAuthorship
from byline.errors import MalformedError, UnknownKeyError
from byline_cli.terminal import count, show_path
from byline_cli.view import describe_evidence, describe_owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.attribution import Owner
    from byline.core.bundle import Bundle
    from byline.core.claim import Claim
    from byline_cli.dossier import Item

DIGITS = 12


def describe_item(item: Item) -> Iterator[str]:
    """Yield the lines that show one statement."""
    fact = item.fact
    who = fact.principal if fact else f"key {item.bundle.key_hint[:16]}"
    if isinstance(fact, VerifiedAuthorship) and fact.authorship.mandate:
        who = f"an agent's key for {who}"
    is_wrong = item.failure is not None and item.failure.code != UnknownKeyError.default_code
    mark = "✓" if item.is_proven else "✗" if is_wrong else "?"
    is_import = isinstance(item.said, Authorship) and item.said.is_imported
    kind = "import" if is_import else item.kind
    yield f"{mark} {kind} by {who}, {fact.strength if fact else 'unverified'}{_receipt(item.bundle)}  {item.digest[:DIGITS]}"
    said = item.said
    if isinstance(said, Authorship):
        for claim in said.claims:
            yield "    " + _claim(claim, is_import=is_import)
        for each in said.refusals:
            held = "was not let" if each.effect is Effect.DENY else "was to ask first"
            yield f"    {each.agent.name} {held}: {', '.join(each.kinds) or 'anything'}, rule {each.rule}"
    elif isinstance(said, Approval):
        over = " (over)" if item.is_over else ""
        time = f"given {said.approved_at:%Y-%m-%d %H:%M}, until {said.expires_at:%Y-%m-%d %H:%M} UTC"
        yield f"    {count(len(said.transitions), 'file')} for {said.target}, {time}{over}"
    elif isinstance(said, Decision):
        time = f"{said.decided_at:%Y-%m-%d %H:%M} UTC"
        yield f"    {said.outcome}: {said.base[:DIGITS]} -> {said.candidate[:DIGITS]} on {said.target}, {time}"
    elif isinstance(said, Delegation):
        yield f"    {describe_scope(said)}"
    elif isinstance(said, Revocation):
        yield f"    of the delegation {said.delegation[:DIGITS]}, {said.revoked_at:%Y-%m-%d %H:%M} UTC"
    elif isinstance(said, Tombstone):
        yield f"    {said.reason}: statement {said.statement[:DIGITS]} of key {said.key[:16]}, {said.erased_at:%Y-%m-%d %H:%M} UTC"


def describe_scope(said: Delegation) -> str:
    """Return what an agent's key may sign, for whom and until when, in a line."""
    models = f" ({', '.join(said.models)})" if said.models else ""
    paths = ", ".join(said.paths) if said.paths else "every path"
    return f"{said.agent}{models} for {said.delegator}: {paths}, until {said.expires_at:%Y-%m-%d %H:%M} UTC, key {said.key[:16]}"


def claims_to_json(item: Item) -> list[dict[str, Any]]:
    """Return what an authorship statement claims, file by file, with 1-based lines."""
    return [_claim_to_json(claim) for claim in item.said.claims] if isinstance(item.said, Authorship) else []


def said_to_json(item: Item) -> dict[str, Any]:
    """Return what an approval or a decision says about where and when."""
    said = item.said
    if isinstance(said, Approval):
        when = {"approved": format_moment(said.approved_at), "expires": format_moment(said.expires_at)}
        return {"approver": said.approver, "target": said.target, "environment": said.environment, **when}
    if isinstance(said, Decision):
        sides = {"verdict": str(said.outcome), "base": said.base, "candidate": said.candidate}
        return {**sides, "target": said.target, "environment": said.environment, "decided": format_moment(said.decided_at)}
    return {}


def receipt_to_json(bundle: Bundle) -> dict[str, Any] | None:
    """Return which log has the statement, and where."""
    if bundle.receipt is None:
        return None
    try:
        claimed = bundle.receipt.claimed
    except MalformedError:
        return None
    return {"origin": claimed.origin, "index": bundle.receipt.index, "size": claimed.size}


def _receipt(bundle: Bundle) -> str:
    receipt = receipt_to_json(bundle)
    return f", entry {receipt['index']} of {receipt['origin']}" if receipt else ", no receipt"


def _claim(claim: Claim, *, is_import: bool) -> str:
    added: dict[str, int] = {}
    for each in claim.segments:
        if isinstance(each, New) and (each.owner.is_ai or not is_import):
            name = _name(each.owner)
            added[name] = added.get(name, 0) + each.count
    removed: dict[str, int] = {}
    for gone in claim.removed:
        name = _name(gone.hand)
        removed[name] = removed.get(name, 0) + len(gone.lines)
    counts = [f"+{count} {name}" for name, count in added.items()] + [f"-{count} by {name}" for name, count in removed.items()]
    return f"{claim.op:<7} {show_path(claim.path)}  {'; '.join(counts) or _name(claim.hand)}"


def _name(owner: Owner) -> str:
    facts = owner_to_json(owner)
    who = describe_owner(facts)
    return describe_evidence(facts) if facts["origin"] == "unknown" else f"{describe_evidence(facts)} ({who})"


def _claim_to_json(claim: Claim) -> dict[str, Any]:
    new = []
    line = 1
    for each in claim.segments:
        if isinstance(each, New):
            new.append({"start": line, "end": line + each.count - 1, **owner_to_json(each.owner)})
        line += each.count
    removed = [
        {"base": each.base, "start": each.lines.first, "end": each.lines.last, "hand": owner_to_json(each.hand)} for each in claim.removed
    ]
    return {**path_members(claim.path), "op": str(claim.op), "hand": owner_to_json(claim.hand), "new": new, "removed": removed}

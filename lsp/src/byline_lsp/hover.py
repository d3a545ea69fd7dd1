# SPDX-License-Identifier: Apache-2.0
"""What the editor shows of one line: who, model, session, evidence, signature, approval.

Names come from agents and repositories, so they are cut, freed of control and direction characters, and, in Markdown, put into
code spans: no text of theirs can become a link, a command or a heading. Nothing is coloured, so nothing is lost without colour.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from byline.core.attribution import Origin
from byline.core.report import MEANING

if TYPE_CHECKING:
    from byline.core.attribution import Byline, Owner
    from byline.flow.proofs import Proof
    from byline_lsp.snapshot import Snapshot

MAX_NAME: Final = 120
UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})

ORIGINS: Final = {
    Origin.HUMAN: "Person",
    Origin.AI: "AI",
    Origin.MIXED: "Mixed",
    Origin.TOOL: "Tool",
    Origin.IMPORTED: "Imported",
    Origin.UNKNOWN: "Unknown: nothing says who wrote this",
}
UNRECORDED: Final = "Not yet recorded: unsaved text."


def describe_line(snapshot: Snapshot, row: int, *, markdown: bool) -> str:
    """Return what is known of row number `row` of the saved file; `row` is negative for text that is not saved."""
    if row < 0:
        return UNRECORDED
    byline = snapshot.bylines[row]
    owner = byline.owner
    facts = []
    if owner.earlier is not None:
        facts.append(f"changed in part; before: {_who(owner.earlier, markdown=markdown)}, {owner.earlier.evidence}")
    if owner.is_known:
        facts.append(f"evidence: {owner.evidence}: {MEANING[owner.evidence]}")
    facts += [
        f"{what}: {_name(name, markdown=markdown)}"
        for what, name in (
            ("session", owner.session),
            ("answers for it", _answers(owner)),
            ("commit", byline.commit and byline.commit[:12]),
        )
        if name
    ]
    facts.append(f"signature: {_signature(byline, snapshot.proofs.get(byline.statement or ''), markdown=markdown)}")
    said = ", ".join(f"{_name(each.person, markdown=markdown)} on {_name(each.at, markdown=markdown)}" for each in snapshot.approvals)
    facts.append(f"approval: {said or 'none of this version of the file'}")
    origin = f"**{ORIGINS[owner.origin]}**" if markdown else ORIGINS[owner.origin]
    return "\n".join([f"{origin} {_who(owner, markdown=markdown)}".rstrip(), "", *(f"- {fact}" for fact in facts)])


def printable(text: str, limit: int = MAX_NAME) -> str:
    """Return `text` on one line, without characters that steer a display, at most `limit` of them."""
    kept = "".join(" " if each in "\t\n\r" else "" if unicodedata.category(each) in UNPRINTABLE else each for each in text[: 4 * limit])
    return kept if len(kept) <= limit else kept[: limit - 1] + "\u2026"


def _name(text: str, *, markdown: bool) -> str:
    plain = printable(text)
    return f"`{plain.replace('`', chr(39))}`" if markdown else plain


def _who(owner: Owner, *, markdown: bool) -> str:
    if owner.agent:
        model = f" ({_name(owner.agent.model, markdown=markdown)})" if owner.agent.model else ""
        return _name(owner.agent.name, markdown=markdown) + model
    if owner.tool:
        return _name(f"{owner.tool.name} {owner.tool.version or ''}".strip(), markdown=markdown)
    return _name(owner.principal, markdown=markdown) if owner.principal and owner.origin is Origin.HUMAN else ""


def _answers(owner: Owner) -> str | None:
    return None if owner.origin is Origin.HUMAN else owner.principal


def _signature(byline: Byline, proof: Proof | None, *, markdown: bool) -> str:
    if byline.statement is None:
        return "none yet" if byline.owner.is_known else "none"
    if proof is None or not proof.verified:
        why = f": {_name(proof.problem, markdown=markdown)}" if proof and proof.problem else ""
        return f"not verified{why}"
    signer = f", by {_name(proof.signer, markdown=markdown)}" if proof.signer else ""
    return f"verified{signer}{f', {proof.strength}' if proof.strength else ''}"
